#pragma once
// The KV cache: slots in blocks, per (owner layer, KV head). Rows are stored in `type`; the component-major
// copy of K and the fp32 value sum exist only when the plan's read asks for them.

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <vector>

#include "core/cache/huge_pages.h"
#include "core/cache/kv_view.h"
#include "core/cache/ledger.h"

namespace fovea {

struct CacheLayout {
    int layers = 0, kvHeads = 0, headDim = 0;
    ElementType type = ElementType::F32;
    bool keyColumns = false;
    bool valueSum = false;
    int slotsPerBlock = 256;
    // Where blocks come from; it must outlive the cache. Tests give one that counts or fails.
    std::pmr::memory_resource* memory = hugePageMemory();
};

class KvCache {
public:
    // Throws std::invalid_argument when a count in `layout` is not positive.
    explicit KvCache(CacheLayout layout);
    ~KvCache();
    KvCache(KvCache&&) noexcept;

    // Gives position `position` a slot in every KV head of `layer` and writes its rows k, v (G, d) fp32.
    // Returns the slot. Takes a new block where needed; throws std::bad_alloc with nothing changed.
    std::int64_t append(int layer, std::int64_t position, const float* k, const float* v, Ledger& ledger);

    const CacheLayout& layout() const { return m_layout; }
    std::int64_t slots(int layer) const;
    std::int64_t position(int layer, std::int64_t slot) const;
    // Good until the layer's next append.
    KvView view(int layer, int kvHead) const;

    const Traffic& held() const { return m_held; } // live bytes by component, counted as slots are filled
    std::int64_t reserved() const;                 // bytes of rows, columns and sums taken from the allocator

private:
    class Block;
    struct Head; // block tables of one (layer, KV head)
    struct Layer;

    std::size_t blockBytes() const;
    void growFor(Layer& layer);
    void writeRow(Head& head, std::int64_t slot, const float* k, const float* v, Traffic& moved);

    CacheLayout m_layout;
    std::vector<Layer> m_layers;
    Traffic m_held;
    std::vector<float> m_storedValue; // (d)
};

} // namespace fovea
