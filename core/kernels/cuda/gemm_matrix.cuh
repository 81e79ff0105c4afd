#pragma once
// y = x·Wᵀ of many vectors for rows of 16 bits on the matrix units: x in two halves (two_halves.cuh), W as it lies.
//
// multiplyByMatrices<T>, grid as gemm_tile.cuh has it
//   block    128 threads: 64 vectors by 128 rows of one matrix, 32 columns at a time
//   warp     32 vectors by 64 rows: of every 16 columns two products of 16 vectors by eight of eight rows, for each half
//   lane     of every 16 × 8 product two neighbouring rows of vectors lane/4 and lane/4 + 8, as mma.m16n8k16 has it
//   shared   matrixTileBytes: x in two halves and W, rows of 32 columns 16 bytes apart from whole banks; 20 KiB
//   barriers two for each step of 32 columns, but the first, which has one; the next step's words are asked for before
//            this one's are multiplied
//   reads    each weight once per tile of vectors; x once per tile of rows
//   writes   vectors·rows floats
//   work     4·in·rows·vectors flops on matrix units; one word from shared memory per lane and product
//   limits   rows of whole 16-byte words of W; in f16 vectors below 65504
//   nvcc     13.0: 168 and 174 registers (sm_80, sm_90), none spilt

#include "core/kernels/cuda/gemm_tile.cuh"
#include "core/kernels/cuda/two_halves.cuh"

namespace fovea::cuda {

constexpr int kMatrixRows = 128; // of a tile
constexpr int kVectorsOfWarp = 32, kRowsOfGemmWarp = 64;
constexpr int kVectorParts = kVectorsOfWarp / 16, kRowParts = kRowsOfGemmWarp / 8;
constexpr int kWordsOfStep = kGemmStep / 2 + 4; // two numbers a word

constexpr std::size_t matrixTileBytes() {
    return sizeof(unsigned) * kWordsOfStep * (2 * kGemmVectors + kMatrixRows);
}

struct GemmMatrixMemory {
    Shared<unsigned> high, low; // (kGemmVectors, kWordsOfStep)
    Shared<unsigned> rows;      // (kMatrixRows, kWordsOfStep)
};

// What a thread brings of one step.
struct MatrixStep {
    static constexpr int kFours = kGemmVectors * kGemmStep / 4 / kGemvThreads;
    static constexpr int kWords = kMatrixRows * kGemmStep / 8 / kGemvThreads; // of 16 bytes
    float4 x[kFours];
    uint4 w[kWords];
};

template <class T>
__device__ __forceinline__ void fetchStep(const GemvArguments& a, const GemmTile<kMatrixRows>& tile,
                                          std::int64_t first, MatrixStep& step) {
#pragma unroll
    for (int n = 0; n < MatrixStep::kFours; ++n) {
        const int i = n * kGemvThreads + static_cast<int>(threadIdx.x);
        step.x[n] = fourOfVector(a, tile, i / (kGemmStep / 4), first + i % (kGemmStep / 4) * 4);
    }
#pragma unroll
    for (int n = 0; n < MatrixStep::kWords; ++n) {
        const int i = n * kGemvThreads + static_cast<int>(threadIdx.x);
        const int row = i / (kGemmStep / 8), column = i % (kGemmStep / 8) * 8;
        step.w[n] = make_uint4(0, 0, 0, 0);
        if (row < tile.rows.live && first + column < a.in)
            step.w[n] =
                loadOnce(reinterpret_cast<const uint4*>(static_cast<const T*>(tile.rows.product.w) +
                                                        (tile.rows.first + row) * a.in + first + column));
    }
}

template <class T>
__device__ __forceinline__ void storeStep(const MatrixStep& step, const GemmMatrixMemory& memory) {
#pragma unroll
    for (int n = 0; n < MatrixStep::kFours; ++n) {
        const int i = n * kGemvThreads + static_cast<int>(threadIdx.x);
        const int at = i / (kGemmStep / 4) * kWordsOfStep + i % (kGemmStep / 4) * 2;
        uint2 high, low;
        split<T>(step.x[n].x, step.x[n].y, high.x, low.x);
        split<T>(step.x[n].z, step.x[n].w, high.y, low.y);
        reinterpret_cast<uint2&>(memory.high[at]) = high;
        reinterpret_cast<uint2&>(memory.low[at]) = low;
    }
#pragma unroll
    for (int n = 0; n < MatrixStep::kWords; ++n) {
        const int i = n * kGemvThreads + static_cast<int>(threadIdx.x);
        const int at = i / (kGemmStep / 8) * kWordsOfStep + i % (kGemmStep / 8) * 4;
        reinterpret_cast<uint4&>(memory.rows[at]) = step.w[n];
    }
}

// A lane's words of 16 vectors by 16 columns, from row `row` and word `word` on.
__device__ __forceinline__ void loadPart(Shared<unsigned> from, int row, int word, unsigned (&a)[4]) {
#pragma unroll
    for (int i = 0; i < 4; ++i) // vectors, then columns eight further
        a[i] = from[(row + i % 2 * 8) * kWordsOfStep + word + i / 2 * 4];
}

template <class T>
__device__ __forceinline__ void multiplyStep(const GemmMatrixMemory& memory, int firstVector, int firstRow,
                                             float (&sums)[kVectorParts][kRowParts][4]) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
    for (int part = 0; part < kGemmStep / 16; ++part) {
        const int word = part * 8 + lane % 4;
        unsigned high[kVectorParts][4], low[kVectorParts][4];
#pragma unroll
        for (int v = 0; v < kVectorParts; ++v) {
            loadPart(memory.high, firstVector + v * 16 + lane / 4, word, high[v]);
            loadPart(memory.low, firstVector + v * 16 + lane / 4, word, low[v]);
        }
#pragma unroll
        for (int r = 0; r < kRowParts; ++r) {
            const int at = (firstRow + r * 8 + lane / 4) * kWordsOfStep + word;
            const unsigned rows[2] = {memory.rows[at], memory.rows[at + 4]};
#pragma unroll
            for (int v = 0; v < kVectorParts; ++v) {
                multiplyMatrices<T>(sums[v][r], high[v], rows);
                multiplyMatrices<T>(sums[v][r], low[v], rows);
            }
        }
    }
}

template <class T>
__global__ void __launch_bounds__(kGemvThreads) multiplyByMatrices(GemvArguments a) {
    const GemmTile<kMatrixRows> tile = gemmTile<kMatrixRows>(a);
    SharedMemory shared = sharedMemory();
    GemmMatrixMemory memory;
    memory.high = shared.take<unsigned>(kGemmVectors * kWordsOfStep);
    memory.low = shared.take<unsigned>(kGemmVectors * kWordsOfStep);
    memory.rows = shared.take<unsigned>(kMatrixRows * kWordsOfStep);
    const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(threadIdx.x) % kWarp;
    const int firstVector = warp % 2 * kVectorsOfWarp, firstRow = warp / 2 * kRowsOfGemmWarp;

    float sums[kVectorParts][kRowParts][4] = {};
    MatrixStep step;
    fetchStep<T>(a, tile, 0, step);
    for (std::int64_t first = 0; first < a.in; first += kGemmStep) {
        if (first > 0)
            blockSync(); // all have done with the columns before
        storeStep<T>(step, memory);
        blockSync();
        if (first + kGemmStep < a.in)
            fetchStep<T>(a, tile, first + kGemmStep, step);
        multiplyStep<T>(memory, firstVector, firstRow, sums);
    }

#pragma unroll
    for (int v = 0; v < kVectorParts; ++v)
#pragma unroll
        for (int r = 0; r < kRowParts; ++r)
#pragma unroll
            for (int i = 0; i < 4; ++i)
                writeProduct(tile, firstVector + v * 16 + lane / 4 + i / 2 * 8,
                             firstRow + r * 8 + lane % 4 * 2 + i % 2, sums[v][r][i]);
}

} // namespace fovea::cuda
