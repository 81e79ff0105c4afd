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

    // Of KV head kvHead's slots.
    __device__ __forceinline__ bool sees(int head, int kvHead, std::int64_t slot) const {
        return heads == nullptr || cuda::sees(heads[head], positions[kvHead][slot]);
    }
};

} // namespace fovea::cuda
