#pragma once
// Rows of a prompt's chunk on their way into the cache, many tokens of every KV head at once; byte for byte what
// append_rows.cuh would leave of them one after the other.
//
// The first token takes the slot that is next, each further one the first behind the live ones: with `live` slots taken
// before, slot(i) = live + i for i ≥ 1, for there is at most one free slot among the first live + 1. So who writes what is
// known without asking anybody, and rows are written side by side. What hangs on their order is kept in it: the bounds of a
// page, whose rows are all one block's, and sums of values, which are added up afterwards.
//
// appendRuns<T>, grid (G, runs of slots), a run being a page, or kRunOfRows slots where there are none
//   block    128 threads: the new rows of one run of one KV head, row after row; run 0 is where the first token goes
//   warp, thread, shared   as appendKv
//   barriers of a row of codes one, and one before each of them but the first; of floats none
//   reads    8·d bytes of k and v per token; of a paged cache the bounds of a page, again for each of its rows
//   writes   rows of K and V, with scales and zeros; columns; bounds
//
// countRuns<T>, grid (G), afterwards, since appendRuns looks at what it changes
//   block    128 threads: one KV head
//   thread   every 128th component of the sums, over all new rows in order; every 128th new token and page
//   shared   none
//   barriers 1
//   reads    the new rows of V where sums are kept
//   writes   sums, and 28 bytes of the table of slots per token; rows of pages
//   nvcc     13.0: appendRuns 66 and 72 registers (sm_80, sm_90), countRuns 32, none spilt

#include "core/kernels/cuda/append_rows.cuh"

namespace fovea::cuda {

constexpr int kRunOfRows = 16;

struct AppendManyArguments {
    AppendArguments rows;
    int tokens, texts;
    const int* counts; // (texts); null: all have `tokens`
    int run;           // slots of a run
};

// The new tokens of one KV head.
struct NewTokens {
    int count;
    int first;         // slot of token 0
    int live;          // slots before
    std::int64_t from; // of k and v, token 0, in elements
    std::int64_t step; // to the next token

    __device__ __forceinline__ int slotOf(int token) const { return token == 0 ? first : live + token; }
};

__device__ __forceinline__ NewTokens newTokens(const AppendManyArguments& a, int kvHead) {
    const CacheBlocks& cache = a.rows.to.cache;
    const int heads = cache.kvHeads / a.texts; // of a text
    const int text = kvHead / heads;
    NewTokens tokens;
    tokens.count = a.counts ? a.counts[text] : a.tokens;
    tokens.first = cache.slots.next[kvHead];
    tokens.live = static_cast<int>(cache.slots.live[kvHead]);
    tokens.step = static_cast<std::int64_t>(heads) * cache.headDim;
    tokens.from = static_cast<std::int64_t>(text) * a.tokens * tokens.step +
                  static_cast<std::int64_t>(kvHead - text * heads) * cache.headDim;
    return tokens;
}

// One token's row of K and what hangs on it, or its row of V. `first`: of its run. All but the token is looked up again for
// each row: what is kept across the divisions of a row's codes is spilt.
template <class T>
__device__ __forceinline__ void appendSide(const AppendManyArguments& a, int token, bool keys, bool first,
                                           const RowMemory& memory) {
    const CacheArguments& to = a.rows.to;
    const CacheBlocks& cache = to.cache;
    const int kvHead = static_cast<int>(blockIdx.x);
    const NewTokens tokens = newTokens(a, kvHead);
    const int slot = tokens.slotOf(token);
    const float* const row = (keys ? a.rows.k : a.rows.v) + tokens.from + token * tokens.step;
    writeRow<T>(to, placeOf(cache, keys ? cache.keys : cache.values, kvHead, slot), row, memory);
    if (keys && cache.keyColumns)
        writeColumns<T>(cache, placeOf(cache, cache.keyColumns, kvHead, slot), row);
    if (keys && cache.bounds) {
        const bool begins = first && cache.pageRows[kvHead * cache.pagesPerHead + slot / cache.page] == 0;
        boundKey<T, kRowThreads>(to, kvHead, slot, begins, memory);
    }
}

template <class T>
__global__ void __launch_bounds__(kRowThreads, 6) appendRuns(AppendManyArguments a) {
    const CacheBlocks& cache = a.rows.to.cache;
    const NewTokens tokens = newTokens(a, static_cast<int>(blockIdx.x));
    const int firstRun = tokens.first / a.run;
    int run = firstRun;
    if (blockIdx.y > 0) {
        run = tokens.slotOf(1) / a.run + static_cast<int>(blockIdx.y) - 1;
        if (run == firstRun)
            return; // run 0 has them
    }
    // Tokens 1 and further that lie in this run: behind token 0, where it is this block's.
    const int begin = max(1, run * a.run - tokens.live);
    const int end = min(tokens.count, (run + 1) * a.run - tokens.live);
    const int rows = max(0, end - begin) + (blockIdx.y == 0 && tokens.count > 0 ? 1 : 0);
    const int shift =
        blockIdx.y == 0 ? begin - 1 : begin; // from the number of a row to its token's, but for token 0
    SharedMemory shared = sharedMemory();
    const RowMemory memory = takeRowMemory(shared, cache.headDim);
#pragma unroll 1 // one copy of what writes a row, for K and for V
    for (int side = 0; side < 2 * rows; ++side) {
        if (side > 0 && cache.codes.bits != 0)
            blockSync(); // all are done with the codes of the row before
        const int row = side / 2;
        appendSide<T>(a, row == 0 && blockIdx.y == 0 ? 0 : row + shift, side % 2 == 0, row == 0, memory);
    }
}

// Each page that has new rows hears of them, from one thread.
__device__ __forceinline__ void countPages(const AppendManyArguments& a, int kvHead,
                                           const NewTokens& tokens) {
    const CacheBlocks& cache = a.rows.to.cache;
    std::int32_t* const rows = cache.pageRows + kvHead * cache.pagesPerHead;
    const int begin = tokens.live + 1, end = tokens.live + tokens.count; // slots of tokens 1 and further
    const int firstPage = tokens.first / cache.page;
    const int pages = begin < end ? (end - 1) / cache.page - begin / cache.page + 1 : 0;
    for (int i = static_cast<int>(threadIdx.x); i <= pages; i += kRowThreads) {
        const int page = i == 0 ? firstPage : begin / cache.page + i - 1;
        if (i > 0 && page == firstPage)
            continue; // the thread of token 0 counts these too
        const int count = min(end, (page + 1) * cache.page) - max(begin, page * cache.page);
        rows[page] += max(0, count) + (i == 0 ? 1 : 0);
    }
}

template <class T>
__global__ void __launch_bounds__(kRowThreads) countRuns(AppendManyArguments a) {
    const CacheBlocks& cache = a.rows.to.cache;
    const int kvHead = static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
    const NewTokens tokens = newTokens(a, kvHead);
    blockSync(); // every thread knows what the table said
    if (tokens.count <= 0)
        return;
    const SlotTables& slots = cache.slots;
    for (int token = thread; token < tokens.count; token += kRowThreads) {
        const int slot = tokens.slotOf(token);
        slots.positions[kvHead * slots.capacity + slot] = a.rows.positions[kvHead] + token;
        slots.byAge[kvHead * slots.capacity + tokens.live + token] = slot;
    }
    if (thread == 0) {
        slots.live[kvHead] = tokens.live + tokens.count;
        slots.next[kvHead] = tokens.live + tokens.count;
    }
    if (cache.bounds)
        countPages(a, kvHead, tokens);
    for (int i = thread; cache.valueSums && i < cache.sums * cache.headDim; i += kRowThreads) {
        float& to = cache.valueSums[std::int64_t{kvHead} * cache.sums * cache.headDim + i];
        float sum = to;
        for (int token = 0; token < tokens.count; ++token)
            sum += storedAt<T>(a.rows.to, placeOf(cache, cache.values, kvHead, tokens.slotOf(token)),
                               i % cache.headDim);
        to = sum;
    }
}

} // namespace fovea::cuda
