#pragma once
// A KV cache of one layer with something in it, to measure kernels on: the engine's own cache, filled with random
// tokens, so that memory lies as it does in a session.

#include <cstdint>
#include <vector>

#include "core/cache/kv_cache.h"

namespace fovea {

struct FilledCacheShape {
    std::int64_t slots = 0;
    int kvHeads = 0, headDim = 0;
    ElementType type = ElementType::F32;
    bool keyColumns = false;  // with the column copy and the sums of the values
    int page = 0;             // with bounds of pages of so many slots; 0: without

    // K and V of the live tokens.
    std::int64_t rowBytes() const { return 2 * slots * kvHeads * headDim * elementBytes(type); }
    // What the cache will take from the allocator, whole blocks.
    std::int64_t reservedBytes() const;
};

// Throws std::bad_alloc.
KvCache filledCache(const FilledCacheShape& shape);

// One view per KV head, good as long as the cache.
std::vector<KvView> viewsOf(const KvCache& cache);

}  // namespace fovea
