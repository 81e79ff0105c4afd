#pragma once
// What a KvCache is made of. Internal to it.

#include <algorithm>
#include <vector>

#include "core/cache/cache_block.h"
#include "core/cache/kv_cache.h"
#include "core/cache/slot_table.h"

namespace fovea {

// Where the parts of one slot lie.
struct SlotMemory {
    std::byte* key;
    std::byte* value;
    std::byte*
        column; // its entry in column 0; null without a copy. Entries are slotsPerBlock elements apart.

    // The entries of the component-major copy from the stored row of K.
    void writeColumns(const CacheLayout& layout) const {
        const std::int64_t e = elementBytes(layout.type);
        for (std::int64_t c = 0; c < layout.headDim; ++c)
            std::copy_n(key + c * e, e, column + c * layout.slotsPerBlock * e);
    }
};

struct KvCache::Head {
    SlotTable slots;
    std::vector<const void*> keys, values, keyColumns; // one pointer per block, as KvView wants them
    std::vector<CacheBlock> blocks; // what they point to, the kinds of a block side by side
    std::vector<float> valueSum;    // (valueSums, d) or empty

    SlotMemory at(std::int64_t slot, const CacheLayout& layout) const {
        const auto block = static_cast<std::size_t>(slot / layout.slotsPerBlock);
        const std::int64_t row = slot % layout.slotsPerBlock, e = elementBytes(layout.type);
        const auto in = [&](const std::vector<const void*>& table, std::int64_t element) {
            return const_cast<std::byte*>(static_cast<const std::byte*>(table[block])) + element * e;
        };
        return {in(keys, row * layout.headDim), in(values, row * layout.headDim),
                layout.keyColumns ? in(keyColumns, row) : nullptr};
    }
};

struct KvCache::Layer {
    std::vector<Head> heads; // (G)
    SlotChanges changes;
};

} // namespace fovea
