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
//   shared   none
//   barriers 1 of a list; in Scissorhands, where several layers are heard, 1 of the first and 1 of the last
//   reads    4·g bytes of logits per entry, 4 of the list; H2O 4 per entry heard, Scissorhands 4 per slot
//   writes   what it reads of scores; 4·words of the newest token
//   work     g exponentials per entry
//   limits   nvcc 13.0 takes 64 registers (sm_80, sm_90), no spills

#include <cstdint>

#include "core/kernels/cuda/evictions.h"
#include "core/kernels/cuda/history_bits.cuh"
#include "core/kernels/cuda/softmax_mass.cuh"

namespace fovea::cuda {

constexpr int kHearThreads = 512;

// Less than this share of the uniform weight is below it (scissorhands.h), so that rounding does not decide between equals.
constexpr double kBelowUniform = 1 - 1e-5;

// Entry i of a read, summed over the query heads of its KV head.
__device__ __forceinline__ float weightOfEntry(const HeardRead& a, int kvHead, int entry) {
    float weight = 0.0f;
    for (int i = 0; i < a.group; ++i) {
        const std::int64_t h = std::int64_t{kvHead} * a.group + i;
        const float share = (a.alphas ? a.alphas[h] : 1.0f) / a.sums[h];
        // A head without a logit (l = 0), or with one that is no number, gave nothing to anybody.
        if (!(fabsf(share) < INFINITY) || !(fabsf(a.tops[h]) < INFINITY))
            continue;
        const float own = massOf(a.logits[h * a.stride + entry], a.tops[h]) * share;
        weight += isnan(own) ? 0.0f : own;
    }
    return weight;
}

// What the read was of.
struct HeardRows {
    int kvHead;
    int slots, newest;
    int entries;
    const std::int32_t* list; // null: of all slots

    __device__ __forceinline__ int slotOf(int entry) const { return list ? list[entry] : entry; }
};

__device__ __forceinline__ void hearSums(const HeardRead& a, const HeardRows& rows) {
    const int thread = static_cast<int>(threadIdx.x);
    float* const sums = a.scores.sums + rows.kvHead * a.slots.capacity;
    if (rows.list) { // which may not have the newest
        if (thread == 0 && a.reader == 0)
            sums[rows.newest] = 0.0f;
        blockSync();
    }
    for (int entry = thread; entry < rows.entries; entry += kHearThreads) {
        const int slot = rows.slotOf(entry);
        const bool begins = !rows.list && slot == rows.newest && a.reader == 0;
        sums[slot] = (begins ? 0.0f : sums[slot]) + weightOfEntry(a, rows.kvHead, entry);
    }
}

__device__ __forceinline__ void hearBits(const HeardRead& a, const HeardRows& rows) {
    const int thread = static_cast<int>(threadIdx.x);
    const std::int64_t first = rows.kvHead * a.slots.capacity,
                       position = a.slots.positions[first + rows.newest];
    const QueryBits bits{a.scores.below + first * wordsOf(a.scores), wordsOf(a.scores),
                         position % a.scores.history};
    const float uniform = static_cast<float>(a.group) / static_cast<float>(rows.slots);
    const float least = static_cast<float>(kBelowUniform * static_cast<double>(uniform) * a.readers);
    const bool last = a.reader == a.readers - 1;
    float* const sums = a.readers > 1 ? a.stepSums + first : nullptr;

    if (a.reader == 0 && (rows.list || sums)) {
        for (int slot = thread; slot < rows.slots; slot += kHearThreads) {
            if (slot == rows.newest)
                bits.begin(slot);
            if (sums)
                sums[slot] = 0.0f;
            else
                bits.set(slot, true); // what no entry is of got nothing, which is below
        }
        blockSync();
    }
    for (int entry = thread; entry < rows.entries; entry += kHearThreads) {
        const int slot = rows.slotOf(entry);
        const float weight = weightOfEntry(a, rows.kvHead, entry);
        if (sums) {
            sums[slot] += weight;
            continue;
        }
        if (!rows.list && slot == rows.newest)
            bits.begin(slot);
        bits.set(slot, weight < least);
    }
    if (!sums || !last)
        return;
    blockSync();
    for (int slot = thread; slot < rows.slots; slot += kHearThreads)
        bits.set(slot, sums[slot] < least);
}

__global__ void __launch_bounds__(kHearThreads) hearWeights(HeardRead a) {
    HeardRows rows;
    rows.kvHead = static_cast<int>(blockIdx.x);
    rows.slots = static_cast<int>(a.slots.live[rows.kvHead]);
    if (rows.slots == 0)
        return; // the whole block
    rows.newest = a.slots.byAge[rows.kvHead * a.slots.capacity + rows.slots - 1];
    rows.list = a.listed ? a.listed + rows.kvHead * a.listStride : nullptr;
    rows.entries = a.listed ? a.counts[rows.kvHead] : rows.slots;
    if (a.scores.sums)
        hearSums(a, rows);
    else
        hearBits(a, rows);
}

} // namespace fovea::cuda
