#pragma once
// What the coders of mixed rows (kivi_coder.cuh, kvquant_coder.cuh, cq_coder.cuh) share. They do what the codecs of
// core/methods/store do, in fp64 where these do, so that the same codes come of it.
//
// A coder has code(part, place, position, memory): the row in memory.values, which all threads have seen, becomes codes in
// `place.record`, and memory.row.stored what it stands for where that is wanted, each component its own thread's.

#include <cstddef>
#include <cstdint>

#include "core/kernels/cuda/mixed_part.cuh"
#include "core/kernels/cuda/stored_row.cuh"

namespace fovea::cuda {

struct CodeMemory {
    RowMemory row;
    Shared<float> values;  // (d) the row to code
    Shared<float> other;   // (d) the same turned back, or in order
    Shared<double> scaled; // (d)
};

inline std::size_t codeSharedBytes(int headDim) {
    const auto d = static_cast<std::size_t>(headDim);
    return rowSharedBytes(headDim) + 2 * ((4 * d + 15) / 16 * 16) + (8 * d + 15) / 16 * 16;
}

__device__ __forceinline__ CodeMemory takeCodeMemory(SharedMemory& shared, int headDim) {
    CodeMemory memory;
    memory.row = takeRowMemory(shared, headDim);
    memory.values = shared.take<float>(headDim);
    memory.other = shared.take<float>(headDim);
    memory.scaled = shared.take<double>(headDim);
    return memory;
}

// Keys, or values, of one KV head, and who they are.
struct CodedPart {
    const MixedPart& part;
    bool keys;
    int kvHead;
};

struct CodedPlace {
    unsigned char* record;
    bool wanted; // is what it stands for?
};

// a·b, which no compiler may take unrounded into a sum.
__device__ __forceinline__ double roundedProduct(double a, double b) {
#ifdef __CUDA_ARCH__
    return __dmul_rn(a, b);
#else
    return a * b;
#endif
}

__device__ __forceinline__ unsigned short halfBits(float x) {
    return __half_as_ushort(__float2half(x));
}

// The cosine and sine of a pair at a position, from the two tables: as PositionTurn::back has them, and as turnRows has.
struct Angle {
    float cosine, sine;
};
struct AngleParts {
    float farCos, farSin, nearCos, nearSin;
};
__device__ __forceinline__ AngleParts anglePartsOf(const TurnAngles& turn, std::int64_t position, int pair) {
    const float* const far = turn.far + position / kTurnNear * 2 * turn.half;
    const float* const near = turn.near + position % kTurnNear * 2 * turn.half;
    return {far[pair], far[turn.half + pair], near[pair], near[turn.half + pair]};
}

// memory.other = memory.values, turned back by its position; whole once all threads have seen it.
__device__ __forceinline__ void turnBack(const TurnAngles& turn, std::int64_t position, int dims,
                                         const CodeMemory& memory) {
    const float factor = 1 / roundedProduct(turn.factor, turn.factor); // one of them is in the table
    for (int c = static_cast<int>(threadIdx.x); c < dims; c += kRowThreads) {
        if (c >= 2 * turn.half) {
            memory.other[c] = memory.values[c];
            continue;
        }
        const int pair = c < turn.half ? c : c - turn.half;
        const AngleParts at = anglePartsOf(turn, position, pair);
        const float cosine = roundedProduct(factor, roundedProduct(at.farCos, at.nearCos) -
                                                        roundedProduct(at.farSin, at.nearSin));
        const float sine = roundedProduct(factor, roundedProduct(at.farSin, at.nearCos) +
                                                      roundedProduct(at.farCos, at.nearSin));
        const float x = memory.values[pair], y = memory.values[turn.half + pair];
        memory.other[c] = c < turn.half ? roundedProduct(x, cosine) + roundedProduct(y, sine)
                                        : roundedProduct(y, cosine) - roundedProduct(x, sine);
    }
}

// memory.row.stored, turned forth by its position. Two barriers.
__device__ __forceinline__ void turnForth(const TurnAngles& turn, std::int64_t position, int dims,
                                          const CodeMemory& memory) {
    if (turn.half == 0)
        return;
    blockSync(); // all have written what they turn
    for (int c = static_cast<int>(threadIdx.x); c < dims && c < 2 * turn.half; c += kRowThreads) {
        const int pair = c < turn.half ? c : c - turn.half;
        const AngleParts at = anglePartsOf(turn, position, pair);
        const float cosine = fmaf(-at.farSin, at.nearSin, roundedProduct(at.farCos, at.nearCos));
        const float sine = fmaf(at.farSin, at.nearCos, roundedProduct(at.farCos, at.nearSin));
        const float x = memory.row.stored[pair], y = memory.row.stored[turn.half + pair];
        memory.other[c] = c < turn.half ? fmaf(-y, sine, roundedProduct(x, cosine))
                                        : fmaf(x, sine, roundedProduct(y, cosine));
    }
    blockSync(); // and all have read it
    for (int c = static_cast<int>(threadIdx.x); c < dims && c < 2 * turn.half; c += kRowThreads)
        memory.row.stored[c] = memory.other[c];
}

// Codes in memory.row.codes, which all threads have seen, in the layout of code_run.h.
__device__ __forceinline__ void packRow(int bits, int dims, const CodeMemory& memory, unsigned char* record) {
    for (int byte = static_cast<int>(threadIdx.x); byte < (dims * bits + 7) / 8; byte += kRowThreads)
        record[byte] = static_cast<unsigned char>(packedByte(bits, dims, byte, memory.row.codes));
}

} // namespace fovea::cuda
