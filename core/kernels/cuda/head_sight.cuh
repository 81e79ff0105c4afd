#pragma once
// Sights of query heads, for kernels.

#include <simt.h>

#include "core/kernels/cuda/head_sight.h"

namespace fovea::cuda {

__device__ __forceinline__ bool sees(const HeadSight& sight, std::int64_t position) {
    return position < sight.sinks || position >= sight.oldest;
}

// The sights of a read's query heads, with the positions of its KV heads' slots.
struct ReadSights {
    const HeadSight* heads;               // (H); null: all see all
    const std::int64_t* const* positions; // (G)

    // Of a KV head's slots, which has row `row` of the table.
    __device__ __forceinline__ bool sees(int head, std::int64_t row, std::int64_t slot) const {
        return heads == nullptr || cuda::sees(heads[head], positions[row][slot]);
    }
};

} // namespace fovea::cuda
