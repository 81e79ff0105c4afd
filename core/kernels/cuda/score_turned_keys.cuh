#pragma once
// Exact logits of slots that are met by queries of their own (attend_turned.h), in the place of what scoreKeys left for
// slots that nobody sees; their mass goes to each head's first span.
//
// scoreTurnedKeys<Rows>, grid (query heads in fours)
//   Rows     how keys lie, shared by 32 lanes: FloatRows or CodedRows
//   block    128 threads: four warps that never meet
//   warp     one query head, four slots at a time
//   thread   8 of the d components
//   shared   none, and no barrier
//   reads    a key per slot and query head; d floats of the query per slot; 8 bytes of mass
//   writes   4 bytes per slot and query head; 8 of mass
//   limits   as scoreKeys. Sinks are few: this is bound by the time of a launch
//   nvcc     13.0: 52 to 157 registers (sm_80, sm_90), no spills

#include "core/kernels/cuda/score_keys.cuh"

namespace fovea::cuda {

constexpr int kTurnedKeyHeads = kKeyThreads / kWarp; // of a block

struct TurnedKeyArguments {
    KeyArguments keys;
    const std::int32_t* slots;
    int count;
    const float* q; // (count, H, d)
    int heads;      // H
    int spans;      // of keys.spanMass
};

// What key `key` scores with the query that was turned for it, in every lane.
template <class Rows>
__device__ __forceinline__ float scoreTurnedKey(const TurnedKeyArguments& a, const Rows& rows, int turned,
                                                int head, const typename Rows::Share& share, bool live) {
    const float* const q = a.q + (std::int64_t{turned} * a.heads + head) * a.keys.headDim;
    float key[kElements], dot = 0.0f;
    rows.widen(share, key);
#pragma unroll
    for (int e = 0; e < kElements; ++e)
        if (const int c = rows.component(e); live && c < a.keys.headDim)
            dot += q[c] * a.keys.scale * key[e];
    dot = warpSum(Rows::kScaled ? dot * rows.scale(share) : dot);
    return live ? capped(dot, a.keys.softcap) : -INFINITY;
}

template <class Rows>
__global__ void __launch_bounds__(kKeyThreads) scoreTurnedKeys(TurnedKeyArguments a) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int head = static_cast<int>(blockIdx.x) * kTurnedKeyHeads + static_cast<int>(threadIdx.x) / kWarp;
    if (head >= a.heads)
        return; // the whole warp
    const int kvHead = head / a.keys.group;
    const std::int64_t slots = a.keys.slots[kvHead];
    if (slots == 0)
        return; // the whole warp: there is no span
    const Rows rows(a.keys, lane);
    float2* const mass = a.keys.spanMass + std::int64_t{head} * a.spans;
    float top = lane == 0 ? mass->x : -INFINITY, sum = lane == 0 ? mass->y : 0.0f; // the first lane's count
    for (int first = 0; first < a.count; first += kRowsInFlight) {
        typename Rows::Share keys[kRowsInFlight];
        int slot[kRowsInFlight];
        bool live[kRowsInFlight];
#pragma unroll
        for (int r = 0; r < kRowsInFlight; ++r) {
            slot[r] = first + r < a.count ? a.slots[first + r] : 0;
            live[r] = first + r < a.count && slot[r] < slots;
            const int block = slot[r] / a.keys.slotsPerBlock;
            keys[r] = rows.load(live[r] ? a.keys.keys[kvHead * a.keys.blocksPerHead + block] : nullptr,
                                slot[r] - block * a.keys.slotsPerBlock, live[r]);
        }
#pragma unroll
        for (int r = 0; r < kRowsInFlight; ++r) {
            const float logit = scoreTurnedKey(a, rows, first + r, head, keys[r], live[r]);
            const float larger = fmaxf(top, logit);
            sum = sum * massOf(top, larger) + massOf(logit, larger);
            top = larger;
            if (live[r] && lane == 0)
                a.keys.logits[head * a.keys.stride + slot[r]] = logit;
        }
    }
    if (lane == 0)
        *mass = make_float2(top, sum);
}

} // namespace fovea::cuda
