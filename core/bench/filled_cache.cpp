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

CacheLayout layoutOf(const FilledCacheShape& shape) {
    CacheLayout layout;
    layout.layers = 1;
    layout.kvHeads = shape.kvHeads;
    layout.headDim = shape.headDim;
    layout.type = shape.type;
    layout.keyColumns = layout.valueSum = shape.keyColumns;
    layout.slotsPerBlock = slotsPerBlockFor(shape.slots);
    layout.page = shape.page;
    return layout;
}

// n up to the next whole number of `parts`.
std::int64_t rounded(std::int64_t n, std::int64_t parts) {
    return (n + parts - 1) / parts * parts;
}

}  // namespace

std::int64_t FilledCacheShape::reservedBytes() const {
    const CacheLayout layout = layoutOf(*this);
    std::int64_t head = rounded(slots, layout.slotsPerBlock) * headDim * elementBytes(type) * (keyColumns ? 3 : 2);
    if (page > 0)
        head += rounded(rounded(slots, page) / page, layout.pagesPerBlock()) * layout.boundsBytes();
    return head * kvHeads;
}

KvCache filledCache(const FilledCacheShape& shape) {
    KvCache cache(layoutOf(shape));
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
