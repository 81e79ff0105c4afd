#pragma once
// The end of a step under a keep that ranks tokens: who leaves one KV head, and what follows from it.
//
// dropRows<T>, grid (G)
//   block    512 threads: one KV head. As a rule nobody leaves, or one token
//   shared   dropSharedBytes: choose_largest.cuh's, a bit per slot, one row; 13 KiB at 16384 slots and d = 256
//   reads    the scores of those that may leave, five times, from the second-level cache but for the first; each row of V
//            that leaves, where sums are kept; positions and ages of all slots, where somebody leaves
//   writes   4 bytes per live slot (ages); per row that moves what a row of K and of V, its columns and its score take
//   barriers 2 where nobody leaves; else 28, 2 per row that moves where pages have bounds, and 1 where sums begin anew
//   work     rows that move are copied side by side, but for bounds of pages, which take them one after the other, as the
//            CPU does: which row begins a page, and the sums of values, are then its, bit for bit
//   limits   one block for all of it: thousands that leave at once, as a long prompt is cut, take it a while, once
//            a text; nvcc 13.0 takes 61 and 62 registers (sm_80, sm_90), no spills

#include <cstddef>
#include <cstdint>

#include "core/kernels/cuda/choose_largest.cuh"
#include "core/kernels/cuda/evictions.h"
#include "core/kernels/cuda/history_bits.cuh"
#include "core/kernels/cuda/stored_row.cuh"

namespace fovea::cuda {

constexpr int kDropThreads = kChoiceThreads;

struct DropArguments {
    CacheArguments to;
    KeepScores scores;
    int budget, recent, stay, window;
    std::int32_t* scratch; // (G, kDropLists, capacity)
    SlotCounts* counts;
    int bitWords; // of shared memory, for `capacity` slots
};

inline std::size_t dropSharedBytes(int headDim, int bitWords) {
    return choiceSharedBytes() + rowSharedBytes(headDim) + 16 +
           (sizeof(unsigned) * static_cast<std::size_t>(bitWords) + 15) / 16 * 16;
}

// One KV head while its block works on it.
struct DropTask {
    int kvHead;
    int held, extent;        // live slots, and how far they reach: one among them may be free
    std::int32_t* places;    // that leave for their score, in the order of age
    std::int32_t* leaving;   // slots, ascending
    std::int32_t *from, *to; // rows that move; `to` has one more, the next token's
    std::int64_t* positions; // (capacity)
    std::int32_t* byAge;
    float* sums;          // H2O
    std::uint32_t* below; // Scissorhands
};

struct DropMemory {
    ChoiceMemory choice;
    RowMemory row;
    Shared<unsigned> leaves; // a bit per slot
    Shared<unsigned> tally;  // (2) tokens out of the window; values that are no numbers
};

// list = the n indices below `count` that hold, ascending; how many is known beforehand. One barrier, and one must lie
// between what `holds` looks at, or another list, and the call.
template <class Holds>
__device__ __forceinline__ void listThose(const ChoiceMemory& memory, int count, int n, std::int32_t* list,
                                          const Holds& holds) {
    writeChosen(
        memory, [&](int i) { return holds(i) ? 1u : 0u; }, count, n, 0, 0,
        [&](int i, int index) { list[i] = index; });
}

// --- Phase 1: who leaves -----------------------------------------------------------------------------------

// How many of the oldest the next query no longer sees for the model's own window.
__device__ __forceinline__ int expiredRows(const DropArguments& a, const DropTask& task,
                                           const DropMemory& memory) {
    const int thread = static_cast<int>(threadIdx.x);
    if (thread < 2)
        memory.tally[thread] = 0;
    blockSync();
    if (a.window > 0) {
        const std::int64_t next = task.positions[task.byAge[task.held - 1]] + 1;
        unsigned expired = 0;
        for (int place = thread; place < task.held; place += kDropThreads)
            expired += next - task.positions[task.byAge[place]] >= a.window;
        if (expired > 0)
            addAtomically(memory.tally, 0, expired);
    }
    blockSync();
    return static_cast<int>(memory.tally[0]);
}

// The n that score lowest, from `expired` on, to task.places.
__device__ __forceinline__ void rankOut(const DropArguments& a, const DropTask& task,
                                        const DropMemory& memory, int expired, int candidates, int n) {
    const int words = wordsOf(a.scores);
    chooseLargest(
        memory.choice,
        [&](int i) {
            const int slot = task.byAge[expired + i];
            if (task.sums)
                return ~orderedKey(task.sums[slot]); // the lowest first
            unsigned count = 0;                      // those that were below most often
            for (int word = 0; word < words; ++word)
                count += static_cast<unsigned>(countBits(task.below[std::int64_t{slot} * words + word]));
            return count;
        },
        candidates, n, [&](int i, int index) { task.places[i] = expired + index; });
}

// --- Phase 2: the table of slots ---------------------------------------------------------------------------

__device__ __forceinline__ bool leaves(const DropMemory& memory, int slot) {
    return (memory.leaves[slot / 32] >> (slot % 32) & 1u) != 0;
}

// Marks who leaves, lists their slots, and closes the gaps in the order of age. `expired` are the oldest.
__device__ __forceinline__ void forgetTokens(const DropTask& task, const DropMemory& memory, int expired,
                                             int ranked) {
    const int thread = static_cast<int>(threadIdx.x);
    for (int word = thread; word * 32 < task.extent; word += kDropThreads)
        memory.leaves[word] = 0;
    blockSync();
    for (int i = thread; i < expired + ranked; i += kDropThreads) {
        const int slot = task.byAge[i < expired ? i : task.places[i - expired]];
        addAtomically(memory.leaves, slot / 32, 1u << (slot % 32)); // distinct slots: or is plus
        task.positions[slot] = -1;
    }
    blockSync();
    listThose(memory.choice, task.extent, expired + ranked, task.leaving,
              [&](int slot) { return leaves(memory, slot); });
    // Through a list, for nobody may overwrite what another has yet to read.
    const int stay = task.held - expired - ranked;
    blockSync();
    listThose(memory.choice, task.held, stay, task.from,
              [&](int place) { return !leaves(memory, task.byAge[place]); });
    blockSync();
    for (int place = thread; place < stay; place += kDropThreads)
        task.to[place] = task.byAge[task.from[place]];
    blockSync();
    for (int place = thread; place < stay; place += kDropThreads)
        task.byAge[place] = task.to[place];
}

// Rows behind the first n + 1 slots move into the free ones among these, both ascending; one is left over for the next
// token. Returns how many move.
__device__ __forceinline__ int planMoves(const DropTask& task, const DropMemory& memory, int n) {
    const int thread = static_cast<int>(threadIdx.x);
    if (thread == 0)
        memory.tally[0] = 0;
    blockSync();
    unsigned beyond = 0;
    for (int slot = n + 1 + thread; slot < task.extent; slot += kDropThreads)
        beyond += task.positions[slot] >= 0;
    if (beyond > 0)
        addAtomically(memory.tally, 0, beyond);
    blockSync();
    const int moves = static_cast<int>(memory.tally[0]);
    listThose(memory.choice, task.extent - n - 1, moves, task.from,
              [&](int i) { return task.positions[n + 1 + i] >= 0; });
    blockSync();
    listThose(memory.choice, n + 1, moves + 1, task.to, [&](int slot) { return task.positions[slot] < 0; });
    blockSync();
    return moves;
}

// Where slot `slot` went.
__device__ __forceinline__ int movedTo(const DropTask& task, int n, int moves, int slot) {
    int low = 0, high = moves; // the sought one is among from[low, high)
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (task.from[middle] + n + 1 <= slot)
            low = middle;
        else
            high = middle;
    }
    return task.to[low];
}

__device__ __forceinline__ void followMoves(const DropArguments& a, const DropTask& task, int n, int moves) {
    const int thread = static_cast<int>(threadIdx.x), words = wordsOf(a.scores);
    for (int place = thread; moves > 0 && place < n; place += kDropThreads)
        if (task.byAge[place] > n)
            task.byAge[place] = movedTo(task, n, moves, task.byAge[place]);
    for (int i = thread; i < moves; i += kDropThreads) {
        const int from = task.from[i] + n + 1, to = task.to[i];
        task.positions[to] = task.positions[from];
        task.positions[from] = -1;
        if (task.sums)
            task.sums[to] = task.sums[from];
        for (int word = 0; task.below && word < words; ++word)
            task.below[std::int64_t{to} * words + word] = task.below[std::int64_t{from} * words + word];
    }
}

// --- Phase 3: sums of values -------------------------------------------------------------------------------

// Takes the values that leave from the sum, in the order of their slots. A value that is no number is counted: then the sum
// is lost, for infinity less infinity is not what the others add up to.
template <class T>
__device__ __forceinline__ void subtractValues(const DropArguments& a, const DropTask& task,
                                               const DropMemory& memory, int leaving) {
    const CacheBlocks& cache = a.to.cache;
    for (int c = static_cast<int>(threadIdx.x); c < cache.headDim; c += kDropThreads) {
        float& sum = cache.valueSums[std::int64_t{task.kvHead} * cache.headDim + c];
        for (int i = 0; i < leaving; ++i) {
            const float value =
                storedAt<T>(a.to, placeOf(cache, cache.values, task.kvHead, task.leaving[i]), c);
            sum -= value;
            if (!(fabsf(value) < INFINITY))
                addAtomically(memory.tally, 1, 1);
        }
    }
}

// The sum over n live slots alone, oldest token first.
template <class T>
__device__ __forceinline__ void sumAgain(const DropArguments& a, const DropTask& task, int n) {
    const CacheBlocks& cache = a.to.cache;
    for (int c = static_cast<int>(threadIdx.x); c < cache.headDim; c += kDropThreads) {
        float sum = 0.0f;
        for (int i = 0; i < n; ++i)
            sum += storedAt<T>(a.to, placeOf(cache, cache.values, task.kvHead, task.byAge[i]), c);
        cache.valueSums[std::int64_t{task.kvHead} * cache.headDim + c] = sum;
    }
}

// --- Phase 4: rows -----------------------------------------------------------------------------------------

__device__ __forceinline__ void copyRow(const CacheArguments& a, const RowPlace& from, const RowPlace& to) {
    const int thread = static_cast<int>(threadIdx.x), zeroBytes = a.cache.codes.zeroBytes;
    for (int byte = thread; byte < a.parts.bytes; byte += kDropThreads)
        to.block[std::int64_t{to.row} * a.parts.bytes + byte] =
            from.block[std::int64_t{from.row} * a.parts.bytes + byte];
    for (int group = thread; group < a.parts.groups; group += kDropThreads) {
        const std::int64_t at = std::int64_t{group} * a.cache.slotsPerBlock;
        for (int byte = 0; byte < 2; ++byte)
            to.block[a.parts.scales + 2 * (at + to.row) + byte] =
                from.block[a.parts.scales + 2 * (at + from.row) + byte];
        for (int byte = 0; byte < zeroBytes; ++byte)
            to.block[a.parts.zeros + zeroBytes * (at + to.row) + byte] =
                from.block[a.parts.zeros + zeroBytes * (at + from.row) + byte];
    }
}

template <class T>
__device__ __forceinline__ void moveRows(const DropArguments& a, const DropTask& task, int n, int moves) {
    const CacheBlocks& cache = a.to.cache;
    for (int i = 0; i < moves; ++i) {
        const int from = task.from[i] + n + 1, to = task.to[i];
        copyRow(a.to, placeOf(cache, cache.keys, task.kvHead, from),
                placeOf(cache, cache.keys, task.kvHead, to));
        copyRow(a.to, placeOf(cache, cache.values, task.kvHead, from),
                placeOf(cache, cache.values, task.kvHead, to));
        if (!cache.keyColumns)
            continue;
        const RowPlace source = placeOf(cache, cache.keyColumns, task.kvHead, from),
                       target = placeOf(cache, cache.keyColumns, task.kvHead, to);
        for (int c = static_cast<int>(threadIdx.x); c < cache.headDim; c += kDropThreads) {
            const std::int64_t column = std::int64_t{c} * cache.slotsPerBlock;
            reinterpret_cast<T*>(target.block)[column + target.row] =
                reinterpret_cast<const T*>(source.block)[column + source.row];
        }
    }
}

// Bounds of pages stay as they are when a row leaves, and widen, or begin, where one comes. Returns how many begin.
template <class T>
__device__ __forceinline__ int followPages(const DropArguments& a, const DropTask& task,
                                           const DropMemory& memory, int n, int leaving, int moves) {
    const CacheBlocks& cache = a.to.cache;
    const int thread = static_cast<int>(threadIdx.x);
    std::int32_t* const rows = cache.pageRows + task.kvHead * cache.pagesPerHead;
    if (thread == 0)
        for (int i = 0; i < leaving; ++i)
            --rows[task.leaving[i] / cache.page];
    int begun = 0;
    for (int i = 0; i < moves; ++i) {
        const int from = task.from[i] + n + 1, to = task.to[i];
        if (thread == 0)
            --rows[from / cache.page];
        blockSync();
        const bool begins = rows[to / cache.page] == 0;
        begun += begins;
        for (int c = thread; c < cache.headDim; c += kDropThreads)
            memory.row.stored[c] = storedAt<T>(a.to, placeOf(cache, cache.keys, task.kvHead, to), c);
        boundKey<T, kDropThreads>(a.to, task.kvHead, to, begins, memory.row);
        blockSync();
        if (thread == 0)
            ++rows[to / cache.page];
    }
    return begun;
}

// -----------------------------------------------------------------------------------------------------------

__device__ __forceinline__ DropTask taskOf(const DropArguments& a, int kvHead) {
    const SlotTables& slots = a.to.cache.slots;
    const std::int64_t first = kvHead * slots.capacity;
    std::int32_t* const lists = a.scratch + first * kDropLists;
    DropTask task;
    task.kvHead = kvHead;
    task.held = static_cast<int>(slots.live[kvHead]);
    task.extent = task.held + (slots.next[kvHead] < task.held ? 1 : 0);
    task.places = lists;
    task.leaving = lists + slots.capacity;
    task.from = lists + 2 * slots.capacity;
    task.to = lists + 3 * slots.capacity;
    task.positions = slots.positions + first;
    task.byAge = slots.byAge + first;
    task.sums = a.scores.sums ? a.scores.sums + first : nullptr;
    task.below = a.scores.below ? a.scores.below + first * wordsOf(a.scores) : nullptr;
    return task;
}

template <class T>
__global__ void __launch_bounds__(kDropThreads) dropRows(DropArguments a) {
    const CacheBlocks& cache = a.to.cache;
    const int kvHead = static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
    const DropTask task = taskOf(a, kvHead);
    SharedMemory shared = sharedMemory();
    DropMemory memory;
    memory.choice = takeChoiceMemory(shared);
    memory.row = takeRowMemory(shared, cache.headDim);
    memory.tally = shared.take<unsigned>(2);
    memory.leaves = shared.take<unsigned>(a.bitWords);

    const int expired = task.held > 0 ? expiredRows(a, task, memory) : 0;
    const int candidates = max(task.held - a.recent - expired, 0);
    const int ranked = task.held > a.budget ? min(max(task.held - expired - a.stay, 0), candidates) : 0;
    const int leaving = expired + ranked, n = task.held - leaving;
    SlotCounts counts{leaving, 0, 0, 0};
    if (leaving > 0) {
        rankOut(a, task, memory, expired, candidates, ranked);
        forgetTokens(task, memory, expired, ranked);
        if (cache.valueSums)
            subtractValues<T>(a, task, memory, leaving);
        counts.moved = planMoves(task, memory, n);
        moveRows<T>(a, task, n, counts.moved);
        followMoves(a, task, n, counts.moved);
        if (cache.bounds)
            counts.pagesBegun = followPages<T>(a, task, memory, n, leaving, counts.moved);
        if (cache.valueSums && memory.tally[1] > 0) {
            blockSync();
            sumAgain<T>(a, task, n);
            counts.resummed = n;
        }
    }
    if (thread != 0)
        return;
    a.counts[kvHead] = counts;
    if (leaving > 0) {
        cache.slots.live[kvHead] = n;
        cache.slots.next[kvHead] = task.to[counts.moved];
    }
}

} // namespace fovea::cuda
