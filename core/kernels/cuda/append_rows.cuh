#pragma once
// A new token's rows on their way into the cache: rounded, packed, and what is kept beside them.
//
// appendKv<T>, grid (G of each text)
//   block    128 threads: one KV head, its row of K and then its row of V
//   warp     one group of components at a time, while rows are rounded to codes
//   thread   every 128th component; every 128th byte of codes
//   shared   rowSharedBytes: what the row stands for, and its codes; 2 KiB at d = 256
//   barriers 1, and one for each row of codes
//   reads    8·d bytes of k and v; of a paged cache the page's bounds, of each sum of values 4·d
//   writes   a row of K and of V, with scales and zeros; a column entry per component, d scattered elements; bounds, the
//            sum, and 28 bytes of the table of slots
//   work     a few hundred fp64 operations per row of codes: quotients as the formula has them
//   limits   d ≤ 256; nvcc 13.0 takes 64 registers (sm_90) and spills 52 bytes at most. A step writes some KB per layer: this is
//            bound by the time of a launch

#include "core/kernels/cuda/stored_row.cuh"
#include "core/kernels/cuda/text_place.cuh"

namespace fovea::cuda {

struct AppendArguments {
    CacheArguments to;
    const float *k, *v;
    const std::int64_t* positions;
    TextBatch batch;
};

template <class T>
__device__ __forceinline__ void shiftTo(T*& table, std::int64_t words) {
    if (table != nullptr)
        table = shifted(table, words);
}

// The tables, rows and positions of one text, for its own KV heads.
__device__ __forceinline__ AppendArguments argumentsOf(const AppendArguments& all, const OwnerPlace& at) {
    AppendArguments a = all;
    if (all.batch.places == nullptr)
        return a;
    const std::int64_t skipped = at.owner - at.own;
    a.k += skipped * a.to.cache.headDim;
    a.v += skipped * a.to.cache.headDim;
    a.positions += skipped;
    CacheBlocks& cache = a.to.cache;
    shiftTo(cache.keys, at.words);
    shiftTo(cache.values, at.words);
    shiftTo(cache.keyColumns, at.words);
    shiftTo(cache.valueSums, at.words);
    shiftTo(cache.bounds, at.words);
    shiftTo(cache.pageRows, at.words);
    shiftTo(cache.slots.live, at.words);
    shiftTo(cache.slots.next, at.words);
    shiftTo(cache.slots.positions, at.words);
    shiftTo(cache.slots.byAge, at.words);
    return a;
}

// Rounded as floats are: of a row of codes the copy is the closer one.
template <class T>
__device__ __forceinline__ void writeColumns(const CacheBlocks& cache, const RowPlace& place,
                                             const float* key) {
    for (int c = static_cast<int>(threadIdx.x); c < cache.headDim; c += kRowThreads)
        convert(key[c], reinterpret_cast<T*>(place.block)[std::int64_t{c} * cache.slotsPerBlock + place.row]);
}

// The table of slots hears of the token.
__device__ __forceinline__ void takeSlot(const SlotTables& slots, int kvHead, int slot,
                                         std::int64_t position) {
    const std::int64_t live = slots.live[kvHead];
    slots.positions[kvHead * slots.capacity + slot] = position;
    slots.byAge[kvHead * slots.capacity + live] = slot;
    slots.live[kvHead] = live + 1;
    slots.next[kvHead] =
        static_cast<std::int32_t>(live + 1); // with no other slot free, the first after the live ones
}

template <class T>
__global__ void __launch_bounds__(kRowThreads) appendKv(AppendArguments all) {
    const OwnerPlace at = ownerPlace(all.batch, all.to.cache.kvHeads, static_cast<int>(blockIdx.x));
    const AppendArguments a = argumentsOf(all, at);
    const CacheBlocks& cache = a.to.cache;
    const int kvHead = at.own, thread = static_cast<int>(threadIdx.x);
    const int slot = cache.slots.next[kvHead], dims = cache.headDim;
    const float* const k = a.k + std::int64_t{kvHead} * dims;
    SharedMemory shared = sharedMemory();
    const RowMemory memory = takeRowMemory(shared, dims);
    std::int32_t* const rowsOfPage =
        cache.bounds ? cache.pageRows + kvHead * cache.pagesPerHead + slot / cache.page : nullptr;
    const bool begins = rowsOfPage != nullptr && *rowsOfPage == 0;

    writeRow<T>(a.to, placeOf(cache, cache.keys, kvHead, slot), k, memory);
    if (cache.keyColumns)
        writeColumns<T>(cache, placeOf(cache, cache.keyColumns, kvHead, slot), k);
    if (rowsOfPage != nullptr)
        boundKey<T, kRowThreads>(a.to, kvHead, slot, begins, memory);
    blockSync(); // every thread knows the slot and its page by now, and is done with the row of K
    if (thread == 0) {
        takeSlot(cache.slots, kvHead, slot, a.positions[kvHead]);
        if (rowsOfPage != nullptr)
            ++*rowsOfPage;
    }
    writeRow<T>(a.to, placeOf(cache, cache.values, kvHead, slot), a.v + std::int64_t{kvHead} * dims, memory);
    // Of rows as they are stored, so that an eviction can take away exactly what was added.
    if (cache.valueSums == nullptr)
        return;
    for (int c = thread; c < dims; c += kRowThreads) {
        float* to = cache.valueSums + std::int64_t{kvHead} * cache.sums * dims + c;
        for (int sum = 0; sum < cache.sums; ++sum, to += dims)
            *to += memory.stored[c];
    }
}

} // namespace fovea::cuda
