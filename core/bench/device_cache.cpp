#include "core/bench/device_cache.h"

#include <algorithm>
#include <random>
#include <vector>

namespace fovea {

namespace {

constexpr std::size_t kWord = 16; // bytes that kernels read at once
// Between the beginnings of two copies of the pool, so that no two blocks are alike.
constexpr std::size_t kShift = 4099 * kWord;

std::size_t bytesOf(std::int64_t bytes) {
    return static_cast<std::size_t>(bytes);
}

// The high byte has a sign, an exponent's bits 01 and five others: as binary16 2^-7 to 2, as bfloat16 less.
std::vector<std::uint16_t> someNumbers(std::size_t count) {
    std::mt19937 random(1);
    std::vector<std::uint16_t> numbers(count);
    for (std::uint16_t& number : numbers)
        number = static_cast<std::uint16_t>((random() & 0xBFFFu) | 0x2000u);
    return numbers;
}

std::int64_t columnBytes(const RowForm& form) {
    return std::int64_t{form.dims} * form.rows * elementBytes(form.type);
}

std::int64_t sumBytes(const DeviceShape& shape) {
    return shape.allKvHeads() * shape.headDim * static_cast<std::int64_t>(sizeof(float));
}

int tablesOf(bool columns) {
    return columns ? 3 : 2;
}

} // namespace

// --- Random numbers ----------------------------------------------------------------------------------------

RandomMemory::RandomMemory(std::size_t bytes, cuda::Stream stream)
    : m_pool((bytes + 2 * kWord - 1) / (2 * kWord) * 2 * kWord) {
    const std::vector<std::uint16_t> numbers = someNumbers(m_pool.bytes() / sizeof(std::uint16_t));
    cuda::upload(m_pool.data(), numbers.data(), m_pool.bytes(), stream);
    cuda::wait(stream);
}

void RandomMemory::fill(const cuda::DeviceBuffer& buffer, cuda::Stream stream) {
    const std::size_t half = m_pool.bytes() / 2;
    for (std::size_t done = 0; done < buffer.bytes();) {
        const std::size_t now = std::min(half, buffer.bytes() - done);
        cuda::copy(buffer.as<std::byte>() + done, m_pool.as<std::byte>() + m_at, now, stream);
        done += now;
        m_at = (m_at + kShift) % half;
    }
}

// --- Caches ------------------------------------------------------------------------------------------------

std::int64_t DeviceCache::blocksPerHead(const DeviceShape& shape, const RowForm& form) {
    return (shape.context + form.rows - 1) / form.rows;
}

std::int64_t DeviceCache::rowBytes(const DeviceShape& shape, const RowForm& form) {
    return 2 * shape.allKvHeads() * blocksPerHead(shape, form) * form.blockBytes();
}

std::int64_t DeviceCache::layerBytes(const DeviceShape& shape, const RowForm& form, bool columns) {
    const std::int64_t blocks = shape.allKvHeads() * blocksPerHead(shape, form);
    const std::int64_t tables = tablesOf(columns) * blocks * static_cast<std::int64_t>(sizeof(void*));
    return rowBytes(shape, form) + tables + (columns ? blocks * columnBytes(form) + sumBytes(shape) : 0);
}

DeviceCache::DeviceCache(const DeviceShape& shape, const RowForm& form, bool columns, int layers,
                         RandomMemory& random, cuda::Stream stream)
    : m_shape(shape), m_form(form), m_hasColumns(columns), m_layers(layers),
      m_blocks(shape.allKvHeads() * blocksPerHead(shape, form)),
      m_rows(bytesOf(layers * rowBytes(shape, form))),
      m_columns(columns ? bytesOf(layers * m_blocks * columnBytes(form)) : 0),
      m_sums(columns ? bytesOf(layers * sumBytes(shape)) : 0),
      m_tables(bytesOf(layers * tablesOf(columns) * m_blocks) * sizeof(void*)) {
    for (const cuda::DeviceBuffer* const buffer : {&m_rows, &m_columns, &m_sums})
        random.fill(*buffer, stream);
    fillTables(stream);
}

const std::byte* DeviceCache::keyRows(int layer) const {
    return m_rows.as<std::byte>() + 2 * layer * m_blocks * m_form.blockBytes();
}

const std::byte* DeviceCache::valueRows(int layer) const {
    return keyRows(layer) + m_blocks * m_form.blockBytes();
}

const float* DeviceCache::valueSums(int layer) const {
    return m_sums.as<float>() + layer * m_shape.allKvHeads() * m_shape.headDim;
}

const void* const* DeviceCache::table(int layer, int which) const {
    return m_tables.as<const void*>() + (std::int64_t{layer} * tablesOf(m_hasColumns) + which) * m_blocks;
}

void DeviceCache::fillTables(cuda::Stream stream) {
    std::vector<const void*> all;
    all.reserve(m_tables.bytes() / sizeof(void*));
    const auto add = [&](const std::byte* first, std::int64_t bytes) {
        for (std::int64_t block = 0; block < m_blocks; ++block)
            all.push_back(first + block * bytes);
    };
    for (int layer = 0; layer < m_layers; ++layer) {
        add(keyRows(layer), m_form.blockBytes());
        add(valueRows(layer), m_form.blockBytes());
        if (m_hasColumns)
            add(m_columns.as<std::byte>() + layer * m_blocks * columnBytes(m_form), columnBytes(m_form));
    }
    cuda::upload(m_tables.data(), all.data(), m_tables.bytes(), stream);
    cuda::wait(stream);
}

} // namespace fovea
