#pragma once
// What a KvCache is made of. Internal to it.

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "core/cache/cache_block.h"
#include "core/cache/kv_cache.h"
#include "core/cache/slot_table.h"

namespace fovea {

struct KvCache::Head {
    SlotTable slots;
    std::vector<const void*> keys, values, keyColumns; // one pointer per block, as KvView wants them
    std::vector<CacheBlock> blocks; // what they point to, the kinds of a block side by side
    std::vector<float> valueSum;    // (valueSums, d) or empty
    bool paged = false;             // its keys have bounds
    std::vector<const void*> bounds; // one pointer per block of pages
    std::vector<CacheBlock> boundBlocks;
    std::vector<std::int32_t> pageRows; // live rows of each page
    std::unique_ptr<MixedRows> mixedKeys, mixedValues; // of a mixed store

    // Both, of a mixed store alone.
    std::array<MixedRows*, 2> mixedRows() const { return {mixedKeys.get(), mixedValues.get()}; }
    SlotPlaces keyPlaces(const CacheLayout& layout) const {
        return {keys.data(), slots.positions().data(), layout.slotsPerBlock};
    }
    SlotPlaces valuePlaces(const CacheLayout& layout) const {
        return {values.data(), slots.positions().data(), layout.slotsPerBlock};
    }

    // The block of `table` that `slot` lies in.
    static std::byte* blockOf(const std::vector<const void*>& table, std::int64_t slot, const CacheLayout& layout) {
        const void* const block = table[static_cast<std::size_t>(slot / layout.slotsPerBlock)];
        return const_cast<std::byte*>(static_cast<const std::byte*>(block));
    }
    // Its entry in column 0; those of the others are slotsPerBlock elements apart.
    std::byte* columnOf(std::int64_t slot, const CacheLayout& layout) const {
        return blockOf(keyColumns, slot, layout) + slot % layout.slotsPerBlock * elementBytes(layout.type);
    }
    // The least and then the greatest of every key component of a page.
    std::byte* boundsAt(std::int64_t page, const CacheLayout& layout) const {
        const std::int64_t perBlock = layout.pagesPerBlock();
        const void* const block = bounds[static_cast<std::size_t>(page / perBlock)];
        return const_cast<std::byte*>(static_cast<const std::byte*>(block)) + page % perBlock * layout.boundsBytes();
    }
    // Is there room for the rows, and for the bounds, of the next token?
    bool full(const CacheLayout& layout) const {
        return slots.next() == std::ssize(keys) * layout.slotsPerBlock;
    }
    bool boundsFull(const CacheLayout& layout) const {
        return paged && slots.next() / layout.page >= std::ssize(bounds) * layout.pagesPerBlock();
    }
};

struct KvCache::Layer {
    std::vector<Head> heads; // (G)
    SlotChanges changes;
};

} // namespace fovea
