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

private:
    LivedShape m_shape;
    KvCache m_cache;
    at::Tensor m_keys, m_values;
};

} // namespace fovea::test
