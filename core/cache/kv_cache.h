#pragma once
// The KV cache: slots in blocks, per (owner layer, KV head). Rows are stored in `type`; the component-major copy
// of K and the fp32 value sum exist only when the plan's read asks for them.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/cache/kv_view.h"
#include "core/cache/ledger.h"

namespace fovea {

struct CacheLayout {
    int layers = 0, kvHeads = 0, headDim = 0;
    ElementType type = ElementType::F32;
    bool keyColumns = false;
    bool valueSum = false;
    int slotsPerBlock = 256;
};

class KvCache {
public:
    explicit KvCache(CacheLayout layout);

    // Gives position `position` a slot in every KV head of `layer` and writes its rows k, v (G, d) fp32.
    // Returns the slot. Takes a new block where needed; throws std::bad_alloc with nothing changed.
    std::int64_t append(int layer, std::int64_t position, const float* k, const float* v, Ledger& ledger);

    const CacheLayout& layout() const { return m_layout; }
    std::int64_t slots(int layer) const;
    std::int64_t position(int layer, std::int64_t slot) const;
    KvView view(int layer, int kvHead) const;

    Traffic held() const;            // live bytes by component, counted slot by slot
    std::int64_t reserved() const;   // bytes taken from the allocator

private:
    struct Head;   // block tables of one (layer, KV head)
    struct Layer;

    CacheLayout m_layout;
    std::vector<std::shared_ptr<Layer>> m_layers;
};

}  // namespace fovea
