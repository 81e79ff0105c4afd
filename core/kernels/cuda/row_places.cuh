#pragma once
// Where the rows lie that a team works on together, and who may see them.

#include <cstdint>

#include <simt.h>

#include "core/kernels/cuda/attend_tile.h"
#include "core/kernels/cuda/head_sight.cuh"
#include "core/kernels/cuda/softmax_state.cuh"
#include "core/kernels/cuda/span_arguments.h"
#include "core/kernels/cuda/text_place.cuh"

namespace fovea::cuda {

template <int kLanes>
constexpr int kTeams = kAttendThreads / kLanes;

// What a thread block attends to, and for whom.
struct SpanTask {
    int owner;            // of the slots: a KV head, or whoever has a list, among all texts'
    int kvHead;           // whose rows they are, of its text
    int firstHead, heads; // query heads, among all texts'
    std::int64_t words = 0, mixedWords = 0; // as TextPlace has them
};

// A run of slots, or of entries of a list, that a block works through in steps. Slots of a run lie in one block of the
// cache, whose address is looked up once; listed ones lie anywhere.
struct SlotRun {
    const std::int32_t* list;  // where there is one
    const void *keys, *values; // the block, where there is none
    int blockBegin;            // its first slot
    int end;
};

struct RowPlaces {
    const void* keys[kRowsInFlight];
    const void* values[kRowsInFlight];
    int row[kRowsInFlight]; // of its block
    int slot[kRowsInFlight];
    int entry[kRowsInFlight];
    bool live[kRowsInFlight]; // before the run's end, and by sight seen by some head
    unsigned seen = 0;        // by sight: bit h·kRowsInFlight + r, does head h see row r?
};

// Entries first, first + kTeams, … of a run. All of a list's are looked up before the first of them is waited for.
template <bool kListed, int kLanes>
__device__ __forceinline__ void findRows(const SpanArguments& a, const SpanTask& task, const SlotRun& run,
                                         int first, RowPlaces& places) {
#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r) {
        places.entry[r] = first + r * kTeams<kLanes>;
        places.live[r] = places.entry[r] < run.end;
        places.slot[r] = !kListed ? places.entry[r] : places.live[r] ? run.list[places.entry[r]] : 0;
    }
#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r) {
        const int block = kListed ? places.slot[r] / a.slotsPerBlock : 0;
        const std::int64_t at = task.words + task.kvHead * a.blocksPerHead + block;
        places.keys[r] = kListed ? a.keys[at] : run.keys;
        places.values[r] = kListed ? a.values[at] : run.values;
        places.row[r] = places.slot[r] - (kListed ? block * a.slotsPerBlock : run.blockBegin);
    }
}

// Which query heads see which of the rows. What none of them sees, which another layer's may, is not read.
template <int kGroup>
__device__ __forceinline__ void findSeen(const SpanArguments& a, const SpanTask& task, RowPlaces& places) {
    static_assert(kGroup * kRowsInFlight <= 32, "one bit each");
    const std::int64_t* positions = a.positions[task.words + task.kvHead];
    places.seen = 0;
#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r) {
        const std::int64_t position = places.live[r] ? positions[places.slot[r]] : 0;
        bool any = false;
#pragma unroll
        for (int h = 0; h < kGroup; ++h) {
            if (h >= task.heads || !places.live[r])
                continue;
            if (sees(a.sights[task.firstHead + h], position)) {
                places.seen |= 1u << (h * kRowsInFlight + r);
                any = true;
            }
        }
        places.live[r] = any;
    }
}

// The same where logits are known: a head sees what has one. `scores` are these, in base 2.
template <int kGroup>
__device__ __forceinline__ unsigned knownScores(const SpanArguments& a, const SpanTask& task,
                                                const RowPlaces& places,
                                                float (&scores)[kGroup][kRowsInFlight]) {
    unsigned seen = 0;
#pragma unroll
    for (int h = 0; h < kGroup; ++h) {
#pragma unroll
        for (int r = 0; r < kRowsInFlight; ++r) {
            scores[h][r] = -INFINITY;
            if (h < task.heads && places.live[r])
                scores[h][r] = a.known[(task.firstHead + h) * a.knownStride + places.slot[r]] * kLog2E;
            if (scores[h][r] != -INFINITY)
                seen |= 1u << (h * kRowsInFlight + r);
        }
    }
    return seen;
}

} // namespace fovea::cuda
