#pragma once
// y = x·Wᵀ of many vectors on the ordinary units, all in fp32.
//
// multiplyTiles<Weights>, grid as gemm_tile.cuh has it
//   Weights  how W lies, and how kDepth columns of it become floats in shared memory: FloatWeights, or PackedWeights
//            (gemm_packed.cuh)
//   block    128 threads: 64 vectors by 64 rows of one matrix, 32 columns at a time
//   thread   eight vectors, every eighth, by four rows, every sixteenth: eight neighbouring lanes have neighbouring rows,
//            which lie in other banks, a row being four floats longer than its columns
//   shared   tileSharedBytes: columns of x and of W; 18 KiB for floats, 42 KiB for packed rows
//   barriers two for each step of 32 columns, but the first, which has one
//   reads    each weight once per tile of vectors; x once per tile of rows
//   writes   vectors·rows floats
//   work     2·in·rows·vectors flops; three loads of 16 bytes from shared memory for 128 products
//   limits   rows of x of whole 16-byte words, and those of floats too
//   nvcc     13.0: floats 105 to 113 registers, packed rows 121 to 168 (sm_80, sm_90), none spilt

#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/gemm_tile.cuh"

namespace fovea::cuda {

constexpr int kOrdinaryRows = 64; // of a tile
constexpr int kVectorsOfThread = 8, kRowsOfGemmThread = 4;
constexpr int kAcrossVectors = kGemmVectors / kVectorsOfThread,
              kAcrossRows = kOrdinaryRows / kRowsOfGemmThread;
static_assert(kAcrossVectors * kAcrossRows == kGemvThreads, "every thread has its part of the tile");

// The fours from one row of `columns` floats to the next.
template <int kColumns>
constexpr int kRowFours = kColumns / 4 + 1;

template <class Weights>
constexpr std::size_t tileSharedBytes() {
    return sizeof(float4) *
           (kGemmVectors * kRowFours<kGemmStep> + kOrdinaryRows * kRowFours<Weights::kDepth>);
}

// Rows of floats: a step's columns, as many as of x.
template <class T>
struct FloatWeights {
    static constexpr int kDepth = kGemmStep;

    __device__ __forceinline__ void load(const GemvArguments& a, const RowTile<kOrdinaryRows>& rows,
                                         std::int64_t first, Shared<float4> to) const {
        constexpr int kPerWord = 16 / sizeof(T), kWords = kDepth / kPerWord;
#pragma unroll
        for (int n = 0; n < kOrdinaryRows * kWords / kGemvThreads; ++n) {
            const int i = n * kGemvThreads + static_cast<int>(threadIdx.x);
            const int row = i / kWords, column = i % kWords * kPerWord;
            uint4 word = make_uint4(0, 0, 0, 0);
            if (row < rows.live && first + column < a.in)
                word = loadOnce(reinterpret_cast<const uint4*>(static_cast<const T*>(rows.product.w) +
                                                               (rows.first + row) * a.in + first + column));
            const T* const elements = reinterpret_cast<const T*>(&word);
#pragma unroll
            for (int e = 0; e < kPerWord; e += 4)
                to[row * kRowFours<kDepth> + (column + e) / 4] =
                    make_float4(toFloat(elements[e]), toFloat(elements[e + 1]), toFloat(elements[e + 2]),
                                toFloat(elements[e + 3]));
        }
    }
};

__device__ __forceinline__ void loadVectors(const GemvArguments& a, const GemmTile<kOrdinaryRows>& tile,
                                            std::int64_t first, Shared<float4> to) {
    constexpr int kFours = kGemmStep / 4;
#pragma unroll
    for (int n = 0; n < kGemmVectors * kFours / kGemvThreads; ++n) {
        const int i = n * kGemvThreads + static_cast<int>(threadIdx.x);
        const int vector = i / kFours, four = i % kFours;
        to[vector * kRowFours<kGemmStep> + four] = fourOfVector(a, tile, vector, first + 4 * four);
    }
}

// One step's columns, which are those from `four` on of what is there of W.
template <class Weights>
__device__ __forceinline__ void multiplyStep(Shared<float4> vectors, Shared<float4> weights, int four,
                                             float (&sums)[kVectorsOfThread][kRowsOfGemmThread]) {
    const int row = static_cast<int>(threadIdx.x) % kAcrossRows,
              vector = static_cast<int>(threadIdx.x) / kAcrossRows;
#pragma unroll 2
    for (int i = 0; i < kGemmStep / 4; ++i) {
        float4 w[kRowsOfGemmThread];
#pragma unroll
        for (int r = 0; r < kRowsOfGemmThread; ++r)
            w[r] = weights[(row + r * kAcrossRows) * kRowFours<Weights::kDepth> + four + i];
#pragma unroll
        for (int v = 0; v < kVectorsOfThread; ++v) {
            const float4 x = vectors[(vector + v * kAcrossVectors) * kRowFours<kGemmStep> + i];
#pragma unroll
            for (int r = 0; r < kRowsOfGemmThread; ++r) {
                sums[v][r] = fmaf(x.x, w[r].x, sums[v][r]);
                sums[v][r] = fmaf(x.y, w[r].y, sums[v][r]);
                sums[v][r] = fmaf(x.z, w[r].z, sums[v][r]);
                sums[v][r] = fmaf(x.w, w[r].w, sums[v][r]);
            }
        }
    }
}

template <class Weights>
__global__ void __launch_bounds__(kGemvThreads, 3) multiplyTiles(GemvArguments a, Weights weights) {
    const GemmTile<kOrdinaryRows> tile = gemmTile<kOrdinaryRows>(a);
    SharedMemory shared = sharedMemory();
    const Shared<float4> vectors = shared.take<float4>(kGemmVectors * kRowFours<kGemmStep>);
    const Shared<float4> rows = shared.take<float4>(kOrdinaryRows * kRowFours<Weights::kDepth>);

    float sums[kVectorsOfThread][kRowsOfGemmThread] = {};
    for (std::int64_t first = 0; first < a.in; first += kGemmStep) {
        if (first > 0)
            blockSync(); // all have done with the columns before
        const int inDepth = static_cast<int>(first % Weights::kDepth);
        if (inDepth == 0)
            weights.load(a, tile.rows, first, rows);
        loadVectors(a, tile, first, vectors);
        blockSync();
        multiplyStep<Weights>(vectors, rows, inDepth / 4, sums);
    }

    const int row = static_cast<int>(threadIdx.x) % kAcrossRows,
              vector = static_cast<int>(threadIdx.x) / kAcrossRows;
#pragma unroll
    for (int v = 0; v < kVectorsOfThread; ++v)
#pragma unroll
        for (int r = 0; r < kRowsOfGemmThread; ++r)
            writeProduct(tile, vector + v * kAcrossVectors, row + r * kAcrossRows, sums[v][r]);
}

} // namespace fovea::cuda
