#pragma once
// What Scissorhands remembers of a token, a bit per query of its history, in words of 32.

#include <cstdint>

#include <simt.h>

#include "core/kernels/cuda/evictions.h"

namespace fovea::cuda {

__device__ __forceinline__ int wordsOf(const KeepScores& scores) {
    return (scores.history + 31) / 32;
}

// The bits of one KV head, of which the step's query has one.
struct QueryBits {
    std::uint32_t* words; // of slot 0
    int perSlot;
    int place; // of the query's

    __device__ __forceinline__ void set(int slot, bool below) const {
        std::uint32_t& word = words[std::int64_t{slot} * perSlot + place / 32];
        const std::uint32_t bit = 1u << (place % 32);
        word = below ? word | bit : word & ~bit;
    }
    // A new token takes a slot whose bits are another's.
    __device__ __forceinline__ void begin(int slot) const {
        for (int word = 0; word < perSlot; ++word)
            words[std::int64_t{slot} * perSlot + word] = 0;
    }
};

} // namespace fovea::cuda
