#pragma once
// Exact logits of all slots, kept: what top-k V chooses by, once every key has been read.
//
//   logit_hs = scale·q_h·k_s, bent by the soft-cap        Sheng et al., arXiv 2303.06865, Section 5
//
// scoreKeys<T, kLanes, kGroup>, grid (spans of kRowSpan slots, G, tiles of query heads)
//   block    128 threads: one span of one KV head, for up to kGroup of its query heads
//   team     kLanes lanes, 8·kLanes ≥ d: every 128/kLanes-th row, four in flight
//   thread   8 of the d components of q and K; afterwards two slots
//   shared   keySharedBytes: the span's logits, so that they leave in runs, and their mass; under 9 KiB
//   reads    S·d elements of K per tile, once; g·d floats of q and 8 bytes of block table per row by each team; by
//            sight 8 bytes of position per slot
//   writes   4·S bytes per query head; (m, l) per query head and span
//   work     2·d·S flops and S exponentials per query head
//   limits   d ≤ 256, rows of whole 16-byte words, kGroup ≤ 8; nvcc 13.0 takes 46 to 128 registers (sm_80, sm_90),
//            no spills

#include <cstddef>
#include <cstdint>

#include "core/kernels/cuda/head_sight.cuh"
#include "core/kernels/cuda/reads_shape.h"
#include "core/kernels/cuda/reduce.cuh"
#include "core/kernels/cuda/row_share.cuh"
#include "core/kernels/cuda/softmax_mass.cuh"

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
    int group, headDim, slotsPerBlock;
};

template <int kGroup>
constexpr std::size_t keySharedBytes() {
    constexpr std::size_t kMass = (sizeof(float) * kGroup * kKeyWarps + 15) / 16 * 16;
    return sizeof(float) * kGroup * kSpanSlots + 2 * kMass;
}

// --- Phase 1: a team's rows --------------------------------------------------------------------------------

// Rows first, first + kTeams, …, as many as are in flight, below `count` of the span: their logits go to shared
// memory. By whole warps, as teamSum needs, also where a team has no row left.
template <class T, int kLanes, int kGroup>
__device__ __forceinline__ void scoreRows(const KeyArguments& a, int kvHead, std::int64_t begin, int first,
                                          int count, int lane, const float (&query)[kGroup][kElements],
                                          const Shared<float>& logits) {
    constexpr int kTeams = kKeyThreads / kLanes;
    static_assert(kSpanSlots % (kTeams * kRowsInFlight) == 0, "no row is beyond the span");
    RowShare<T> rows[kRowsInFlight];
#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r) {
        const bool live = first + r * kTeams < count;
        const std::int64_t slot = begin + first + r * kTeams, block = slot / a.slotsPerBlock;
        const T* row = nullptr;
        if (live)
            row = static_cast<const T*>(a.keys[kvHead * a.blocksPerHead + block]) +
                  (slot - block * a.slotsPerBlock) * a.headDim;
        rows[r] = loadShare<T, kLanes>(row, a.headDim, lane, live);
    }
#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r) {
        float key[kElements];
        widen(rows[r], key);
        const int row = first + r * kTeams;
#pragma unroll
        for (int h = 0; h < kGroup; ++h) {
            float dot = 0.0f;
#pragma unroll
            for (int e = 0; e < kElements; ++e)
                dot += query[h][e] * key[e];
            dot = teamSum<kLanes>(dot);
            if (lane == 0)
                logits[h * kSpanSlots + row] = row < count ? capped(dot, a.softcap) : -INFINITY;
        }
    }
}

// --- Phase 2: out they go ----------------------------------------------------------------------------------

template <int kGroup>
__device__ __forceinline__ void writeLogits(const KeyArguments& a, int kvHead, int firstHead, int heads,
                                            std::int64_t begin, int count, const Shared<float>& shared,
                                            float (&logits)[kGroup][kSlotsPerThread]) {
#pragma unroll
    for (int h = 0; h < kGroup; ++h)
#pragma unroll
        for (int i = 0; i < kSlotsPerThread; ++i) {
            const int row = static_cast<int>(threadIdx.x) + i * kKeyThreads;
            const bool seen = h < heads && row < count && a.sights.sees(firstHead + h, kvHead, begin + row);
            logits[h][i] = seen ? shared[h * kSpanSlots + row] : -INFINITY;
            if (h < heads && row < count)
                a.logits[(firstHead + h) * a.stride + begin + row] = logits[h][i];
        }
}

template <class T, int kLanes, int kGroup>
__global__ void __launch_bounds__(kKeyThreads) scoreKeys(KeyArguments a) {
    const int kvHead = static_cast<int>(blockIdx.y), thread = static_cast<int>(threadIdx.x);
    const std::int64_t slots = a.slots[kvHead], begin = std::int64_t{blockIdx.x} * kSpanSlots;
    if (begin >= slots)
        return; // the whole block
    const int count = static_cast<int>(min(slots - begin, std::int64_t{kSpanSlots}));
    const int firstOfGroup = static_cast<int>(blockIdx.z) * kGroup;
    const int heads = min(kGroup, a.group - firstOfGroup), firstHead = kvHead * a.group + firstOfGroup;
    const int team = thread / kLanes, lane = thread % kLanes;

    float query[kGroup][kElements];
#pragma unroll
    for (int h = 0; h < kGroup; ++h)
#pragma unroll
        for (int e = 0; e < kElements; ++e) {
            const int c = component<T, kLanes>(lane, e);
            query[h][e] = h < heads && c < a.headDim
                              ? a.q[static_cast<std::int64_t>(firstHead + h) * a.headDim + c] * a.scale
                              : 0.0f;
        }

    SharedMemory shared = sharedMemory();
    const Shared<float> spanLogits = shared.take<float>(kGroup * kSpanSlots);
    const Shared<float> tops = shared.take<float>(kGroup * kKeyWarps);
    const Shared<float> sums = shared.take<float>(kGroup * kKeyWarps);
    for (int first = 0; first < count; first += kKeyThreads / kLanes * kRowsInFlight)
        scoreRows<T, kLanes, kGroup>(a, kvHead, begin, first + team, count, lane, query, spanLogits);
    blockSync();
    float logits[kGroup][kSlotsPerThread];
    writeLogits<kGroup>(a, kvHead, firstHead, heads, begin, count, spanLogits, logits);
    float2* const mass = a.spanMass + std::int64_t{firstHead} * gridDim.x + blockIdx.x;
    writeMass<kKeyWarps>(logits, heads, tops, sums, mass, gridDim.x);
}

} // namespace fovea::cuda
