#pragma once
// A cache on the host that is no more than its bytes, kept as KvCache keeps them: rows by the encoder of
// core/methods/quantise, slots by core/cache/slot_table.h. What the kernels of a cache are held against, byte for byte.

#include <cstdint>
#include <string>
#include <vector>

#include "core/cache/slot_table.h"
#include "core/kernels/cuda/cache_writes.h"

namespace fovea::cuda {

struct CacheGeometry {
    ElementType type = ElementType::F32;
    RowCodes codes = {};
    int kvHeads = 2, headDim = 32, slotsPerBlock = 4;
    std::int64_t blocksPerHead = 5;
    bool keyColumns = true, valueSums = true;
    int page = 3, pagesPerBlock = 2; // page 0: no bounds
    int sums = 1;                    // of values, of each KV head

    std::int64_t capacity() const { return blocksPerHead * slotsPerBlock; }
    std::int64_t pages() const { return page > 0 ? (capacity() + page - 1) / page : 0; }
    std::int64_t boundBlocks() const { return page > 0 ? (pages() + pagesPerBlock - 1) / pagesPerBlock : 0; }
    std::string text() const;
};

using Bytes = std::vector<unsigned char>;

class CacheModel {
public:
    explicit CacheModel(const CacheGeometry& geometry);

    CacheGeometry geometry;
    std::vector<Bytes> keys, values, columns, bounds; // (G · blocks) of each kind
    std::vector<float> sums;                          // (G, sums, d)
    std::vector<std::int32_t> pageRows;               // (G, pages)
    std::vector<SlotTable> slots;                     // (G)
    std::int32_t pagesBegun = 0;                      // rows that were the first of their page

    // k, v (G, d); positions (G).
    void append(const std::vector<float>& k, const std::vector<float>& v,
                const std::vector<std::int64_t>& positions);
    // One token of one KV head: k, v (d).
    void appendTo(int kvHead, const std::vector<float>& k, const std::vector<float>& v, std::int64_t position);
    // Frees live slots (ascending) of one KV head.
    std::vector<SlotTable::Move> evict(int kvHead, const std::vector<std::int32_t>& leaving);
    // What a row of keys or values stands for.
    std::vector<float> stored(const std::vector<Bytes>& table, int kvHead, std::int64_t slot) const;

private:
    int rowBytes() const;
    std::size_t rowBlockBytes() const;
    std::size_t blockOf(int kvHead, std::int64_t slot) const;
    void writeRow(std::vector<Bytes>& table, int kvHead, std::int64_t slot, const float* values);
    void copyRow(std::vector<Bytes>& table, int kvHead, SlotTable::Move move);
    void boundRow(int kvHead, std::int64_t slot);
    void sumAgain(int kvHead);
};

} // namespace fovea::cuda
