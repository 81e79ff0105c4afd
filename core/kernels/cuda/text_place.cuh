#pragma once
// Which text a thread block works for (text_batch.h).

#include <simt.h>

#include "core/kernels/cuda/text_batch.h"

namespace fovea::cuda {

// A KV head, query head or list of one text.
struct OwnerPlace {
    int own;   // among its text's
    int owner; // among those of all texts
    std::int64_t words, mixedWords;
    int splits;

    // Where the tables of KV heads with one word of 8 bytes each have KV head `own`.
    __device__ __forceinline__ std::int64_t word() const { return words + own; }
};

// Of number `index` in the launch, where each text has `owners`. `splits` where there is no batch.
__device__ __forceinline__ OwnerPlace ownerPlace(const TextBatch& batch, int owners, int index,
                                                 int splits = 1) {
    if (batch.places == nullptr)
        return {index, index, 0, 0, splits};
    const TextPlace place = batch.places[index / owners];
    const int own = index % owners;
    return {own, place.text * owners + own, place.words, place.mixedWords, place.splits};
}

// A table of the first text, so many words on: another one's.
template <class T>
__device__ __forceinline__ T* shifted(T* table, std::int64_t words) {
    static_assert(8 % sizeof(T) == 0, "a table's elements fill words of 8 bytes");
    return table + words * static_cast<std::int64_t>(8 / sizeof(T));
}

} // namespace fovea::cuda
