#pragma once
// Exact logits of all slots, kept: what top-k V chooses by, once every key has been read.
//
//   logit_hs = scale·q_h·k_s, bent by the soft-cap        Sheng et al., arXiv 2303.06865, Section 5
//
// scoreKeys<Rows, kLanes, kGroup>, grid (spans of kRowSpan slots, G, tiles of query heads)
//   Rows     how keys lie: FloatRows (float_rows.cuh) or CodedRows (coded_rows.cuh)
//   block    128 threads: one span of one KV head, for up to kGroup of its query heads
//   team     kLanes lanes, 8·kLanes ≥ d: every 128/kLanes-th row, four in flight
//   thread   8 of the d components of q and K; afterwards two slots
//   shared   keySharedBytes: the span's logits, so that they leave in runs, and their mass; under 9 KiB
//   reads    S rows of K per tile, once; g·d floats of q and 8 bytes of block table per row by each team; by sight 16
//            bytes of position per slot, and no key that nobody sees
//   writes   4·S bytes per query head; (m, l) per query head and span
//   work     2·d·S flops and S exponentials per query head
//   limits   d ≤ 256, rows as their loader has them, kGroup ≤ 8; nvcc 13.0 takes 48 to 150 registers (sm_80, sm_90);
//            16 bytes are spilt at most

#include <cstddef>
#include <cstdint>

#include "core/kernels/cuda/attend_tile.h"
#include "core/kernels/cuda/head_sight.cuh"
#include "core/kernels/cuda/reads_shape.h"
#include "core/kernels/cuda/reduce.cuh"
#include "core/kernels/cuda/row_codes.h"
#include "core/kernels/cuda/softmax_mass.cuh"
#include "core/kernels/cuda/text_place.cuh"

namespace fovea::cuda {

constexpr int kKeyThreads = 128;
constexpr int kKeyWarps = kKeyThreads / kWarp;
constexpr int kSpanSlots = static_cast<int>(kRowSpan);
constexpr int kSlotsPerThread = kSpanSlots / kKeyThreads;

// reads.h's TopvChoice as the kernel wants it.
struct KeyArguments {
    const float* q;
    const void* const* keys;
    std::int64_t blocksPerHead;
    const std::int64_t* slots;
    ReadSights sights;
    float* logits;
    std::int64_t stride;
    float2* spanMass; // (H, spans) of (m, l)
    float scale, softcap;
    int kvHeads, group, headDim, slotsPerBlock;
    RowCodes codes; // of keys that are no floats
    TextBatch batch;
};

template <int kGroup>
constexpr std::size_t keySharedBytes() {
    constexpr std::size_t kMass = (sizeof(float) * kGroup * kKeyWarps + 15) / 16 * 16;
    return sizeof(float) * kGroup * kSpanSlots + 2 * kMass;
}

// --- Phase 1: a team's rows --------------------------------------------------------------------------------

// Does any of the tile's query heads see the slot? `row` as ReadSights has it.
__device__ __forceinline__ bool seesAny(const KeyArguments& a, std::int64_t row, int firstHead, int heads,
                                        std::int64_t slot) {
    bool any = a.sights.heads == nullptr;
    for (int h = firstHead; a.sights.heads && h < firstHead + heads; ++h)
        any = any || a.sights.sees(h, row, slot);
    return any;
}

// Query heads of a tile.
struct KeyTile {
    OwnerPlace at;
    int firstHead, heads;
};

// Rows first, first + kTeams, …, as many as are in flight, below `count` of the span: their logits go to shared
// memory. By whole warps, as teamSum needs, also where a team has no row left.
template <class Rows, int kLanes, int kGroup>
__device__ __forceinline__ void
scoreRows(const KeyArguments& a, const KeyTile& tile, const Rows& rows, std::int64_t begin, int first,
          int count, bool firstLane, const float (&query)[kGroup][kElements], const Shared<float>& logits) {
    constexpr int kTeams = kKeyThreads / kLanes;
    static_assert(kSpanSlots % (kTeams * kRowsInFlight) == 0, "no row is beyond the span");
    typename Rows::Share keys[kRowsInFlight];
#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r) {
        const std::int64_t slot = begin + first + r * kTeams, block = slot / a.slotsPerBlock;
        const bool live =
            first + r * kTeams < count && seesAny(a, tile.at.word(), tile.firstHead, tile.heads, slot);
        keys[r] = rows.load(live ? a.keys[tile.at.words + tile.at.own * a.blocksPerHead + block] : nullptr,
                            static_cast<int>(slot - block * a.slotsPerBlock), live);
    }
#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r) {
        float key[kElements];
        rows.widen(keys[r], key);
        const float scale = rows.scale(keys[r]);
        const int row = first + r * kTeams;
#pragma unroll
        for (int h = 0; h < kGroup; ++h) {
            float dot = 0.0f;
#pragma unroll
            for (int e = 0; e < kElements; ++e)
                dot += query[h][e] * key[e];
            dot = teamSum<kLanes>(Rows::kScaled ? dot * scale : dot);
            if (firstLane)
                logits[h * kSpanSlots + row] = row < count ? capped(dot, a.softcap) : -INFINITY;
        }
    }
}

// --- Phase 2: out they go ----------------------------------------------------------------------------------

template <int kGroup>
__device__ __forceinline__ void
writeLogits(const KeyArguments& a, std::int64_t sightRow, int firstHead, int heads, std::int64_t begin,
            int count, const Shared<float>& shared, float (&logits)[kGroup][kSlotsPerThread]) {
#pragma unroll
    for (int h = 0; h < kGroup; ++h)
#pragma unroll
        for (int i = 0; i < kSlotsPerThread; ++i) {
            const int row = static_cast<int>(threadIdx.x) + i * kKeyThreads;
            const bool seen = h < heads && row < count && a.sights.sees(firstHead + h, sightRow, begin + row);
            logits[h][i] = seen ? shared[h * kSpanSlots + row] : -INFINITY;
            if (h < heads && row < count)
                a.logits[(firstHead + h) * a.stride + begin + row] = logits[h][i];
        }
}

template <class Rows, int kLanes, int kGroup>
__global__ void __launch_bounds__(kKeyThreads) scoreKeys(KeyArguments a) {
    const OwnerPlace at = ownerPlace(a.batch, a.kvHeads, static_cast<int>(blockIdx.y));
    const int thread = static_cast<int>(threadIdx.x);
    const std::int64_t slots = a.slots[at.word()], begin = std::int64_t{blockIdx.x} * kSpanSlots;
    if (begin >= slots)
        return; // the whole block
    const int count = static_cast<int>(min(slots - begin, std::int64_t{kSpanSlots}));
    const int firstOfGroup = static_cast<int>(blockIdx.z) * kGroup;
    const KeyTile tile = {at, at.owner * a.group + firstOfGroup, min(kGroup, a.group - firstOfGroup)};
    const int team = thread / kLanes, lane = thread % kLanes;
    const Rows rows(a, lane);

    float query[kGroup][kElements];
#pragma unroll
    for (int h = 0; h < kGroup; ++h)
#pragma unroll
        for (int e = 0; e < kElements; ++e) {
            const int c = rows.component(e);
            query[h][e] = h < tile.heads && c < a.headDim
                              ? a.q[static_cast<std::int64_t>(tile.firstHead + h) * a.headDim + c] * a.scale
                              : 0.0f;
        }

    SharedMemory shared = sharedMemory();
    const Shared<float> spanLogits = shared.take<float>(kGroup * kSpanSlots);
    const Shared<float> tops = shared.take<float>(kGroup * kKeyWarps);
    const Shared<float> sums = shared.take<float>(kGroup * kKeyWarps);
    for (int first = 0; first < count; first += kKeyThreads / kLanes * kRowsInFlight)
        scoreRows<Rows, kLanes, kGroup>(a, tile, rows, begin, first + team, count, lane == 0, query,
                                        spanLogits);
    blockSync();
    float logits[kGroup][kSlotsPerThread];
    writeLogits<kGroup>(a, at.word(), tile.firstHead, tile.heads, begin, count, spanLogits, logits);
    float2* const mass = a.spanMass + std::int64_t{tile.firstHead} * gridDim.x + blockIdx.x;
    writeMass<kKeyWarps>(logits, tile.heads, tops, sums, mass, gridDim.x);
}

} // namespace fovea::cuda
