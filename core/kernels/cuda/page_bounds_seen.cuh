#pragma once
// Quest's guess where heads of a group see different tokens: a head that sees no row of a page adds nothing to its score
// (Sight in core/methods/read/quest.h).
//
// boundSeenPages<T>, grid (spans of kPageSpan pages, G)
//   block    128 threads: kPageSpan pages of one KV head
//   warp     every fourth page: a row of 2·d elements, as boundPages has it, met by one query head after the other
//   thread   up to 16 of the 2·d components; every 32nd slot of the page
//   shared   none, and no barrier
//   reads    2·d·N elements, once; g·d floats of q per page, from the first-level cache; 8 bytes of position per slot
//   writes   4 bytes per page
//   limits   as boundPages; nvcc 13.0 takes 80 to 104 registers (sm_90), no spills

#include "core/kernels/cuda/page_bounds.cuh"

namespace fovea::cuda {

// Does a query head see any of the slots first … end - 1? By whole warps.
__device__ __forceinline__ bool seesAny(const HeadSight& sight, const std::int64_t* positions, int first,
                                        int end, int lane) {
    bool mine = false;
    for (int slot = first + lane; slot < end; slot += kWarp)
        mine = mine || sees(sight, positions[slot]);
    return ballot(mine) != 0;
}

// This lane's part of what no key of a page exceeds with one query head, not yet scaled.
template <class T>
__device__ __forceinline__ float boundOfHead(const float* q, int headDim, int lane,
                                             const RowShare<T> (&bounds)[kBoundShares]) {
    float dot = 0.0f;
#pragma unroll
    for (int share = 0; share < kBoundShares; ++share) {
        float bound[kElements];
        widen(bounds[share], bound);
#pragma unroll
        for (int e = 0; e < kElements; ++e) {
            const int i = share * kWarp * kElements + component<T, kWarp>(lane, e);
            if (i < headDim)
                dot += fminf(q[i], 0.0f) * bound[e];
            else if (i < 2 * headDim)
                dot += fmaxf(q[i - headDim], 0.0f) * bound[e];
        }
    }
    return dot;
}

// The head of a group that sees most: a page that nobody sees is scored by it, as on the CPU.
__device__ __forceinline__ int furthestHead(const HeadSight* sights, int group) {
    int furthest = 0;
    for (int h = 1; h < group; ++h)
        if (sights[h].oldest < sights[furthest].oldest)
            furthest = h;
    return furthest;
}

template <class T>
__global__ void __launch_bounds__(kPageThreads, 4) boundSeenPages(PageArguments a) {
    const OwnerPlace at = ownerPlace(a.batch, a.kvHeads, static_cast<int>(blockIdx.y));
    const int kvHead = at.owner, thread = static_cast<int>(threadIdx.x);
    const int lane = thread % kWarp, warp = thread / kWarp;
    const int slots = static_cast<int>(a.slots[at.word()]), pages = static_cast<int>(pagesHeld(a, at));
    const int begin = static_cast<int>(blockIdx.x) * kPageSpan, end = min(begin + kPageSpan, pages);
    const HeadSight* const sights = a.sights.heads + kvHead * a.group;
    const std::int64_t* const positions = a.sights.positions[at.word()];
    const float* const q = a.q + static_cast<std::int64_t>(kvHead) * a.group * a.headDim;
    const int furthest = furthestHead(sights, a.group);

    for (int page = begin + warp; page < end; page += kPageWarps) {
        const int block = page / a.pagesPerBlock;
        const T* const row = static_cast<const T*>(a.bounds[at.words + at.own * a.blocksPerHead + block]) +
                             static_cast<std::int64_t>(page - block * a.pagesPerBlock) * 2 * a.headDim;
        RowShare<T> bounds[kBoundShares];
#pragma unroll
        for (int share = 0; share < kBoundShares; ++share)
            bounds[share] = loadShare<T, kWarp>(row + share * kWarp * kElements,
                                                2 * a.headDim - share * kWarp * kElements, lane, true);
        const int firstSlot = page * a.page, endOfPage = firstSlot + min(a.page, slots - firstSlot);
        float dot = 0.0f;
        bool seen = false;
        for (int h = 0; h < a.group; ++h) {
            if (!seesAny(sights[h], positions, firstSlot, endOfPage, lane))
                continue;
            seen = true;
            dot += boundOfHead<T>(q + static_cast<std::int64_t>(h) * a.headDim, a.headDim, lane, bounds);
        }
        if (!seen)
            dot =
                boundOfHead<T>(q + static_cast<std::int64_t>(furthest) * a.headDim, a.headDim, lane, bounds);
        dot = warpSum(dot);
        if (lane == 0)
            a.scores[kvHead * a.stride + page] = dot * a.scale;
    }
}

} // namespace fovea::cuda
