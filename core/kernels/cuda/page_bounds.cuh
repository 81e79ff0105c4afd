#pragma once
// Quest's guess: what no key of a page can exceed, and the pages where that is most.
//
//   score of a page = Σ_h Σ_i max(q_hi·m_i, q_hi·M_i) = Σ_i (m_i·Σ_h min(q_hi, 0) + M_i·Σ_h max(q_hi, 0))
//                                                           Tang et al., arXiv 2406.10774, Algorithm 1
//
// boundPages<T>, grid (spans of kPageSpan pages, G of each text)
//   block    128 threads: kPageSpan pages of one KV head
//   warp     every fourth page, four in flight: a row of 2·d elements, dealt out in 16-byte words. Heads narrower
//            than 128 in f16 leave lanes idle; bounds are 2/P of K, so little is lost by that
//   thread   up to 16 of the 2·d components, of the query too
//   shared   none, and no barrier
//   reads    2·d·N elements, once; g·d floats of q per warp
//   writes   4 bytes per page
//   limits   d ≤ 256, rows of whole 16-byte words; nvcc 13.0 takes 74 to 106 registers (sm_90), no spills
//
// choosePages, grid (G of each text)
//   block    512 threads: one KV head
//   shared   choiceSharedBytes()
//   reads    4·N bytes five times, of which four are from the second-level cache
//   writes   4 bytes per chosen page and per slot of these
//   limits   nvcc 13.0 takes 32 registers (sm_90) and spills 4 bytes

#include <cstddef>
#include <cstdint>

#include "core/kernels/cuda/choose_largest.cuh"
#include "core/kernels/cuda/head_sight.cuh"
#include "core/kernels/cuda/kernels.h"
#include "core/kernels/cuda/reads_shape.h"
#include "core/kernels/cuda/row_share.cuh"
#include "core/kernels/cuda/text_place.cuh"

namespace fovea::cuda {

constexpr int kPageThreads = 128;
constexpr int kPageWarps = kPageThreads / kWarp;
constexpr int kPagesInFlight = 4;
constexpr int kPageSpan = 4 * kPageWarps * kPagesInFlight;
constexpr int kBoundShares = 2 * kMaxHeadDim / (kWarp * kElements);

// reads.h's QuestChoice as the kernels want it.
struct PageArguments {
    const float* q;
    const void* const* bounds;
    std::int64_t blocksPerHead;
    const std::int64_t* slots;
    ReadSights sights; // of boundSeenPages
    const std::int32_t* byAge;
    std::int64_t ageStride;
    float* scores;
    std::int64_t stride;
    std::int32_t *chosenPages, *pageCounts, *chosenSlots, *slotCounts;
    std::int64_t most; // slots of a row of chosenSlots
    float scale;
    int kvHeads, group, headDim, page, pages, pagesPerBlock;
    TextBatch batch;
};

__device__ __forceinline__ std::int64_t pagesHeld(const PageArguments& a, const OwnerPlace& at) {
    return (a.slots[at.word()] + a.page - 1) / a.page;
}

// --- boundPages --------------------------------------------------------------------------------------------

// This lane's components of (Σ min(q, 0), Σ max(q, 0)), times the scale of logits: the least of a page's keys meets the
// first half, the greatest the second.
template <class T>
__device__ __forceinline__ void loadHalves(const PageArguments& a, const float* q, int lane,
                                           float (&query)[kBoundShares][kElements]) {
#pragma unroll
    for (int share = 0; share < kBoundShares; ++share)
#pragma unroll
        for (int e = 0; e < kElements; ++e) {
            const int i = share * kWarp * kElements + component<T, kWarp>(lane, e);
            const bool greatest = i >= a.headDim;
            float sum = 0.0f;
            for (int h = 0; i < 2 * a.headDim && h < a.group; ++h) {
                const float x = q[static_cast<std::int64_t>(h) * a.headDim + (greatest ? i - a.headDim : i)];
                sum += greatest ? fmaxf(x, 0.0f) : fminf(x, 0.0f);
            }
            query[share][e] = sum * a.scale;
        }
}

template <class T>
__global__ void __launch_bounds__(kPageThreads) boundPages(PageArguments a) {
    const OwnerPlace at = ownerPlace(a.batch, a.kvHeads, static_cast<int>(blockIdx.y));
    const int kvHead = at.owner, thread = static_cast<int>(threadIdx.x);
    const int lane = thread % kWarp, warp = thread / kWarp;
    const std::int64_t pages = pagesHeld(a, at), begin = std::int64_t{blockIdx.x} * kPageSpan;
    if (begin >= pages)
        return; // the whole block
    float query[kBoundShares][kElements];
    loadHalves<T>(a, a.q + static_cast<std::int64_t>(kvHead) * a.group * a.headDim, lane, query);

    const std::int64_t end = min(begin + kPageSpan, pages);
    for (std::int64_t first = begin + warp; first < end; first += kPageWarps * kPagesInFlight) {
        RowShare<T> rows[kPagesInFlight][kBoundShares];
#pragma unroll
        for (int i = 0; i < kPagesInFlight; ++i) {
            const std::int64_t page = first + i * kPageWarps, block = page / a.pagesPerBlock;
            const T* row = nullptr;
            if (page < end)
                row = static_cast<const T*>(a.bounds[at.words + at.own * a.blocksPerHead + block]) +
                      (page - block * a.pagesPerBlock) * 2 * a.headDim;
#pragma unroll
            for (int share = 0; share < kBoundShares; ++share)
                rows[i][share] =
                    loadShare<T, kWarp>(row + share * kWarp * kElements,
                                        2 * a.headDim - share * kWarp * kElements, lane, page < end);
        }
#pragma unroll
        for (int i = 0; i < kPagesInFlight; ++i) {
            float dot = 0.0f;
#pragma unroll
            for (int share = 0; share < kBoundShares; ++share) {
                float bound[kElements];
                widen(rows[i][share], bound);
#pragma unroll
                for (int e = 0; e < kElements; ++e)
                    dot += query[share][e] * bound[e];
            }
            dot = warpSum(dot);
            const std::int64_t page = first + i * kPageWarps;
            if (lane == 0 && page < end)
                a.scores[kvHead * a.stride + page] = dot;
        }
    }
}

// --- choosePages -------------------------------------------------------------------------------------------

__global__ void __launch_bounds__(kChoiceThreads) choosePages(PageArguments a) {
    const OwnerPlace at = ownerPlace(a.batch, a.kvHeads, static_cast<int>(blockIdx.x));
    const int kvHead = at.owner, thread = static_cast<int>(threadIdx.x);
    const int slots = static_cast<int>(a.slots[at.word()]), pages = static_cast<int>(pagesHeld(a, at));
    const int n = min(a.pages, pages);
    const float* const scores = a.scores + kvHead * a.stride;
    std::int32_t* const chosen = a.chosenPages + std::int64_t{kvHead} * a.pages;
    SharedMemory shared = sharedMemory();
    const ChoiceMemory memory = takeChoiceMemory(shared);

    int newest = slots - 1;
    if (slots > 0 && a.byAge != nullptr)
        newest = shifted(a.byAge, at.words)[at.own * a.ageStride + slots - 1];
    newest /= a.page;
    chooseLargest(
        memory, [&](int page) { return page == newest ? kFirstKey : orderedKey(scores[page]); }, pages, n,
        [&](int place, int page) { chosen[place] = page; });
    blockSync();

    // Only the last page of the slots can be short, and it would be the last of the list.
    int rows = n * a.page;
    if (n > 0 && chosen[n - 1] == pages - 1)
        rows -= pages * a.page - slots;
    std::int32_t* const list = a.chosenSlots + kvHead * a.most;
    for (int i = thread; i < rows; i += kChoiceThreads)
        list[i] = chosen[i / a.page] * a.page + i % a.page;
    if (thread == 0) {
        a.pageCounts[kvHead] = n;
        a.slotCounts[kvHead] = rows;
    }
}

} // namespace fovea::cuda
