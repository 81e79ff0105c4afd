#pragma once
// Scores of tokens from the logits that a read left behind.
//
//   weight of a token = Σ over the group α·exp(logit - m) / l; one that is no number counts as 0
//   H2O            its sum over all queries                                        arXiv 2306.14048, Section 4.1
//   Scissorhands   per query of the history: was it less than group / S, the uniform weight?   arXiv 2305.17118, Alg. 2
//
// hearWeights, grid (G)
//   block    512 threads: one KV head, whose rows are bounded by its keep's budget
//   thread   every 512th entry of the read, then every 512th slot
//   shared   8 bytes per query head of the group
//   barriers 1, and in Scissorhands 1 more of the last of several layers
//   reads    4·g bytes of logits per entry, 4 of the list; H2O 4 per entry heard, Scissorhands 4 per slot and per entry
//   writes   what it reads of scores; 4·words of the newest token
//   work     g exponentials per entry
//   limits   nvcc 13.0 takes 54 registers (sm_80, sm_90), no spills

#include <cstddef>
#include <cstdint>

#include "core/kernels/cuda/evictions.h"
#include "core/kernels/cuda/history_bits.cuh"
#include "core/kernels/cuda/softmax_mass.cuh"

namespace fovea::cuda {

constexpr int kHearThreads = 512;

inline std::size_t hearSharedBytes(int group) {
    return 2 * ((sizeof(float) * static_cast<std::size_t>(group) + 15) / 16 * 16);
}

// Less than this share of the uniform weight is below it (scissorhands.h), so that rounding does not decide between equals.
constexpr double kBelowUniform = 1 - 1e-5;

// Of each query head of the KV head what a logit needs to become a weight; share 0 where it gives nothing.
struct HeadMasses {
    Shared<float> tops, shares; // (group)
};

// A head without a logit (l = 0), or with one that is no number, gave nothing to anybody.
__device__ __forceinline__ void shareMasses(const HeardRead& a, int kvHead, const HeadMasses& masses) {
    for (int i = static_cast<int>(threadIdx.x); i < a.group; i += kHearThreads) {
        const std::int64_t h = std::int64_t{kvHead} * a.group + i;
        const float top = a.tops[h], share = (a.alphas ? a.alphas[h] : 1.0f) / a.sums[h];
        const bool gives = fabsf(share) < INFINITY && fabsf(top) < INFINITY;
        masses.tops[i] = gives ? top : 0.0f;
        masses.shares[i] = gives ? share : 0.0f;
    }
}

// What the read was of.
struct HeardRows {
    int kvHead;
    int slots, newest;
    int entries;
    const std::int32_t* list; // null: of all slots

    __device__ __forceinline__ int slotOf(int entry) const { return list ? list[entry] : entry; }
};

// Entry `entry`, summed over the query heads.
__device__ __forceinline__ float weightOfEntry(const HeardRead& a, int kvHead, int entry,
                                               const HeadMasses& masses) {
    float weight = 0.0f;
    for (int i = 0; i < a.group; ++i) {
        const float share = masses.shares[i];
        const float logit = a.logits[(std::int64_t{kvHead} * a.group + i) * a.stride + entry];
        const float own = share != 0.0f ? massOf(logit, masses.tops[i]) * share : 0.0f;
        weight += isnan(own) ? 0.0f : own;
    }
    return weight;
}

// --- H2O ---------------------------------------------------------------------------------------------------

__device__ __forceinline__ void hearSums(const HeardRead& a, const HeardRows& rows,
                                         const HeadMasses& masses) {
    float* const sums = a.scores.sums + rows.kvHead * a.slots.capacity;
    if (threadIdx.x == 0 && a.reader == 0)
        sums[rows.newest] = 0.0f;
    blockSync();
    for (int entry = static_cast<int>(threadIdx.x); entry < rows.entries; entry += kHearThreads)
        sums[rows.slotOf(entry)] += weightOfEntry(a, rows.kvHead, entry, masses);
}

// --- Scissorhands ------------------------------------------------------------------------------------------

__device__ __forceinline__ QueryBits bitsOfQuery(const HeardRead& a, const HeardRows& rows) {
    const std::int64_t first = rows.kvHead * a.slots.capacity;
    const int words = wordsOf(a.scores);
    // In 32 bits, which no text leaves: a 64-bit remainder is a call, around which registers would be spilled.
    const auto position = static_cast<unsigned>(a.slots.positions[first + rows.newest]);
    return {a.scores.below + first * words, words,
            static_cast<int>(position % static_cast<unsigned>(a.scores.history))};
}

__device__ __forceinline__ void hearBits(const HeardRead& a, const HeardRows& rows,
                                         const HeadMasses& masses) {
    const int thread = static_cast<int>(threadIdx.x);
    const QueryBits bits = bitsOfQuery(a, rows);
    const float uniform = static_cast<float>(a.group) / static_cast<float>(rows.slots);
    const float least = static_cast<float>(kBelowUniform * static_cast<double>(uniform) * a.readers);
    float* const sums = a.readers > 1 ? a.stepSums + rows.kvHead * a.slots.capacity : nullptr;

    for (int slot = thread; a.reader == 0 && slot < rows.slots; slot += kHearThreads) {
        if (slot == rows.newest)
            bits.begin(slot);
        if (sums)
            sums[slot] = 0.0f;
        else
            bits.set(slot, true); // what no entry is of got nothing, which is below
    }
    blockSync();
    for (int entry = thread; entry < rows.entries; entry += kHearThreads) {
        const int slot = rows.slotOf(entry);
        const float weight = weightOfEntry(a, rows.kvHead, entry, masses);
        if (sums)
            sums[slot] += weight;
        else
            bits.set(slot, weight < least);
    }
    if (!sums || a.reader < a.readers - 1)
        return;
    blockSync();
    for (int slot = thread; slot < rows.slots; slot += kHearThreads)
        bits.set(slot, sums[slot] < least);
}

// One block of a multiprocessor is enough for registers: left to itself, nvcc makes room for more blocks than there are KV
// heads, and spills around divisions.
__global__ void __launch_bounds__(kHearThreads, 1) hearWeights(HeardRead a) {
    HeardRows rows;
    rows.kvHead = static_cast<int>(blockIdx.x);
    rows.slots = static_cast<int>(a.slots.live[rows.kvHead]);
    if (rows.slots == 0)
        return; // the whole block
    rows.newest = a.slots.byAge[rows.kvHead * a.slots.capacity + rows.slots - 1];
    rows.list = a.listed ? a.listed + rows.kvHead * a.listStride : nullptr;
    rows.entries = a.listed ? a.counts[rows.kvHead] : rows.slots;
    SharedMemory shared = sharedMemory();
    HeadMasses masses;
    masses.tops = shared.take<float>(a.group);
    masses.shares = shared.take<float>(a.group);
    shareMasses(a, rows.kvHead, masses);
    if (a.scores.sums)
        hearSums(a, rows, masses);
    else
        hearBits(a, rows, masses);
}

} // namespace fovea::cuda
