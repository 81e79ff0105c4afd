#pragma once
// Where the parts of rows lie in a block: core/cache/row_form.h, for kernels.

#include <cstdint>

#include "core/kernels/cuda/cache_writes.h"

namespace fovea::cuda {

struct RowParts {
    int bytes = 0;                      // of a row's elements or codes
    int groups = 0;                     // with a scale each
    std::int64_t scales = 0, zeros = 0; // from the block's beginning, in bytes
};

inline RowParts partsOf(const CacheBlocks& cache) {
    RowParts parts;
    if (cache.codes.bits == 0) {
        parts.bytes = cache.headDim * elementBytes(cache.type);
        return parts;
    }
    parts.bytes = (cache.headDim * cache.codes.bits + 7) / 8;
    parts.groups = (cache.headDim + cache.codes.group - 1) / cache.codes.group;
    parts.scales = std::int64_t{parts.bytes} * cache.slotsPerBlock;
    parts.zeros = parts.scales + std::int64_t{2} * parts.groups * cache.slotsPerBlock;
    return parts;
}

} // namespace fovea::cuda
