#pragma once
// The values of chosen tokens alone, with weights that are known already: top-k V's last stage.
//
//   o_h = Σ_i p_hi·v_i over the list, divided by Σ_i p_hi where that is asked for      arXiv 2303.06865, Section 5
//
// sumValues<T, kLanes, kGroup>, grid (tiles of query heads, G)
//   block    128 threads: one KV head's list, for up to kGroup of its query heads
//   team     kLanes lanes, 8·kLanes ≥ d: every 128/kLanes-th entry, four in flight
//   thread   8 of the d components of a value and of each o
//   shared   sumSharedBytes: the teams' sums, 32 KiB for kGroup = 8
//   barriers 1
//   reads    n·d elements of V per tile, once; 4·n bytes of the list, 4·n per query head of weights
//   writes   H·d floats
//   work     2·n·d flops per query head
//   limits   d ≤ 256, rows of whole 16-byte words; nvcc 13.0 takes 48 to 167 registers (sm_80, sm_90), no spills

#include <cstddef>
#include <cstdint>

#include "core/kernels/cuda/row_share.cuh"

namespace fovea::cuda {

constexpr int kSumThreads = 128;
constexpr int kValuesInFlight = 4;

// reads.h's TopvSum as the kernel wants it.
struct SumArguments {
    const void* const* values;
    std::int64_t blocksPerHead;
    const std::int32_t *slots, *counts;
    std::int64_t most;
    const float *weights, *kept; // kept null: nothing is divided
    float* out;
    int group, headDim, slotsPerBlock;
};

template <int kLanes, int kGroup>
constexpr std::size_t sumSharedBytes() {
    return sizeof(float) * kGroup * (kSumThreads / kLanes) * (kElements * kLanes);
}

// Phase 1: entries first, first + teams, … as many as are in flight. What is beyond the list is not read and weighs 0.
template <class T, int kLanes, int kGroup>
__device__ __forceinline__ void addValues(const SumArguments& a, int kvHead, int firstHead, int heads,
                                          int first, int count, int lane, float (&sums)[kGroup][kElements]) {
    constexpr int kTeams = kSumThreads / kLanes;
    RowShare<T> rows[kValuesInFlight];
#pragma unroll
    for (int r = 0; r < kValuesInFlight; ++r) {
        const bool live = first + r * kTeams < count;
        const T* row = nullptr;
        if (live) {
            const int slot = a.slots[kvHead * a.most + first + r * kTeams], block = slot / a.slotsPerBlock;
            row = static_cast<const T*>(a.values[kvHead * a.blocksPerHead + block]) +
                  std::int64_t{slot - block * a.slotsPerBlock} * a.headDim;
        }
        rows[r] = loadShare<T, kLanes>(row, a.headDim, lane, live);
    }
#pragma unroll
    for (int r = 0; r < kValuesInFlight; ++r) {
        const int entry = first + r * kTeams;
        float value[kElements];
        widen(rows[r], value);
#pragma unroll
        for (int h = 0; h < kGroup; ++h) {
            const float weight =
                h < heads && entry < count ? a.weights[std::int64_t{firstHead + h} * a.most + entry] : 0.0f;
#pragma unroll
            for (int e = 0; e < kElements; ++e)
                sums[h][e] += weight * value[e];
        }
    }
}

template <class T, int kLanes, int kGroup>
__global__ void __launch_bounds__(kSumThreads) sumValues(SumArguments a) {
    constexpr int kTeams = kSumThreads / kLanes, kPadded = kElements * kLanes;
    const int kvHead = static_cast<int>(blockIdx.y), thread = static_cast<int>(threadIdx.x);
    const int team = thread / kLanes, lane = thread % kLanes;
    const int firstOfGroup = static_cast<int>(blockIdx.x) * kGroup;
    const int heads = min(kGroup, a.group - firstOfGroup), firstHead = kvHead * a.group + firstOfGroup;
    const int count = a.counts[kvHead];
    float sums[kGroup][kElements] = {};
    for (int first = team; first < count; first += kTeams * kValuesInFlight)
        addValues<T, kLanes, kGroup>(a, kvHead, firstHead, heads, first, count, lane, sums);

    // Phase 2: one sum out of the teams'.
    SharedMemory shared = sharedMemory();
    const Shared<float> parts = shared.take<float>(kGroup * kTeams * kPadded);
#pragma unroll
    for (int h = 0; h < kGroup; ++h)
#pragma unroll
        for (int e = 0; e < kElements; ++e)
            parts[(h * kTeams + team) * kPadded + component<T, kLanes>(lane, e)] = sums[h][e];
    blockSync();
    for (int i = thread; i < heads * a.headDim; i += kSumThreads) {
        const int h = i / a.headDim, c = i % a.headDim;
        float sum = 0.0f;
        for (int t = 0; t < kTeams; ++t)
            sum += parts[(h * kTeams + t) * kPadded + c];
        const float kept = a.kept ? a.kept[firstHead + h] : 1.0f;
        a.out[std::int64_t{firstHead + h} * a.headDim + c] = kept == 0.0f ? 0.0f : sum / kept;
    }
}

} // namespace fovea::cuda
