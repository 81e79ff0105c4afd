#pragma once
// A new token's rows on their way into a cache of mixed rows, and those whose time as exact ones is over.
//
// appendMixed<T, Coder>, grid (G of each text)
//   block    128 threads: one KV head, its key, its value, and then what becomes codes of either
//   Coder    KiviCoder, KvquantCoder or CqCoder: its header says what coding a row takes
//   thread   every 128th component of a row of type T
//   shared   codeSharedBytes: 24 bytes per component, 6 KiB at d = 256
//   barriers 1 where the new key is exact, one for each row that is coded or each group of keys, and the coders' own
//   reads    8·d bytes of k and v, of each row that is coded d elements; tables of levels or centroids; of a paged cache
//            bounds of pages, of each sum of values 4·d
//   writes   a row of K and of V, exact or codes; records and sides of what is coded; columns, bounds, sums, and 36 bytes of
//            the tables of slots and places
//   limits   d ≤ 256. Bound by the time of a launch, but where KIVI codes R keys at once, every R-th step
//
// Which place a row takes the host has said (MixedPart::coming). Rows to be coded are exact ones, the new one among them where
// it is the last of its group.

#include "core/kernels/cuda/append_rows.cuh"
#include "core/kernels/cuda/mixed_coder.cuh"

namespace fovea::cuda {

__device__ __forceinline__ void shiftTo(MixedPart& part, std::int64_t words) {
    constexpr int kRowWords = sizeof(ComingRow) / 8;
    static_assert(sizeof(ComingRow) % 8 == 0 && sizeof(ComingCode) == 8, "they lie in whole words");
    shiftTo(part.places, words);
    shiftTo(part.exact, words);
    shiftTo(part.sides, words);
    part.coming += words / kRowWords;
}

// As argumentsOf, of what mixed rows have beside their cache too.
__device__ __forceinline__ AppendArguments mixedArgumentsOf(const AppendArguments& all,
                                                            const OwnerPlace& at) {
    AppendArguments a = argumentsOf(all, at);
    MixedBlocks& mixed = a.to.cache.mixed;
    shiftTo(mixed.keys, at.mixedWords);
    shiftTo(mixed.values, at.mixedWords);
    mixed.codes += at.mixedWords;
    return a;
}

template <class T, class Coder>
class MixedAppend {
public:
    __device__ __forceinline__ MixedAppend(const AppendArguments& a, int kvHead, const CodeMemory& memory)
        : m_a(a), m_cache(a.to.cache), m_memory(memory), m_coder(a.to.cache), m_kvHead(kvHead),
          m_thread(static_cast<int>(threadIdx.x)), m_slot(m_cache.slots.next[m_kvHead]),
          m_position(a.positions[m_kvHead]) {}

    __device__ __forceinline__ void run() const {
        const int dims = m_cache.headDim;
        const float* const k = m_a.k + std::int64_t{m_kvHead} * dims;
        std::int32_t* const rowsOfPage =
            m_cache.bounds ? m_cache.pageRows + m_kvHead * m_cache.pagesPerHead + m_slot / m_cache.page
                           : nullptr;
        const bool begins = rowsOfPage != nullptr && *rowsOfPage == 0;

        writeNew(keys(), k, m_cache.bounds != nullptr);
        if (m_cache.keyColumns)
            writeColumns<T>(m_cache, placeOf(m_cache, m_cache.keyColumns, m_kvHead, m_slot), k);
        if (rowsOfPage != nullptr)
            boundKey<T, kRowThreads>(m_a.to, m_kvHead, m_slot, begins, m_memory.row);
        if (comingOf(keys()).place >= 0) // codes have had barriers of their own
            blockSync();                 // every thread knows the slot and its page by now
        if (m_thread == 0) {
            takeSlot(m_cache.slots, m_kvHead, m_slot, m_position);
            if (rowsOfPage != nullptr)
                ++*rowsOfPage;
            placesOf(keys())[m_slot] = comingOf(keys()).place;
            placesOf(values())[m_slot] = comingOf(values()).place;
        }
        writeNew(values(), m_a.v + std::int64_t{m_kvHead} * dims, m_cache.valueSums != nullptr);
        addToSums(1.0f);
        codeDueKeys();
        codeDue(values());
    }

private:
    __device__ __forceinline__ CodedPart keys() const { return {m_cache.mixed.keys, true, m_kvHead}; }
    __device__ __forceinline__ CodedPart values() const { return {m_cache.mixed.values, false, m_kvHead}; }
    __device__ __forceinline__ const ComingRow& comingOf(const CodedPart& of) const {
        return of.part.coming[m_kvHead];
    }
    __device__ __forceinline__ std::int32_t* placesOf(const CodedPart& of) const {
        return of.part.places + m_kvHead * m_cache.mixed.capacity;
    }
    __device__ __forceinline__ T* exactOf(const CodedPart& of, int place) const {
        return static_cast<T*>(of.part.exact[m_kvHead]) + std::int64_t{place} * m_cache.headDim;
    }
    __device__ __forceinline__ unsigned char* recordOf(const CodedPart& of, int slot) const {
        const RowPlace place = placeOf(m_cache, of.keys ? m_cache.keys : m_cache.values, m_kvHead, slot);
        return place.block + std::int64_t{place.row} * of.part.recordBytes;
    }

    __device__ __forceinline__ void writeNew(const CodedPart& of, const float* from, bool wanted) const {
        const int place = comingOf(of).place;
        if (place >= 0) {
            T* const row = exactOf(of, place);
            for (int c = m_thread; c < m_cache.headDim; c += kRowThreads) {
                T element;
                convert(from[c], element);
                row[c] = element;
                m_memory.row.stored[c] = widened(element);
            }
            return;
        }
        for (int c = m_thread; c < m_cache.headDim; c += kRowThreads)
            m_memory.values[c] = from[c];
        blockSync(); // the row is there
        m_coder.code(of, {recordOf(of, m_slot), wanted}, m_position, m_memory);
    }

    // Of rows as they are stored, so that an eviction can take away exactly what was added.
    __device__ __forceinline__ void addToSums(float sign) const {
        if (m_cache.valueSums == nullptr)
            return;
        for (int c = m_thread; c < m_cache.headDim; c += kRowThreads) {
            float* to = m_cache.valueSums + std::int64_t{m_kvHead} * m_cache.sums * m_cache.headDim + c;
            for (int sum = 0; sum < m_cache.sums; ++sum, to += m_cache.headDim)
                *to += sign * m_memory.row.stored[c];
        }
    }

    __device__ __forceinline__ void codeDueKeys() const {
        if constexpr (Coder::kSharedSides)
            codeGroups();
        else
            codeDue(keys());
    }

    // Rows one by one, each with what hangs on it.
    __device__ __forceinline__ void codeDue(const CodedPart& of) const {
        const ComingRow& coming = comingOf(of);
        for (int i = 0; i < coming.count; ++i) {
            const ComingCode one = m_cache.mixed.codes[coming.first + i];
            const std::int64_t position =
                m_cache.slots.positions[m_kvHead * m_cache.slots.capacity + one.slot];
            const T* const row = exactOf(of, placesOf(of)[one.slot]);
            for (int c = m_thread; c < m_cache.headDim; c += kRowThreads)
                m_memory.values[c] = m_memory.row.stored[c] = widened(row[c]);
            if (!of.keys)
                addToSums(-1.0f);
            blockSync(); // the row is there, and every thread knows its place
            const bool wanted = of.keys ? m_cache.bounds != nullptr : m_cache.valueSums != nullptr;
            m_coder.code(of, {recordOf(of, one.slot), wanted}, position, m_memory);
            if (!of.keys)
                addToSums(1.0f);
            else if (wanted)
                boundKey<T, kRowThreads>(m_a.to, m_kvHead, one.slot, false, m_memory.row);
            if (m_thread == 0)
                placesOf(of)[one.slot] = one.place;
        }
    }

    // Keys that follow each other and have the same place share a side.
    __device__ __forceinline__ void codeGroups() const {
        const CodedPart of = keys();
        const MixedPart& part = of.part;
        const ComingRow& coming = comingOf(of);
        const ComingCode* const codes = m_cache.mixed.codes + coming.first;
        for (int first = 0, n = 0; first < coming.count; first += n) {
            const int place = codes[first].place, side = kOwnPlace - 1 - place,
                      block = side / part.sidesPerBlock;
            n = 1;
            while (first + n < coming.count && codes[first + n].place == place)
                ++n;
            blockSync(); // the new row and its place are there, and all are done with the group before
            unsigned char* const to =
                static_cast<unsigned char*>(part.sides[m_kvHead * part.sideBlocksPerHead + block]) +
                std::int64_t{side - block * part.sidesPerBlock} * part.sideBytes;
            m_coder.codeKeys(
                n, to, [&](int i) { return exactOf(of, placesOf(of)[codes[first + i].slot]); },
                [&](int i) { return recordOf(of, codes[first + i].slot); },
                [&](int i) {
                    if (m_cache.bounds)
                        boundKey<T, kRowThreads>(m_a.to, m_kvHead, codes[first + i].slot, false,
                                                 m_memory.row);
                },
                m_memory);
            // Nobody has read the old places since the last row's barrier.
            for (int i = m_thread; i < n; i += kRowThreads)
                placesOf(of)[codes[first + i].slot] = place;
        }
    }

    const AppendArguments& m_a;
    const CacheBlocks& m_cache;
    const CodeMemory& m_memory;
    Coder m_coder;
    int m_kvHead, m_thread, m_slot;
    std::int64_t m_position;
};

template <class T, class Coder>
__global__ void __launch_bounds__(kRowThreads) appendMixed(AppendArguments all) {
    const OwnerPlace at = ownerPlace(all.batch, all.to.cache.kvHeads, static_cast<int>(blockIdx.x));
    const AppendArguments a = mixedArgumentsOf(all, at);
    SharedMemory shared = sharedMemory();
    const CodeMemory memory = takeCodeMemory(shared, a.to.cache.headDim);
    MixedAppend<T, Coder>(a, at.own, memory).run();
}

} // namespace fovea::cuda
