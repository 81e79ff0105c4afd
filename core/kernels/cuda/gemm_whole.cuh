#pragma once
// y = x̂·Wᵀ of many vectors of whole numbers (round_acts.h) and packed rows, in bytes. The formula is gemv_whole.cuh's, of
// units of 128 codes instead of a lane's eight: sums of a unit are exact in 32 bits.
//
// multiplyTilesWhole<kBits>, grid as gemm_tile.cuh has it
//   block    128 threads: 64 vectors by 64 rows of one matrix, a unit of 128 columns at a time, which is of one group
//   thread   eight vectors, every eighth, by four rows, every sixteenth, as multiplyTiles (gemm_ordinary.cuh) has them; sixteen
//            bring a row's codes, and add them up
//   shared   WholeTile: codes of a unit of all vectors and rows, four words longer than they are so that neighbouring rows
//            lie in other banks; what codes add up to, and groups; 19 KiB
//   barriers two for each unit, but the first, which has one
//   reads    each code of W once per tile of vectors; x, a byte a component, once per tile of rows
//   writes   vectors·rows floats
//   work     in·rows·vectors/4 instructions of four products each; three loads of 16 bytes from shared memory for 128 of them
//   words    codes lie at multiples of the words that lanes load (wholeWords); else bytes are loaded one by one
//   limits   groups of a multiple of 128, and rows of whole units
//   nvcc     13.0: 160 to 168 registers (sm_80, sm_90), none spilt

#include "core/kernels/cuda/byte_products.cuh"
#include "core/kernels/cuda/gemm_ordinary.cuh"
#include "core/kernels/cuda/packed_groups.cuh"

namespace fovea::cuda {

constexpr int kUnitWords = kUnitCodes / 4, kUnitStride = kUnitWords + 4; // in words

struct WholeTile {
    Shared<unsigned> vectors, rows; // (kGemmVectors, kUnitStride), (kOrdinaryRows, kUnitStride)
    Shared<int> vectorSums;         // Σ c
    Shared<int> rowSums, zeros;     // Σ q − 128z, z
    Shared<float> scales;
};

constexpr std::size_t wholeTileBytes() {
    return sizeof(unsigned) * (kUnitStride + 1) * kGemmVectors +
           sizeof(unsigned) * (kUnitStride + 3) * kOrdinaryRows;
}

// Σ of a lane's eight codes, over the lanes of a unit: small enough to be whole in fp32.
__device__ __forceinline__ int sumOfUnit(unsigned first, unsigned second) {
    const unsigned mine = addProducts(first, kOneEach, addProducts(second, kOneEach, 0));
    return static_cast<int>(teamSum<kUnitLanes128>(static_cast<float>(mine)));
}

__device__ __forceinline__ void loadWholeVectors(const GemvArguments& a, const WholeVectors& by,
                                                 const GemmTile<kOrdinaryRows>& tile, std::int64_t unit,
                                                 const WholeTile& to) {
    const int lane = static_cast<int>(threadIdx.x) % kUnitLanes128;
    for (int vector = static_cast<int>(threadIdx.x) / kUnitLanes128; vector < kGemmVectors;
         vector += kGemvThreads / kUnitLanes128) {
        unsigned first = 0, second = 0;
        if (vector < tile.vectors) {
            const auto* const words = reinterpret_cast<const unsigned*>(
                by.codes + ((tile.firstVector + vector) * (a.in / kUnitCodes) + unit) * kUnitCodes);
            first = words[lane], second = words[lane + kUnitLanes128];
        }
        to.vectors[vector * kUnitStride + lane] = first;
        to.vectors[vector * kUnitStride + lane + kUnitLanes128] = second;
        const int sum = sumOfUnit(first, second);
        if (lane == 0)
            to.vectorSums[vector] = sum;
    }
}

template <int kBits>
__device__ __forceinline__ void loadWholeRows(const GemvArguments& a, const PackedRows& form, bool words,
                                              const RowTile<kOrdinaryRows>& rows, std::int64_t unit,
                                              const WholeTile& to) {
    const int lane = static_cast<int>(threadIdx.x) % kUnitLanes128;
    const std::int64_t groups = (a.in + form.group - 1) / form.group;
    for (int row = static_cast<int>(threadIdx.x) / kUnitLanes128; row < kOrdinaryRows;
         row += kGemvThreads / kUnitLanes128) {
        const unsigned char* const mine =
            static_cast<const unsigned char*>(rows.product.w) + (rows.first + row) * form.bytes;
        LaneCodes<kBits> codes = {};
        if (row < rows.live) {
            const unsigned char* const from = mine + form.codesAt + unit * (kUnitCodes * kBits / 8);
            codes = words ? loadCodes<kBits, true>(from, lane) : loadCodes<kBits, false>(from, lane);
        }
        unsigned bytes[2];
        codeBytes<kBits>(codes, bytes);
        to.rows[row * kUnitStride + lane] = bytes[0];
        to.rows[row * kUnitStride + lane + kUnitLanes128] = bytes[1];
        const int sum = sumOfUnit(bytes[0], bytes[1]);
        if (lane != 0)
            continue;
        const unsigned group =
            row < rows.live ? groupWord<kBits>(form, mine, groups, unit / (form.group / kUnitCodes)) : 0;
        to.zeros[row] = static_cast<short>(group >> 16);
        to.rowSums[row] = sum - kUnitCodes * static_cast<short>(group >> 16);
        to.scales[row] = groupOf(group).scale;
    }
}

__device__ __forceinline__ uint4 fourWords(const Shared<unsigned>& from, int at) {
    return reinterpret_cast<const uint4&>(from[at]);
}

// A unit's products, of a thread's vectors whose codes have `zeroOf`.
__device__ __forceinline__ void multiplyWholeUnit(const WholeTile& tile,
                                                  const int (&zeroOf)[kVectorsOfThread],
                                                  float (&sums)[kVectorsOfThread][kRowsOfGemmThread]) {
    const int row = static_cast<int>(threadIdx.x) % kAcrossRows,
              vector = static_cast<int>(threadIdx.x) / kAcrossRows;
    unsigned products[kVectorsOfThread][kRowsOfGemmThread] = {};
#pragma unroll 2
    for (int i = 0; i < kUnitWords; i += 4) {
        uint4 w[kRowsOfGemmThread];
#pragma unroll
        for (int r = 0; r < kRowsOfGemmThread; ++r)
            w[r] = fourWords(tile.rows, (row + r * kAcrossRows) * kUnitStride + i);
#pragma unroll
        for (int v = 0; v < kVectorsOfThread; ++v) {
            const uint4 x = fourWords(tile.vectors, (vector + v * kAcrossVectors) * kUnitStride + i);
#pragma unroll
            for (int r = 0; r < kRowsOfGemmThread; ++r) {
                unsigned sum = addProducts(x.x, w[r].x, products[v][r]);
                sum = addProducts(x.y, w[r].y, sum);
                sum = addProducts(x.z, w[r].z, sum);
                products[v][r] = addProducts(x.w, w[r].w, sum);
            }
        }
    }
#pragma unroll
    for (int r = 0; r < kRowsOfGemmThread; ++r) {
        const int at = row + r * kAcrossRows, zero = tile.zeros[at], rowSum = tile.rowSums[at];
        const float scale = tile.scales[at];
#pragma unroll
        for (int v = 0; v < kVectorsOfThread; ++v) {
            const int whole = static_cast<int>(products[v][r]) - zeroOf[v] * rowSum -
                              zero * tile.vectorSums[vector + v * kAcrossVectors];
            sums[v][r] = fmaf(scale, static_cast<float>(whole), sums[v][r]);
        }
    }
}

template <int kBits>
__global__ void __launch_bounds__(kGemvThreads, 3)
    multiplyTilesWhole(GemvArguments a, PackedRows form, WholeVectors by, bool words) {
    const GemmTile<kOrdinaryRows> tile = gemmTile<kOrdinaryRows>(a);
    SharedMemory shared = sharedMemory();
    WholeTile memory;
    memory.vectors = shared.take<unsigned>(kGemmVectors * kUnitStride);
    memory.rows = shared.take<unsigned>(kOrdinaryRows * kUnitStride);
    memory.vectorSums = shared.take<int>(kGemmVectors);
    memory.rowSums = shared.take<int>(kOrdinaryRows);
    memory.zeros = shared.take<int>(kOrdinaryRows);
    memory.scales = shared.take<float>(kOrdinaryRows);
    const int row = static_cast<int>(threadIdx.x) % kAcrossRows,
              vector = static_cast<int>(threadIdx.x) / kAcrossRows;
    const auto vectorOfThread = [&](int v) { return min(vector + v * kAcrossVectors, tile.vectors - 1); };

    int zeroOf[kVectorsOfThread];
#pragma unroll
    for (int v = 0; v < kVectorsOfThread; ++v)
        zeroOf[v] = by.zeros[tile.firstVector + vectorOfThread(v)];
    float sums[kVectorsOfThread][kRowsOfGemmThread] = {};
    for (std::int64_t unit = 0; unit < a.in / kUnitCodes; ++unit) {
        if (unit > 0)
            blockSync(); // all have done with the unit before
        loadWholeVectors(a, by, tile, unit, memory);
        loadWholeRows<kBits>(a, form, words, tile.rows, unit, memory);
        blockSync();
        multiplyWholeUnit(memory, zeroOf, sums);
    }
#pragma unroll
    for (int v = 0; v < kVectorsOfThread; ++v) {
        const float scale = by.scales[tile.firstVector + vectorOfThread(v)];
#pragma unroll
        for (int r = 0; r < kRowsOfGemmThread; ++r)
            writeProduct(tile, vector + v * kAcrossVectors, row + r * kAcrossRows, sums[v][r] * scale);
    }
}

} // namespace fovea::cuda
