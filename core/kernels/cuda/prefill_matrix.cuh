#pragma once
// Attention of a prompt over rows of 16 bits on the matrix units. The same tiles, softmax and sights as prefill.cuh.
//
// Matrix units multiply 16-bit numbers into fp32 sums. K and V are such numbers; a query and a weight are not, so each is
// two of them, x = high + low with low = x - high, and takes two products: what is lost is 2^-17 of it in bf16 and 2^-21 in
// f16, while a query in one half would lose 2^-8. Half of what the units could give, then, for about fp32's digits.
//
// attendMatrices<T, kDim>, grid (tiles of 64 queries, H, B), T of 16 bits, kDim 64 or 128
//   block    128 threads: 64 queries of one query head of one text
//   warp     16 of them, and all of their scores, weights and sums: nothing goes between warps but K and V
//   lane     of every 16 × 8 product two neighbouring columns of rows lane/4 and lane/4 + 8, as mma.m16n8k16 has it
//   shared   matrixSharedBytes: a tile of K and one of V as they lie, rows 16 bytes apart from whole banks; weights for
//            tiles with a value that is not finite; 17 and 25 KiB
//   reads, writes   as prefill.cuh
//   work     8·d flops per query and slot of the tiles read, on matrix units
//   limits   d ≤ kDim, rows of whole 16-byte words; in f16 queries whose scale·log2(e)·q is below 65504
//   nvcc     13.0: kDim 64 168 registers (sm_80, sm_90) and up to 48 bytes of stack, kDim 128 all 255 and up to 104

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/prefill_block.cuh"
#include "core/kernels/cuda/prefill_turns.cuh"
#include "core/kernels/cuda/two_halves.cuh"

namespace fovea::cuda {

constexpr int kMatrixThreads = 128, kMatrixWarps = kMatrixThreads / kWarp;
constexpr int kMatrixQueries = 64;
constexpr int kRowsOfLane = 2;               // lane/4 and lane/4 + 8 of its warp's 16
constexpr int kSlotColumns = kTileSlots / 8; // products of 8 slots

template <int kDim>
constexpr int kRowWords = kDim / 2 + 4; // of a row of K or V in shared memory, words of 32 bits
constexpr int kWeightsOfRow = kTileSlots + 1;

template <int kDim>
constexpr std::size_t matrixSharedBytes() {
    constexpr std::size_t kRows = 2 * sizeof(unsigned) * kTileSlots * kRowWords<kDim>;
    constexpr std::size_t kWeights = sizeof(float) * kMatrixQueries * kWeightsOfRow;
    return kRows + kWeights + 16;
}

struct MatrixMemory {
    Shared<unsigned> keys, values; // (kTileSlots, kRowWords), two numbers a word
    Shared<float> weights;         // (kMatrixQueries, kWeightsOfRow)
    Shared<unsigned> odd;          // (kMatrixWarps): is there a value that is not finite?
};

// Sums of a lane's rows, in the layout of products: columns 0 and 1 of the first row, then of the second.
template <int kDim>
struct MatrixRows {
    Sight sight[kRowsOfLane];
    float largest[kRowsOfLane] = {-INFINITY, -INFINITY};
    float sum[kRowsOfLane] = {}; // of this lane's weights
    float out[kDim / 8][4] = {};
};

// Is one of the two numbers of a word not finite? Then its exponent is all ones.
template <class T>
__device__ __forceinline__ bool notFinite(unsigned word) {
    constexpr unsigned kExponent = std::is_same<T, __half>::value ? 0x7c00u : 0x7f80u;
    return (word & kExponent) == kExponent || (word >> 16 & kExponent) == kExponent;
}

// --- Phase 1: queries into registers, a tile into shared memory ------------------------------------------------------

template <class T, int kDim>
__device__ __forceinline__ void splitQueries(const AttendPrompt& a, const PromptBlock& block, int firstRow,
                                             unsigned (&high)[kDim / 16][4], unsigned (&low)[kDim / 16][4]) {
    const int pair = static_cast<int>(threadIdx.x) % 4 * 2;
    const float scale = scoreScale(a);
#pragma unroll
    for (int part = 0; part < kDim / 16; ++part)
#pragma unroll
        for (int i = 0; i < 4; ++i) { // rows, then columns eight further
            const int row = firstRow + i % 2 * 8, c = part * 16 + i / 2 * 8 + pair;
            float2 q = make_float2(0, 0);
            if (row < block.queries && c < a.headDim)
                q = *reinterpret_cast<const float2*>(
                    a.q + block.firstElement + static_cast<std::int64_t>(row) * a.heads * a.headDim + c);
            split<T>(q.x * scale, q.y * scale, high[part][i], low[part][i]);
        }
}

// Rows of K and V as they lie; dead slots are zeros, and not read.
template <class T, int kDim>
__device__ __forceinline__ void loadRows(const PromptSlots& from, int firstSlot, int headDim,
                                         const MatrixMemory& memory) {
    constexpr int kPerWord = 8, kWords = kDim / kPerWord; // of 16 bytes
    static_assert(kTileSlots * kWords % kMatrixThreads == 0,
                  "every thread has as many words, since it votes");
    bool odd = false;
#pragma unroll
    for (int n = 0; n < kTileSlots * kWords / kMatrixThreads; ++n) {
        const int i = n * kMatrixThreads + static_cast<int>(threadIdx.x);
        const int row = i / kWords, element = i % kWords * kPerWord, slot = firstSlot + row;
        uint4 key = make_uint4(0, 0, 0, 0), value = key;
        if (slot < from.slots && element < headDim) {
            const int block = slot / from.slotsPerBlock;
            const std::int64_t at =
                static_cast<std::int64_t>(slot - block * from.slotsPerBlock) * headDim + element;
            key = loadOnce(reinterpret_cast<const uint4*>(static_cast<const T*>(from.keys[block]) + at));
            value = loadOnce(reinterpret_cast<const uint4*>(static_cast<const T*>(from.values[block]) + at));
        }
        const int to = row * kRowWords<kDim> + element / 2;
        reinterpret_cast<uint4&>(memory.keys[to]) = key;
        reinterpret_cast<uint4&>(memory.values[to]) = value;
        odd = odd || notFinite<T>(value.x) || notFinite<T>(value.y) || notFinite<T>(value.z) ||
              notFinite<T>(value.w);
    }
    const unsigned said = ballot(odd);
    if (threadIdx.x % kWarp == 0)
        memory.odd[threadIdx.x / kWarp] = said;
}

// --- Phase 2: scores, and weights out of them ------------------------------------------------------------------------

template <class T, int kDim>
__device__ __forceinline__ void scoreSlots(const MatrixMemory& memory, const unsigned (&high)[kDim / 16][4],
                                           const unsigned (&low)[kDim / 16][4],
                                           float (&scores)[kSlotColumns][4]) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
    for (int column = 0; column < kSlotColumns; ++column)
#pragma unroll
        for (int part = 0; part < kDim / 16; ++part) {
            const int at = (column * 8 + lane / 4) * kRowWords<kDim> + part * 8 + lane % 4;
            const unsigned keys[2] = {memory.keys[at], memory.keys[at + 4]};
            multiplyMatrices<T>(scores[column], high[part], keys);
            multiplyMatrices<T>(scores[column], low[part], keys);
        }
}

// Those of sinks that are met at another distance, in fp32.
template <class T, int kDim>
__device__ __forceinline__ void meetSinksOfTile(const AttendPrompt& a, const PromptBlock& block,
                                                const MatrixMemory& memory, int firstSlot, int firstRow,
                                                float (&scores)[kSlotColumns][4]) {
    const int pair = static_cast<int>(threadIdx.x) % 4 * 2;
    const auto rowOf = [=](int r) { return firstRow + r * 8; };
    const auto slotOf = [=](int s) { return s / 2 * 8 + pair + s % 2; };
    meetSinks<kRowsOfLane, 2 * kSlotColumns>(
        a, block, rowOf, [=](int s) { return firstSlot + slotOf(s); },
        [&](int r, int s, int angles) {
            const float* const q =
                a.q + block.firstElement + static_cast<std::int64_t>(rowOf(r)) * a.heads * a.headDim;
            return scoreScale(a) * turnedProduct(
                                       a.turns, angles, a.headDim, [&](int c) { return q[c]; },
                                       [&](int c) {
                                           const unsigned word =
                                               memory.keys[slotOf(s) * kRowWords<kDim> + c / 2];
                                           return toFloat(reinterpret_cast<const T*>(&word)[c % 2]);
                                       });
        },
        [&](int i, float score) {
#pragma unroll
            for (int r = 0; r < kRowsOfLane; ++r)
#pragma unroll
                for (int s = 0; s < 2 * kSlotColumns; ++s) {
                    float& to = scores[s / 2][2 * r + s % 2];
                    to = i == r * 2 * kSlotColumns + s ? score : to;
                }
        });
}

// Scores become weights against the largest so far, to which the sums are brought; what is not seen is kUnseen.
template <int kDim>
__device__ __forceinline__ void weighSlots(const PromptSlots& from, int firstSlot, float softcap,
                                           float (&scores)[kSlotColumns][4], MatrixRows<kDim>& rows) {
    const int pair = static_cast<int>(threadIdx.x) % 4 * 2;
#pragma unroll
    for (int row = 0; row < kRowsOfLane; ++row) {
        float largest = rows.largest[row];
        unsigned seen = 0; // a bit per score
#pragma unroll
        for (int i = 0; i < 2 * kSlotColumns; ++i) {
            const int slot = firstSlot + i / 2 * 8 + pair + i % 2;
            float& score = scores[i / 2][2 * row + i % 2];
            score = cappedScore(score, softcap);
            if (slot < from.slots && rows.sight[row].sees(from.positionOf(slot))) {
                seen |= 1u << i;
                largest = fmaxf(largest, score);
            }
        }
        largest = maxAcross<4>(largest);
        const float carried = weightOf(rows.largest[row], largest);
        rows.largest[row] = largest;
        rows.sum[row] *= carried;
#pragma unroll
        for (int i = 0; i < 2 * kSlotColumns; ++i) {
            float& score = scores[i / 2][2 * row + i % 2];
            score = seen >> i & 1u ? weightOf(score, largest) : kUnseen;
            rows.sum[row] += score;
        }
#pragma unroll
        for (int i = 0; i < kDim / 8; ++i)
            rows.out[i][2 * row] *= carried, rows.out[i][2 * row + 1] *= carried;
    }
}

// --- Phase 3: values by their weights ----------------------------------------------------------------------------------

template <class T, int kDim>
__device__ __forceinline__ void mixSlots(const MatrixMemory& memory, const float (&weights)[kSlotColumns][4],
                                         MatrixRows<kDim>& rows) {
    unsigned high[kTileSlots / 16][4], low[kTileSlots / 16][4];
#pragma unroll
    for (int part = 0; part < kTileSlots / 16; ++part)
#pragma unroll
        for (int i = 0; i < 4; ++i) { // rows, then slots eight further
            const float(&two)[4] = weights[2 * part + i / 2];
            split<T>(two[i % 2 * 2], two[i % 2 * 2 + 1], high[part][i], low[part][i]);
        }
    const int slot = static_cast<int>(threadIdx.x) % kWarp; // each lane shows where a slot's row is
#pragma unroll
    for (int i = 0; i < kDim / 8; ++i) {
        const uint4 values = loadTransposed(&memory.values[slot * kRowWords<kDim> + 4 * i]);
        const unsigned first[2] = {values.x, values.y}, second[2] = {values.z, values.w};
        multiplyMatrices<T>(rows.out[i], high[0], first);
        multiplyMatrices<T>(rows.out[i], low[0], first);
        multiplyMatrices<T>(rows.out[i], high[1], second);
        multiplyMatrices<T>(rows.out[i], low[1], second);
    }
}

// The same one slot after the other, where a value is not finite: 0·∞ is no number, so what is not seen is passed over.
template <class T, int kDim>
__device__ __forceinline__ void mixSeen(const MatrixMemory& memory, int firstRow,
                                        const float (&weights)[kSlotColumns][4], MatrixRows<kDim>& rows) {
    const int pair = static_cast<int>(threadIdx.x) % 4 * 2;
#pragma unroll
    for (int column = 0; column < kSlotColumns; ++column)
#pragma unroll
        for (int i = 0; i < 4; ++i)
            memory.weights[(firstRow + i / 2 * 8) * kWeightsOfRow + column * 8 + pair + i % 2] =
                weights[column][i];
    blockSync();
#pragma unroll 1
    for (int slot = 0; slot < kTileSlots; ++slot)
#pragma unroll
        for (int row = 0; row < kRowsOfLane; ++row) {
            const float weight = memory.weights[(firstRow + row * 8) * kWeightsOfRow + slot];
            if (bitsOf(weight) == kBitsOfUnseen)
                continue;
#pragma unroll
            for (int i = 0; i < kDim / 8; ++i) {
                const unsigned word = memory.values[slot * kRowWords<kDim> + 4 * i + pair / 2];
                const T* values = reinterpret_cast<const T*>(&word);
                rows.out[i][2 * row] += weight * toFloat(values[0]);
                rows.out[i][2 * row + 1] += weight * toFloat(values[1]);
            }
        }
}

// --- Phase 4: out it goes ----------------------------------------------------------------------------------------------

template <int kDim>
__device__ __forceinline__ void writeRows(const AttendPrompt& a, const PromptBlock& block, int firstRow,
                                          const MatrixRows<kDim>& rows) {
    const int pair = static_cast<int>(threadIdx.x) % 4 * 2;
#pragma unroll
    for (int row = 0; row < kRowsOfLane; ++row) {
        const float sum = teamSum<4>(rows.sum[row]);
        const float by = sum == 0.0f ? 0.0f : 1.0f / sum;
        if (rows.sight[row].position < 0)
            continue;
        float* const to =
            a.out + block.firstElement + static_cast<std::int64_t>(firstRow + row * 8) * a.heads * a.headDim;
        if (a.softmax && pair == 0)
            *reinterpret_cast<float2*>(softmaxOf(a, block, firstRow + row * 8)) =
                make_float2(rows.largest[row], sum);
#pragma unroll
        for (int i = 0; i < kDim / 8; ++i)
            if (const int c = 8 * i + pair; c < a.headDim)
                *reinterpret_cast<float2*>(to + c) =
                    make_float2(rows.out[i][2 * row] * by, rows.out[i][2 * row + 1] * by);
    }
}

template <int kDim>
__device__ __forceinline__ MatrixMemory matrixMemory() {
    SharedMemory shared = sharedMemory();
    MatrixMemory memory;
    memory.keys = shared.take<unsigned>(kTileSlots * kRowWords<kDim>);
    memory.values = shared.take<unsigned>(kTileSlots * kRowWords<kDim>);
    memory.weights = shared.take<float>(kMatrixQueries * kWeightsOfRow);
    memory.odd = shared.take<unsigned>(kMatrixWarps);
    return memory;
}

template <class T, int kDim>
__global__ void __launch_bounds__(kMatrixThreads) attendMatrices(AttendPrompt a) {
    const PromptBlock block = promptBlock(a, kMatrixQueries);
    if (block.queries <= 0)
        return;
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int firstRow = static_cast<int>(threadIdx.x) / kWarp * 16 + lane / 4;
    unsigned high[kDim / 16][4], low[kDim / 16][4];
    splitQueries<T, kDim>(a, block, firstRow, high, low);
    MatrixRows<kDim> rows;
#pragma unroll
    for (int row = 0; row < kRowsOfLane; ++row)
        rows.sight[row] = block.sightOf(a, firstRow + row * 8);

    const MatrixMemory memory = matrixMemory<kDim>();
    const int tiles = block.slots.tiles(), firstTile = block.slots.nextTile(0, block.sight);
    for (int tile = firstTile; tile < tiles; tile = block.slots.nextTile(tile + 1, block.sight)) {
        if (tile != firstTile)
            blockSync(); // all have done with the tile before
        loadRows<T, kDim>(block.slots, tile * kTileSlots, a.headDim, memory);
        blockSync();
        float scores[kSlotColumns][4] = {};
        scoreSlots<T, kDim>(memory, high, low, scores);
        if (a.turns.sinks > 0)
            meetSinksOfTile<T, kDim>(a, block, memory, tile * kTileSlots, firstRow, scores);
        weighSlots<kDim>(block.slots, tile * kTileSlots, a.softcap, scores, rows);
        if ((memory.odd[0] | memory.odd[1] | memory.odd[2] | memory.odd[3]) != 0)
            mixSeen<T, kDim>(memory, firstRow, scores, rows);
        else
            mixSlots<T, kDim>(memory, scores, rows);
    }
    writeRows<kDim>(a, block, firstRow, rows);
}

} // namespace fovea::cuda
