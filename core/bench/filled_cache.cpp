#include "core/bench/filled_cache.h"

#include <cmath>

#include "core/cache/slots_per_block.h"

namespace fovea {
namespace {

// Uniform with variance 1: what matters is that no two tokens are alike.
float draw(std::uint64_t& state) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (static_cast<float>(state >> 40) * 0x1p-24f - 0.5f) * std::sqrt(12.f);
}

}  // namespace

std::int64_t FilledCacheShape::reservedBytes() const {
    const std::int64_t perBlock = slotsPerBlockFor(slots);
    const std::int64_t whole = (slots + perBlock - 1) / perBlock * perBlock;
    return whole * kvHeads * headDim * elementBytes(type) * (keyColumns ? 3 : 2);
}

KvCache filledCache(const FilledCacheShape& shape) {
    CacheLayout layout;
    layout.layers = 1;
    layout.kvHeads = shape.kvHeads;
    layout.headDim = shape.headDim;
    layout.type = shape.type;
    layout.keyColumns = layout.valueSum = shape.keyColumns;
    layout.slotsPerBlock = slotsPerBlockFor(shape.slots);
    KvCache cache(layout);
    const std::size_t row = static_cast<std::size_t>(shape.kvHeads) * static_cast<std::size_t>(shape.headDim);
    std::vector<float> k(row), v(row);
    std::uint64_t random = 0x9E3779B97F4A7C15ull;
    Ledger writes;
    for (std::int64_t slot = 0; slot < shape.slots; ++slot) {
        for (float& x : k)
            x = draw(random);
        for (float& x : v)
            x = draw(random);
        cache.append(0, slot, k.data(), v.data(), writes);
    }
    return cache;
}

std::vector<KvView> viewsOf(const KvCache& cache) {
    std::vector<KvView> views;
    for (int g = 0; g < cache.layout().kvHeads; ++g)
        views.push_back(cache.view(0, g));
    return views;
}

}  // namespace fovea
