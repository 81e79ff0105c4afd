#pragma once
// A cache as a session leaves it, for kernels and truths to read alike: tokens came, some left, slots were used again.

#include <ATen/core/Tensor.h>
#include <ATen/ops/randn.h>

#include <vector>

#include "core/cache/cache_view_reader.h"
#include "core/cache/kv_cache.h"
#include "core/engine/eviction.h"
#include "core/methods/keep/keep_rule.h"

namespace fovea::test {

struct LivedShape {
    std::int64_t tokens = 1;
    int kvHeads = 1, group = 1, headDim = 32;
    ElementType type = ElementType::F32;
    int page = 0, slotsPerBlock = 256;
    KeepRule rule = {}; // what of the tokens is still there
};

class LivedCache {
public:
    explicit LivedCache(const LivedShape& shape)
        : m_shape(shape), m_cache({.layers = 1,
                                   .kvHeads = shape.kvHeads,
                                   .headDim = shape.headDim,
                                   .type = shape.type,
                                   .slotsPerBlock = shape.slotsPerBlock,
                                   .page = shape.page}),
          m_keys(at::randn({shape.tokens, shape.kvHeads, shape.headDim})),
          m_values(at::randn({shape.tokens, shape.kvHeads, shape.headDim})) {}

    at::Tensor& keys() { return m_keys; } // (tokens, G, d), to be changed before fill()
    at::Tensor& values() { return m_values; }

    void fill() {
        Ledger ledger;
        for (std::int64_t t = 0; t < m_shape.tokens; ++t) {
            evictUnseen(m_cache, 0, m_shape.rule, t, ledger);
            m_cache.append(0, t, m_keys[t].data_ptr<float>(), m_values[t].data_ptr<float>(), ledger);
        }
    }
    std::vector<KvView> views() const {
        std::vector<KvView> views;
        for (int g = 0; g < m_shape.kvHeads; ++g)
            views.push_back(m_cache.view(0, g));
        return views;
    }
    CacheViewReader reader(int kvHead) const { return CacheViewReader(m_cache.view(0, kvHead)); }
    // What lies in a slot becomes infinite behind the cache's back: bounds and sums do not know.
    void spoil(int kvHead, std::int64_t slot, bool key, bool value) {
        const KvView view = m_cache.view(0, kvHead);
        const auto fill = [&](const void* const* blocks) {
            const std::int64_t row = slot % view.slotsPerBlock * view.headDim;
            auto* const at = const_cast<void*>(blocks[slot / view.slotsPerBlock]);
            for (std::int64_t i = row; i < row + view.headDim; ++i)
                if (view.type == ElementType::F32)
                    static_cast<std::uint32_t*>(at)[i] = 0x7F800000;
                else
                    static_cast<std::uint16_t*>(at)[i] = view.type == ElementType::F16 ? 0x7C00 : 0x7F80;
        };
        if (key)
            fill(view.keys);
        if (value)
            fill(view.values);
    }

private:
    LivedShape m_shape;
    KvCache m_cache;
    at::Tensor m_keys, m_values;
};

// Every type, head width and group that the kernels have loops for, lengths around the borders of tiles, blocks and
// spans, with and without tokens that left.
inline std::vector<LivedShape> livedShapes() {
    std::vector<LivedShape> shapes;
    const std::int64_t lengths[] = {1, 2, 15, 17, 255, 257, 1025, 2500};
    std::size_t i = 0;
    for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16})
        for (const int d : {1, 12, 32, 64, 96, 128, 256})
            for (const int group : {1, 3, 4, 8}) {
                LivedShape shape{.tokens = lengths[i % std::size(lengths)],
                                 .kvHeads = 1 + static_cast<int>(i % 3),
                                 .group = group,
                                 .headDim = d,
                                 .type = type};
                shape.page = i % 5 == 0 ? 7 : 16;
                if (i % 4 == 1)
                    shape.rule = {.sinks = 3, .window = 40 + static_cast<std::int64_t>(i)};
                shape.slotsPerBlock = i % 2 ? 256 : 64;
                shapes.push_back(shape);
                ++i;
            }
    return shapes;
}

} // namespace fovea::test
