#pragma once
// Made-up caches on the GPU in the layout of core/cache, for what is timed there: several layers' worth, so that one
// step after the other finds its rows in memory and not in the device's second cache, as a model's layers do.

#include <cstdint>

#include "core/cache/row_form.h"
#include "core/kernels/cuda/device_memory.h"

namespace fovea {

// One layer of a step: B texts of S tokens each.
struct DeviceShape {
    std::int64_t context = 4096;  // S, cached tokens
    int batch = 1;                // B
    int heads = 32, kvHeads = 32; // H, G of one text; G divides H
    int headDim = 128;            // d

    std::int64_t allHeads() const { return std::int64_t{batch} * heads; }
    std::int64_t allKvHeads() const { return std::int64_t{batch} * kvHeads; }
};

// Random bytes that are numbers below 2, none of them NaN, as binary16 and as bfloat16.
class RandomMemory {
public:
    RandomMemory(std::size_t bytes, cuda::Stream stream);
    // Other numbers with each call, and within one.
    void fill(const cuda::DeviceBuffer& buffer, cuda::Stream stream);
    std::size_t bytes() const { return m_pool.bytes(); }

private:
    cuda::DeviceBuffer m_pool;
    std::size_t m_at = 0;
};

class DeviceCache {
public:
    // `form` says how a row lies, and its rows how long a block is. With what SparQ keeps beside the rows where
    // `columns` is: a copy of K in the form's type, and sums of the values. Its numbers are not K's: which tokens it
    // leads to is as good as random, and so they lie as far apart as can be.
    DeviceCache(const DeviceShape& shape, const RowForm& form, bool columns, int layers, RandomMemory& random,
                cuda::Stream stream);

    static std::int64_t layerBytes(const DeviceShape& shape, const RowForm& form, bool columns);
    // Of the rows of K and V alone.
    static std::int64_t rowBytes(const DeviceShape& shape, const RowForm& form);
    static std::int64_t blocksPerHead(const DeviceShape& shape, const RowForm& form);

    const RowForm& form() const { return m_form; }
    int layers() const { return m_layers; }
    // Tables (B·G, blocksPerHead) of a layer. Blocks of a head lie side by side, and heads one after the other.
    const void* const* keys(int layer) const { return table(layer, 0); }
    const void* const* values(int layer) const { return table(layer, 1); }
    const void* const* keyColumns(int layer) const { return table(layer, 2); }
    const std::byte* keyRows(int layer) const;
    const std::byte* valueRows(int layer) const;
    const float* valueSums(int layer) const; // (B·G, d)

private:
    const void* const* table(int layer, int which) const;
    void fillTables(cuda::Stream stream);

    DeviceShape m_shape;
    RowForm m_form;
    bool m_hasColumns;
    int m_layers;
    std::int64_t m_blocks; // of one table
    cuda::DeviceBuffer m_rows, m_columns, m_sums, m_tables;
};

} // namespace fovea
