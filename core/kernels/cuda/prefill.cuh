#pragma once
// Attention of many queries at once: tiles of queries against tiles of slots, with the softmax carried along.
//
//   o_h = Σ_s p_hs v_s,  p_hs = exp(scale·q_h·k_s) / Σ_t exp(scale·q_h·k_t)      Vaswani et al. 2017, Eq. 1
//
// Online softmax (Milakov & Gimelshein 2018) over tiles (Dao et al. 2022): scores of a tile never leave the block. Tiles
// that no query of the block sees are not read, so that a window costs what it sees (prefill_sight.cuh); within a tile
// what a query does not see weighs nothing; sinks that are met at another distance have their scores anew
// (prefill_turns.cuh). All products are fp32 on the ordinary units, as exact as decode;
// prefill_matrix.cuh is for rows of 16 bits where some 2^-16 do not matter.
//
// attendTiles<Rows, kDim>, grid (tiles of queries, H, B), the last tiles, which see most, first
//   Rows     how rows lie: FloatTiles, or CodedTiles, which decodes codes on their way into shared memory
//   block    128 threads: kQueries queries (64, of kDim 256 32) of one query head of one text
//   thread   four queries; of a tile's 32 slots every kAcross-th; of kDim components every kAcross-th four; kAcross
//            neighbouring lanes (8, of kDim 256 16) share the four queries, and their largest scores by shuffles
//   shared   promptSharedBytes: queries, a tile of K and then of V in fp32, and its weights; 35, 59 and 70 KiB for kDim
//            64, 128 and 256. Rows are four floats longer than kDim, so that neighbours lie in other banks
//   reads    q once; each tile of K and V once per tile of queries and query head that sees it, 2·32 rows, 16 bytes of
//            tables per row of it and, where slots have positions, 8 bytes of each slot per warp; of codes a scale and
//            a zero per group once or more, for which the first-level cache has them
//   writes   out once
//   work     4·d flops per query and slot of the tiles read
//   limits   d ≤ kDim; floats: rows of whole 16-byte words; codes: as coded_rows.cuh
//   nvcc     13.0: 158 to 221 registers (sm_80, sm_90), up to 32 bytes of stack

#include <cstddef>
#include <cstdint>

#include "core/kernels/cuda/coded_rows.cuh"
#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/prefill_block.cuh"
#include "core/kernels/cuda/prefill_turns.cuh"

namespace fovea::cuda {

constexpr int kPromptThreads = 128, kPromptWarps = kPromptThreads / kWarp;
constexpr int kRowsOfThread = 4;

// The shares of a tile's threads.
template <int kDim>
struct PromptTile {
    static constexpr int kQueries = kDim <= 128 ? 64 : 32; // queryTileOf
    static constexpr int kRowThreads = kQueries / kRowsOfThread;
    static constexpr int kAcross = kPromptThreads / kRowThreads;
    static constexpr int kSlotsOfThread = kTileSlots / kAcross;
    static constexpr int kFours = kDim / 4; // of components
    static constexpr int kFoursOfThread = kFours / kAcross;
    static constexpr int kRowStride = kFours + 1; // in fours: neighbouring rows in different banks
    static constexpr int kWeightStride = kTileSlots / 4 + 1;
};

template <int kDim>
constexpr std::size_t promptSharedBytes() {
    using Tile = PromptTile<kDim>;
    constexpr int kFours =
        (Tile::kQueries + kTileSlots) * Tile::kRowStride + Tile::kQueries * Tile::kWeightStride;
    return sizeof(float4) * kFours + 16 * ((sizeof(unsigned) * kPromptWarps + 15) / 16);
}

struct PromptMemory {
    Shared<float4> queries; // (kQueries, kRowStride)
    Shared<float4> rows;    // (kTileSlots, kRowStride): of K, then of V
    Shared<float4> weights; // (kQueries, kWeightStride): of four slots each
    Shared<unsigned> odd;   // (kPromptWarps): is there a value that is not finite?
};

// A query's softmax so far, of the slots and components that one thread has.
template <int kDim>
struct PromptRow {
    Sight sight;
    float largest = -INFINITY; // of all threads that share the query
    float sum = 0.0f;          // of this thread's weights
    float4 out[PromptTile<kDim>::kFoursOfThread] = {};
};

__device__ __forceinline__ void addScaled(float scale, const float4& by, float4& to) {
    to.x += scale * by.x, to.y += scale * by.y, to.z += scale * by.z, to.w += scale * by.w;
}

// --- Phase 1: what the block works on, into shared memory ------------------------------------------------------

template <int kDim>
__device__ __forceinline__ void loadQueries(const AttendPrompt& a, const float* q, int queries, float scale,
                                            const PromptMemory& memory) {
    using Tile = PromptTile<kDim>;
    for (int i = static_cast<int>(threadIdx.x); i < Tile::kQueries * Tile::kFours; i += kPromptThreads) {
        const int row = i / Tile::kFours, four = i % Tile::kFours;
        float4 x = make_float4(0, 0, 0, 0);
        if (row < queries && 4 * four < a.headDim)
            x = *reinterpret_cast<const float4*>(q + static_cast<std::int64_t>(row) * a.heads * a.headDim +
                                                 4 * four);
        memory.queries[row * Tile::kRowStride + four] =
            make_float4(x.x * scale, x.y * scale, x.z * scale, x.w * scale);
    }
}

// The elements of one 16-byte word of a row, as fours.
template <class T>
__device__ __forceinline__ void widenWord(const uint4& word, float4 (&out)[4 / sizeof(T)]) {
    const T* elements = reinterpret_cast<const T*>(&word);
#pragma unroll
    for (unsigned i = 0; i < 4 / sizeof(T); ++i)
        out[i] = make_float4(toFloat(elements[4 * i]), toFloat(elements[4 * i + 1]),
                             toFloat(elements[4 * i + 2]), toFloat(elements[4 * i + 3]));
}

// x·0 is NaN where x is not finite.
__device__ __forceinline__ bool notFinite(const float4& x) {
    return x.x * 0.0f + x.y * 0.0f + x.z * 0.0f + x.w * 0.0f != 0.0f;
}

// What each thread found in the rows that it brought: is anything not finite?
__device__ __forceinline__ void voteOdd(bool odd, const PromptMemory& memory) {
    const unsigned said = ballot(odd);
    if (threadIdx.x % kWarp == 0)
        memory.odd[threadIdx.x / kWarp] = said;
}

// Rows of one tile, of K or of V. Dead slots are zeros, and not read. With kVote the block is told whether all is finite.
template <class T>
struct FloatTiles {
    template <int kDim, bool kVote>
    static __device__ __forceinline__ void load(const AttendPrompt& a, const PromptSlots& from,
                                                const void* const* blocks, int firstSlot,
                                                const PromptMemory& memory) {
        using Tile = PromptTile<kDim>;
        constexpr int kPerWord = 16 / sizeof(T), kFoursOfWord = kPerWord / 4, kWords = kDim / kPerWord;
        static_assert(kTileSlots * kWords % kPromptThreads == 0,
                      "every thread has as many words, since it votes");
        bool odd = false;
#pragma unroll 4
        for (int n = 0; n < kTileSlots * kWords / kPromptThreads; ++n) {
            const int i = n * kPromptThreads + static_cast<int>(threadIdx.x);
            const int row = i / kWords, element = i % kWords * kPerWord, slot = firstSlot + row;
            uint4 word = make_uint4(0, 0, 0, 0);
            if (slot < from.slots && element < a.headDim) {
                const int block = slot / from.slotsPerBlock;
                const T* const rows = static_cast<const T*>(blocks[block]);
                const std::int64_t at =
                    static_cast<std::int64_t>(slot - block * from.slotsPerBlock) * a.headDim + element;
                word = loadOnce(reinterpret_cast<const uint4*>(rows + at));
            }
            float4 fours[kFoursOfWord];
            widenWord<T>(word, fours);
#pragma unroll
            for (int four = 0; four < kFoursOfWord; ++four) {
                memory.rows[row * Tile::kRowStride + element / 4 + four] = fours[four];
                odd = odd || (kVote && notFinite(fours[four]));
            }
        }
        if constexpr (kVote)
            voteOdd(odd, memory);
    }
};

// The same of codes, decoded: x̂ = s·(q − z) in fp32, eight components a thread, which lie as many apart as a unit of codes
// has lanes, so that neighbours write to neighbouring banks.
template <int kBits>
struct CodedTiles {
    template <int kDim, bool kVote>
    static __device__ __forceinline__ void load(const AttendPrompt& a, const PromptSlots& from,
                                                const void* const* blocks, int firstSlot,
                                                const PromptMemory& memory) {
        constexpr int kLanes = kDim / kElements;
        static_assert(kPromptThreads % kLanes == 0 && kTileSlots * kLanes % kPromptThreads == 0,
                      "a thread has the same part of every row, and all have as many");
        using Rows = CodedRows<kBits, kBits == 8 ? 1 : 4, kLanes>; // bytes lie in order, eight of a group
        const Rows rows(a, static_cast<int>(threadIdx.x) % kLanes);
        bool odd = false;
#pragma unroll 2
        for (int row = static_cast<int>(threadIdx.x) / kLanes; row < kTileSlots;
             row += kPromptThreads / kLanes) {
            const int slot = firstSlot + row, block = slot / from.slotsPerBlock;
            const bool live = slot < from.slots;
            const auto share =
                rows.load(live ? blocks[block] : nullptr, slot - block * from.slotsPerBlock, live);
            float values[kElements];
            rows.widen(share, values);
            const float scale = Rows::kScaled ? rows.scale(share) : 1.0f;
            float* const to = reinterpret_cast<float*>(&memory.rows[row * PromptTile<kDim>::kRowStride]);
#pragma unroll
            for (int e = 0; e < kElements; ++e) {
                const float value = values[e] * scale;
                to[rows.component(e)] = value;
                odd = odd || (kVote && value * 0.0f != 0.0f);
            }
        }
        if constexpr (kVote)
            voteOdd(odd, memory);
    }
};

// --- Phase 2: scores of the tile, and weights out of them ------------------------------------------------------

template <int kDim>
__device__ __forceinline__ void scoreTile(const PromptMemory& memory, int rowThread, int across,
                                          float (&scores)[kRowsOfThread][PromptTile<kDim>::kSlotsOfThread]) {
    using Tile = PromptTile<kDim>;
#pragma unroll 2
    for (int four = 0; four < Tile::kFours; ++four) {
        float4 query[kRowsOfThread];
#pragma unroll
        for (int r = 0; r < kRowsOfThread; ++r)
            query[r] = memory.queries[(rowThread + r * Tile::kRowThreads) * Tile::kRowStride + four];
#pragma unroll
        for (int s = 0; s < Tile::kSlotsOfThread; ++s) {
            const float4 key = memory.rows[(across + s * Tile::kAcross) * Tile::kRowStride + four];
#pragma unroll
            for (int r = 0; r < kRowsOfThread; ++r)
                scores[r][s] +=
                    query[r].x * key.x + query[r].y * key.y + query[r].z * key.z + query[r].w * key.w;
        }
    }
}

// One number of rows of fours.
__device__ __forceinline__ float componentOf(const Shared<float4>& fours, int firstOfRow, int c) {
    const float4 four = fours[firstOfRow + c / 4];
    return c % 4 < 2 ? (c % 4 == 0 ? four.x : four.y) : (c % 4 == 2 ? four.z : four.w);
}

// Those of sinks that are met at another distance.
template <int kDim>
__device__ __forceinline__ void
meetSinksOfTile(const AttendPrompt& a, const PromptBlock& block, const PromptMemory& memory, int firstSlot,
                int rowThread, int across, float (&scores)[kRowsOfThread][PromptTile<kDim>::kSlotsOfThread]) {
    using Tile = PromptTile<kDim>;
    const auto rowOf = [=](int r) { return rowThread + r * Tile::kRowThreads; };
    const auto slotOf = [=](int s) { return across + s * Tile::kAcross; };
    meetSinks<kRowsOfThread, Tile::kSlotsOfThread>(
        a, block, rowOf, [=](int s) { return firstSlot + slotOf(s); },
        [&](int r, int s, int angles) {
            return turnedProduct(
                a.turns, angles, a.headDim,
                [&](int c) { return componentOf(memory.queries, rowOf(r) * Tile::kRowStride, c); },
                [&](int c) { return componentOf(memory.rows, slotOf(s) * Tile::kRowStride, c); });
        },
        [&](int i, float score) {
#pragma unroll
            for (int r = 0; r < kRowsOfThread; ++r)
#pragma unroll
                for (int s = 0; s < Tile::kSlotsOfThread; ++s)
                    scores[r][s] = i == r * Tile::kSlotsOfThread + s ? score : scores[r][s];
        });
}

// One query's scores become weights against the largest so far, to which its sums are brought.
template <int kDim>
__device__ __forceinline__ void weighScores(const PromptSlots& from, int firstSlot, int across, float softcap,
                                            float (&scores)[PromptTile<kDim>::kSlotsOfThread],
                                            PromptRow<kDim>& row, float* weights) {
    using Tile = PromptTile<kDim>;
    float largest = row.largest;
    bool seen[Tile::kSlotsOfThread];
#pragma unroll
    for (int s = 0; s < Tile::kSlotsOfThread; ++s) {
        const int slot = firstSlot + across + s * Tile::kAcross;
        seen[s] = slot < from.slots && row.sight.sees(from.positionOf(slot));
        scores[s] = cappedScore(scores[s], softcap);
        largest = seen[s] ? fmaxf(largest, scores[s]) : largest;
    }
    largest = maxAcross<Tile::kAcross>(largest);
    const float carried = weightOf(row.largest, largest);
    row.largest = largest;
    row.sum *= carried;
#pragma unroll
    for (int i = 0; i < Tile::kFoursOfThread; ++i)
        row.out[i] = make_float4(row.out[i].x * carried, row.out[i].y * carried, row.out[i].z * carried,
                                 row.out[i].w * carried);
#pragma unroll
    for (int s = 0; s < Tile::kSlotsOfThread; ++s) {
        const float weight = weightOf(scores[s], largest);
        row.sum += seen[s] ? weight : 0.0f;
        weights[across + s * Tile::kAcross] = seen[s] ? weight : kUnseen;
    }
}

// --- Phase 3: values by their weights ---------------------------------------------------------------------------

template <int kDim, bool kPassOver>
__device__ __forceinline__ void mixTile(const PromptMemory& memory, int rowThread, int across,
                                        PromptRow<kDim> (&rows)[kRowsOfThread]) {
    using Tile = PromptTile<kDim>;
#pragma unroll 1
    for (int slots = 0; slots < kTileSlots / 4; ++slots) {
        float4 weights[kRowsOfThread];
#pragma unroll
        for (int r = 0; r < kRowsOfThread; ++r)
            weights[r] = memory.weights[(rowThread + r * Tile::kRowThreads) * Tile::kWeightStride + slots];
#pragma unroll
        for (int s = 0; s < 4; ++s) {
#pragma unroll
            for (int i = 0; i < Tile::kFoursOfThread; ++i) {
                const float4 value =
                    memory.rows[(4 * slots + s) * Tile::kRowStride + across + i * Tile::kAcross];
#pragma unroll
                for (int r = 0; r < kRowsOfThread; ++r) {
                    const float weight = reinterpret_cast<const float*>(&weights[r])[s];
                    if (!kPassOver || bitsOf(weight) != kBitsOfUnseen)
                        addScaled(weight, value, rows[r].out[i]);
                }
            }
        }
    }
}

// --- Phase 4: out it goes ---------------------------------------------------------------------------------------

template <int kDim>
__device__ __forceinline__ void writeRows(const AttendPrompt& a, const PromptBlock& block, int rowThread,
                                          int across, const PromptRow<kDim> (&rows)[kRowsOfThread]) {
    using Tile = PromptTile<kDim>;
#pragma unroll
    for (int r = 0; r < kRowsOfThread; ++r) {
        const float sum = teamSum<Tile::kAcross>(rows[r].sum);
        const float by = sum == 0.0f ? 0.0f : 1.0f / sum;
        if (rows[r].sight.position < 0)
            continue;
        const std::int64_t row = rowThread + r * Tile::kRowThreads;
        float* const to = a.out + block.firstElement + row * a.heads * a.headDim;
        if (a.softmax && across == 0)
            *reinterpret_cast<float2*>(softmaxOf(a, block, static_cast<int>(row))) =
                make_float2(rows[r].largest, sum);
#pragma unroll
        for (int i = 0; i < Tile::kFoursOfThread; ++i) {
            const int c = 4 * (across + i * Tile::kAcross);
            const float4& x = rows[r].out[i];
            if (c < a.headDim)
                *reinterpret_cast<float4*>(to + c) = make_float4(x.x * by, x.y * by, x.z * by, x.w * by);
        }
    }
}

template <int kDim>
__device__ __forceinline__ PromptMemory promptMemory() {
    using Tile = PromptTile<kDim>;
    SharedMemory shared = sharedMemory();
    PromptMemory memory;
    memory.queries = shared.take<float4>(Tile::kQueries * Tile::kRowStride);
    memory.rows = shared.take<float4>(kTileSlots * Tile::kRowStride);
    memory.weights = shared.take<float4>(Tile::kQueries * Tile::kWeightStride);
    memory.odd = shared.take<unsigned>(kPromptWarps);
    return memory;
}

template <class Rows, int kDim>
__global__ void __launch_bounds__(kPromptThreads) attendTiles(AttendPrompt a) {
    using Tile = PromptTile<kDim>;
    const PromptBlock block = promptBlock(a, Tile::kQueries);
    if (block.queries <= 0)
        return;
    const PromptSlots& slots = block.slots;
    const int rowThread = static_cast<int>(threadIdx.x) / Tile::kAcross;
    const int across = static_cast<int>(threadIdx.x) % Tile::kAcross;

    const PromptMemory memory = promptMemory<kDim>();
    loadQueries<kDim>(a, a.q + block.firstElement, block.queries, scoreScale(a), memory);
    PromptRow<kDim> rows[kRowsOfThread];
#pragma unroll
    for (int r = 0; r < kRowsOfThread; ++r)
        rows[r].sight = block.sightOf(a, rowThread + r * Tile::kRowThreads);

    const int tiles = slots.tiles(), firstTile = slots.nextTile(0, block.sight);
    for (int tile = firstTile; tile < tiles; tile = slots.nextTile(tile + 1, block.sight)) {
        if (tile != firstTile)
            blockSync(); // all have done with the tile before
        const int firstSlot = tile * kTileSlots;
        Rows::template load<kDim, false>(a, slots, slots.keys, firstSlot, memory);
        blockSync();

        float scores[kRowsOfThread][Tile::kSlotsOfThread] = {};
        scoreTile<kDim>(memory, rowThread, across, scores);
        if (a.turns.sinks > 0)
            meetSinksOfTile<kDim>(a, block, memory, firstSlot, rowThread, across, scores);
#pragma unroll
        for (int r = 0; r < kRowsOfThread; ++r)
            weighScores<kDim>(
                slots, firstSlot, across, a.softcap, scores[r], rows[r],
                reinterpret_cast<float*>(
                    &memory.weights[(rowThread + r * Tile::kRowThreads) * Tile::kWeightStride]));
        blockSync();

        Rows::template load<kDim, true>(a, slots, slots.values, firstSlot, memory);
        blockSync();
        const bool odd = (memory.odd[0] | memory.odd[1] | memory.odd[2] | memory.odd[3]) != 0;
        if (odd)
            mixTile<kDim, true>(memory, rowThread, across, rows);
        else
            mixTile<kDim, false>(memory, rowThread, across, rows);
    }
    writeRows<kDim>(a, block, rowThread, across, rows);
}

} // namespace fovea::cuda
