#pragma once
// GGUF's blocks, as core/model/gguf_blocks.h has them, out of a GPU's registers: eight weights of a lane at a time, their
// codes as bytes of two words, so that two instructions take four codes out of their bits.
//
// A unit is 256 columns of a row, which a warp shares: one block of 256 weights, or eight of 32. A lane's eight weights are
// two runs of four neighbouring columns, kApart from each other, that share a scale each:
//   w = scale·(code − kZero) − minimum
// Blocks begin at even bytes and no better, in some types at multiples of four (kWord).
// One BlockFormat per type:
//   kZero, kMinima   what is taken from a code; whether there is a minimum
//   load             what lane `lane` of a unit needs of its block, as it lies
//   codes            the codes of both runs, a byte each, the first column lowest
//   scale            of one run

#include <cstdint>

#include <simt.h>

#include "core/model/block_type.h"

namespace fovea::cuda {

constexpr int kBlockUnit = 256;                // columns
constexpr int kRunCodesOfBlock = 4, kRuns = 2; // of a lane

// Unread members cost nothing.
struct BlockWords {
    unsigned codes[kRuns]; // a word of codes, or one for each run
    unsigned high;         // bits above those
    unsigned steps;        // d, or D, in binary16; above it m or M
    unsigned scales;       // a byte of scale for each run, above them one of minimum
};

struct RunScale {
    float scale, minimum;
};

__device__ __forceinline__ float halfIn(unsigned word) {
    __half_raw half;
    half.x = static_cast<unsigned short>(word);
    return __half2float(__half(half));
}

// A word of four bytes, in loads of kBytes.
template <int kBytes>
__device__ __forceinline__ unsigned fourBytes(const unsigned char* from) {
    if constexpr (kBytes == 4)
        return loadOnce(reinterpret_cast<const unsigned*>(from));
    const unsigned low = loadOnce(reinterpret_cast<const unsigned short*>(from));
    return low | static_cast<unsigned>(loadOnce(reinterpret_cast<const unsigned short*>(from + 2))) << 16;
}
__device__ __forceinline__ unsigned twoBytes(const unsigned char* from) {
    return *reinterpret_cast<const unsigned short*>(from);
}

// Bits 0 to 3, each as the lowest of a byte.
__device__ __forceinline__ unsigned fourBits(unsigned bits) {
    return (bits & 15u) * 0x00204081u & 0x01010101u;
}

template <BlockType kTypeOf, int kZeroOf, bool kMinimaOf>
struct BlockSizes {
    static constexpr BlockType kType = kTypeOf;
    static constexpr int kWeights = blockShape(kTypeOf).elements, kBytes = blockShape(kTypeOf).bytes;
    static constexpr int kWord = kBytes % 4 == 0 ? 4 : 2;
    static constexpr int kZero = kZeroOf;
    static constexpr bool kMinima = kMinimaOf;
    static constexpr int kApart = kWeights == 32 ? 16 : 32;

    // The first column of a lane's first run, from the unit's.
    static __device__ __forceinline__ int columnOf(int lane) {
        constexpr int kLanes = kApart / kRunCodesOfBlock; // of as many columns twice
        return lane / kLanes * (kRuns * kApart) + lane % kLanes * kRunCodesOfBlock;
    }
    // The block that a lane's weights are in, of a row's bytes.
    static __device__ __forceinline__ const unsigned char* blockOf(const unsigned char* row,
                                                                   std::int64_t unit, int lane) {
        return row + (unit * (kBlockUnit / kWeights) + columnOf(lane) / kWeights) * kBytes;
    }
};

template <BlockType kType>
struct BlockFormat;

// --- Blocks of 32: bytes of four bits have weights 0 to 15 below and 16 to 31 above ----------------------------------------

template <>
struct BlockFormat<BlockType::Q4_0> : BlockSizes<BlockType::Q4_0, 8, false> {
    static __device__ __forceinline__ void load(const unsigned char* block, int lane, BlockWords& to) {
        to.codes[0] = fourBytes<kWord>(block + 2 + 4 * (lane % 4));
        to.steps = twoBytes(block);
    }
    static __device__ __forceinline__ void codes(const BlockWords& from, int, unsigned (&runs)[kRuns]) {
        runs[0] = from.codes[0] & 0x0f0f0f0fu;
        runs[1] = from.codes[0] >> 4 & 0x0f0f0f0fu;
    }
    static __device__ __forceinline__ RunScale scale(const BlockWords& from, int) {
        return {halfIn(from.steps), 0.0f};
    }
};

template <>
struct BlockFormat<BlockType::Q4_1> : BlockSizes<BlockType::Q4_1, 0, true> {
    static __device__ __forceinline__ void load(const unsigned char* block, int lane, BlockWords& to) {
        to.codes[0] = fourBytes<kWord>(block + 4 + 4 * (lane % 4));
        to.steps = twoBytes(block) | twoBytes(block + 2) << 16;
    }
    static __device__ __forceinline__ void codes(const BlockWords& from, int, unsigned (&runs)[kRuns]) {
        runs[0] = from.codes[0] & 0x0f0f0f0fu;
        runs[1] = from.codes[0] >> 4 & 0x0f0f0f0fu;
    }
    static __device__ __forceinline__ RunScale scale(const BlockWords& from, int) {
        return {halfIn(from.steps), -halfIn(from.steps >> 16)};
    }
};

// Both types of five bits.
__device__ __forceinline__ void fiveBits(const BlockWords& from, int lane, unsigned (&runs)[kRuns]) {
    const int first = 4 * (lane % 4);
    runs[0] = (from.codes[0] & 0x0f0f0f0fu) | fourBits(from.high >> first) << 4;
    runs[1] = (from.codes[0] >> 4 & 0x0f0f0f0fu) | fourBits(from.high >> (16 + first)) << 4;
}

template <>
struct BlockFormat<BlockType::Q5_0> : BlockSizes<BlockType::Q5_0, 16, false> {
    static __device__ __forceinline__ void load(const unsigned char* block, int lane, BlockWords& to) {
        to.codes[0] = fourBytes<kWord>(block + 6 + 4 * (lane % 4));
        to.high = twoBytes(block + 2) | twoBytes(block + 4) << 16;
        to.steps = twoBytes(block);
    }
    static __device__ __forceinline__ void codes(const BlockWords& from, int lane, unsigned (&runs)[kRuns]) {
        fiveBits(from, lane, runs);
    }
    static __device__ __forceinline__ RunScale scale(const BlockWords& from, int) {
        return {halfIn(from.steps), 0.0f};
    }
};

template <>
struct BlockFormat<BlockType::Q5_1> : BlockSizes<BlockType::Q5_1, 0, true> {
    static __device__ __forceinline__ void load(const unsigned char* block, int lane, BlockWords& to) {
        to.codes[0] = fourBytes<kWord>(block + 8 + 4 * (lane % 4));
        to.high = twoBytes(block + 4) | twoBytes(block + 6) << 16;
        to.steps = twoBytes(block) | twoBytes(block + 2) << 16;
    }
    static __device__ __forceinline__ void codes(const BlockWords& from, int lane, unsigned (&runs)[kRuns]) {
        fiveBits(from, lane, runs);
    }
    static __device__ __forceinline__ RunScale scale(const BlockWords& from, int) {
        return {halfIn(from.steps), -halfIn(from.steps >> 16)};
    }
};

// A signed byte and 128 make an unsigned one.
template <>
struct BlockFormat<BlockType::Q8_0> : BlockSizes<BlockType::Q8_0, 128, false> {
    static __device__ __forceinline__ void load(const unsigned char* block, int lane, BlockWords& to) {
        to.codes[0] = fourBytes<kWord>(block + 2 + 4 * (lane % 4));
        to.codes[1] = fourBytes<kWord>(block + 2 + kApart + 4 * (lane % 4));
        to.steps = twoBytes(block);
    }
    static __device__ __forceinline__ void codes(const BlockWords& from, int, unsigned (&runs)[kRuns]) {
        runs[0] = from.codes[0] ^ 0x80808080u;
        runs[1] = from.codes[1] ^ 0x80808080u;
    }
    static __device__ __forceinline__ RunScale scale(const BlockWords& from, int) {
        return {halfIn(from.steps), 0.0f};
    }
};

// --- Blocks of 256: lane 8c + j has columns 64c + 4j on and 32 further, of groups 4c + j/4 and 4c + 2 + j/4 of 16 weights,
// or 2c and 2c + 1 of 32 ---------------------------------------------------------------------------------------------------

struct KLane {
    int chunk, first; // c and 4j
    __device__ __forceinline__ explicit KLane(int lane) : chunk(lane / 8), first(lane % 8 * 4) {}
    // Of 16 weights, of the lane's first run.
    __device__ __forceinline__ int group() const { return 4 * chunk + first / 16; }
    // Where in its words of two bits a run's are: chunks 0 and 1 share theirs, as 2 and 3 do.
    __device__ __forceinline__ int twoBits(int run) const { return chunk % 2 * 4 + run * 2; }
    __device__ __forceinline__ int twoBitsAt() const { return chunk / 2 * 32 + first; }
};

template <>
struct BlockFormat<BlockType::Q2_K> : BlockSizes<BlockType::Q2_K, 0, true> {
    static __device__ __forceinline__ void load(const unsigned char* block, int lane, BlockWords& to) {
        const KLane at(lane);
        to.codes[0] = fourBytes<kWord>(block + 16 + at.twoBitsAt());
        to.scales = block[at.group()] | static_cast<unsigned>(block[at.group() + 2]) << 8;
        to.steps = twoBytes(block + 80) | twoBytes(block + 82) << 16;
    }
    static __device__ __forceinline__ void codes(const BlockWords& from, int lane, unsigned (&runs)[kRuns]) {
#pragma unroll
        for (int run = 0; run < kRuns; ++run)
            runs[run] = from.codes[0] >> KLane(lane).twoBits(run) & 0x03030303u;
    }
    static __device__ __forceinline__ RunScale scale(const BlockWords& from, int run) {
        const unsigned both = from.scales >> 8 * run & 0xffu;
        return {roundedProduct(halfIn(from.steps), static_cast<float>(both & 15u)),
                roundedProduct(halfIn(from.steps >> 16), static_cast<float>(both >> 4))};
    }
};

template <>
struct BlockFormat<BlockType::Q3_K> : BlockSizes<BlockType::Q3_K, 4, false> {
    static __device__ __forceinline__ void load(const unsigned char* block, int lane, BlockWords& to) {
        const KLane at(lane);
        to.high = fourBytes<kWord>(block + at.first);
        to.codes[0] = fourBytes<kWord>(block + 32 + at.twoBitsAt());
        to.scales = sixBits(block + 96, at.group()) | sixBits(block + 96, at.group() + 2) << 8;
        to.steps = twoBytes(block + 108);
    }
    static __device__ __forceinline__ void codes(const BlockWords& from, int lane, unsigned (&runs)[kRuns]) {
        const KLane at(lane);
#pragma unroll
        for (int run = 0; run < kRuns; ++run)
            runs[run] = (from.codes[0] >> at.twoBits(run) & 0x03030303u) |
                        (from.high >> (2 * at.chunk + run) & 0x01010101u) << 2;
    }
    static __device__ __forceinline__ RunScale scale(const BlockWords& from, int run) {
        const int scale = static_cast<int>(from.scales >> 8 * run & 0xffu) - 32;
        return {roundedProduct(halfIn(from.steps), static_cast<float>(scale)), 0.0f};
    }

private:
    // core/model/k_scales.h, without the 32 that is taken off.
    static __device__ __forceinline__ unsigned sixBits(const unsigned char* packed, int group) {
        return (static_cast<unsigned>(packed[group % 8]) >> group / 8 * 4 & 15u) |
               (static_cast<unsigned>(packed[8 + group % 4]) >> group / 4 * 2 & 3u) << 4;
    }
};

// The scales of Q4_K and Q5_K, of groups 2c and 2c + 1 at once (core/model/k_scales.h).
__device__ __forceinline__ unsigned pairedScales(const unsigned char* packed, int chunk) {
    const unsigned upper = twoBytes(packed + 2 * chunk + 4); // minima, or the low bits of both
    const unsigned own = twoBytes(packed + 2 * chunk);
    if (chunk < 2)
        return (own & 0x3f3fu) | (upper & 0x3f3fu) << 16;
    const unsigned left = twoBytes(packed + 2 * chunk - 4) >> 6 & 0x0303u;
    const unsigned minima = (upper >> 4 & 0x0f0fu) | (own >> 6 & 0x0303u) << 4;
    return (upper & 0x0f0fu) | left << 4 | minima << 16;
}
__device__ __forceinline__ RunScale pairedScale(const BlockWords& from, int run) {
    return {
        roundedProduct(halfIn(from.steps), static_cast<float>(from.scales >> 8 * run & 0xffu)),
        roundedProduct(halfIn(from.steps >> 16), static_cast<float>(from.scales >> (16 + 8 * run) & 0xffu))};
}

template <>
struct BlockFormat<BlockType::Q4_K> : BlockSizes<BlockType::Q4_K, 0, true> {
    static __device__ __forceinline__ void load(const unsigned char* block, int lane, BlockWords& to) {
        const KLane at(lane);
        to.codes[0] = fourBytes<kWord>(block + 16 + 32 * at.chunk + at.first);
        to.scales = pairedScales(block + 4, at.chunk);
        to.steps = twoBytes(block) | twoBytes(block + 2) << 16;
    }
    static __device__ __forceinline__ void codes(const BlockWords& from, int, unsigned (&runs)[kRuns]) {
        runs[0] = from.codes[0] & 0x0f0f0f0fu;
        runs[1] = from.codes[0] >> 4 & 0x0f0f0f0fu;
    }
    static __device__ __forceinline__ RunScale scale(const BlockWords& from, int run) {
        return pairedScale(from, run);
    }
};

template <>
struct BlockFormat<BlockType::Q5_K> : BlockSizes<BlockType::Q5_K, 0, true> {
    static __device__ __forceinline__ void load(const unsigned char* block, int lane, BlockWords& to) {
        const KLane at(lane);
        to.high = fourBytes<kWord>(block + 16 + at.first);
        to.codes[0] = fourBytes<kWord>(block + 48 + 32 * at.chunk + at.first);
        to.scales = pairedScales(block + 4, at.chunk);
        to.steps = twoBytes(block) | twoBytes(block + 2) << 16;
    }
    static __device__ __forceinline__ void codes(const BlockWords& from, int lane, unsigned (&runs)[kRuns]) {
        const unsigned fifth = from.high >> 2 * KLane(lane).chunk;
        runs[0] = (from.codes[0] & 0x0f0f0f0fu) | (fifth & 0x01010101u) << 4;
        runs[1] = (from.codes[0] >> 4 & 0x0f0f0f0fu) | (fifth >> 1 & 0x01010101u) << 4;
    }
    static __device__ __forceinline__ RunScale scale(const BlockWords& from, int run) {
        return pairedScale(from, run);
    }
};

template <>
struct BlockFormat<BlockType::Q6_K> : BlockSizes<BlockType::Q6_K, 32, false> {
    static __device__ __forceinline__ void load(const unsigned char* block, int lane, BlockWords& to) {
        const KLane at(lane);
        const unsigned char* const low = block + at.chunk / 2 * 64 + at.first;
        to.codes[0] = fourBytes<kWord>(low);
        to.codes[1] = fourBytes<kWord>(low + 32);
        to.high = fourBytes<kWord>(block + 128 + at.twoBitsAt());
        to.scales = block[192 + at.group()] | static_cast<unsigned>(block[194 + at.group()]) << 8;
        to.steps = twoBytes(block + 208);
    }
    static __device__ __forceinline__ void codes(const BlockWords& from, int lane, unsigned (&runs)[kRuns]) {
        const KLane at(lane);
#pragma unroll
        for (int run = 0; run < kRuns; ++run)
            runs[run] = (from.codes[run] >> at.chunk % 2 * 4 & 0x0f0f0f0fu) |
                        (from.high >> at.twoBits(run) & 0x03030303u) << 4;
    }
    static __device__ __forceinline__ RunScale scale(const BlockWords& from, int run) {
        const auto scale = static_cast<signed char>(from.scales >> 8 * run & 0xffu);
        return {roundedProduct(halfIn(from.steps), static_cast<float>(scale)), 0.0f};
    }
};

// --- What is the same of all ---------------------------------------------------------------------------------------------

constexpr float kBlockTwoTo23 = 8388608.0f; // whose last bit is 1: 2^23 + q is a float whose last bits are q

// Code i of a run less kZero, exactly.
template <class Format>
__device__ __forceinline__ float centredCode(unsigned run, int i) {
    return floatOf(0x4b000000u | (run >> 8 * i & 0xffu)) -
           (kBlockTwoTo23 + static_cast<float>(Format::kZero));
}

// The weights of a run as decodeBlocks has them, bit for bit.
template <class Format>
__device__ __forceinline__ float4 decodedRun(unsigned run, const RunScale& by) {
    const auto weight = [&](int i) {
        const float scaled = roundedProduct(by.scale, centredCode<Format>(run, i));
        return Format::kMinima ? scaled - by.minimum : scaled;
    };
    return make_float4(weight(0), weight(1), weight(2), weight(3));
}

// Calls with(BlockFormat<type>()).
template <class With>
__device__ __forceinline__ void ofBlocks(BlockType type, const With& with) {
    switch (type) {
    case BlockType::Q4_0:
        return with(BlockFormat<BlockType::Q4_0>());
    case BlockType::Q4_1:
        return with(BlockFormat<BlockType::Q4_1>());
    case BlockType::Q5_0:
        return with(BlockFormat<BlockType::Q5_0>());
    case BlockType::Q5_1:
        return with(BlockFormat<BlockType::Q5_1>());
    case BlockType::Q8_0:
        return with(BlockFormat<BlockType::Q8_0>());
    case BlockType::Q2_K:
        return with(BlockFormat<BlockType::Q2_K>());
    case BlockType::Q3_K:
        return with(BlockFormat<BlockType::Q3_K>());
    case BlockType::Q4_K:
        return with(BlockFormat<BlockType::Q4_K>());
    case BlockType::Q5_K:
        return with(BlockFormat<BlockType::Q5_K>());
    case BlockType::Q6_K:
        return with(BlockFormat<BlockType::Q6_K>());
    case BlockType::None:
        return;
    }
}

} // namespace fovea::cuda
