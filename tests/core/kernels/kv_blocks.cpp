#include "tests/core/kernels/kv_blocks.h"

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>

namespace fovea::test {

std::vector<float> normals(std::size_t n, std::uint32_t seed) {
    std::uint64_t state = seed * 0x9E3779B97F4A7C15ull + 0x1234567ull;
    const auto uniform = [&state] {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return (static_cast<double>(state >> 11) + 0.5) / 9007199254740992.0;
    };
    std::vector<float> numbers(n);
    for (float& x : numbers)
        x = static_cast<float>(std::sqrt(-2 * std::log(uniform())) * std::cos(2 * std::numbers::pi * uniform()));
    return numbers;
}

float rounded(ElementType type, float value) {
    switch (type) {
    case ElementType::F32: return value;
    case ElementType::F16: return static_cast<float>(c10::Half(value));
    case ElementType::BF16: return static_cast<float>(c10::BFloat16(value));
    }
    return value;
}

KvBlocks::KvBlocks(const AttentionShape& shape) : m_shape(shape) {
    const auto blocks = static_cast<std::size_t>((shape.slots + shape.slotsPerBlock - 1) / shape.slotsPerBlock);
    const auto elements = static_cast<std::size_t>(shape.slotsPerBlock) * static_cast<std::size_t>(shape.headDim);
    const Block empty(elements * static_cast<std::size_t>(elementBytes(shape.type)), 0xFF);  // all NaN
    m_heads.resize(static_cast<std::size_t>(shape.kvHeads));
    for (Head& head : m_heads) {
        head.keys.assign(blocks, empty);
        head.values.assign(blocks, empty);
        head.columns.assign(blocks, empty);
        head.sum.assign(static_cast<std::size_t>(shape.headDim), 0.f);
        for (std::size_t b = 0; b < blocks; ++b) {
            head.keyTable.push_back(head.keys[b].data());
            head.valueTable.push_back(head.values[b].data());
            head.columnTable.push_back(head.columns[b].data());
        }
        m_views.push_back({.keys = head.keyTable.data(),
                           .values = head.valueTable.data(),
                           .keyColumns = head.columnTable.data(),
                           .valueSum = head.sum.data(),
                           .slots = shape.slots,
                           .slotsPerBlock = shape.slotsPerBlock,
                           .headDim = shape.headDim,
                           .type = shape.type});
    }
}

void KvBlocks::fill(std::uint32_t seed) {
    const auto d = static_cast<std::size_t>(m_shape.headDim);
    for (int h = 0; h < m_shape.kvHeads; ++h) {
        const auto n = static_cast<std::size_t>(m_shape.slots) * d;
        const std::vector<float> all = normals(2 * n, seed * 131 + static_cast<std::uint32_t>(h));
        for (std::int64_t s = 0; s < m_shape.slots; ++s) {
            const float* const k = all.data() + static_cast<std::size_t>(s) * d;
            setKey(h, s, std::vector<float>(k, k + d));
            setValue(h, s, std::vector<float>(k + n, k + n + d));
        }
    }
    sumValues();
}

void KvBlocks::write(Block& block, std::int64_t index, float value) const {
    const int bytes = elementBytes(m_shape.type);
    unsigned char* const to = block.data() + index * bytes;
    const c10::Half half(value);
    const c10::BFloat16 brain(value);
    switch (m_shape.type) {
    case ElementType::F32: std::memcpy(to, &value, 4); break;
    case ElementType::F16: std::memcpy(to, &half, 2); break;
    case ElementType::BF16: std::memcpy(to, &brain, 2); break;
    }
}

float KvBlocks::read(const Block& block, std::int64_t index) const {
    const unsigned char* const from = block.data() + index * elementBytes(m_shape.type);
    float value = 0;
    c10::Half half;
    c10::BFloat16 brain;
    switch (m_shape.type) {
    case ElementType::F32: std::memcpy(&value, from, 4); return value;
    case ElementType::F16: std::memcpy(&half, from, 2); return static_cast<float>(half);
    case ElementType::BF16: std::memcpy(&brain, from, 2); return static_cast<float>(brain);
    }
    return value;
}

void KvBlocks::setKey(int head, std::int64_t slot, const std::vector<float>& row) {
    setKeyRow(head, slot, row);
    for (int i = 0; i < m_shape.headDim; ++i)
        setKeyColumn(head, slot, i, row[static_cast<std::size_t>(i)]);
}

void KvBlocks::setKeyRow(int head, std::int64_t slot, const std::vector<float>& row) {
    Block& block = m_heads[static_cast<std::size_t>(head)].keys[static_cast<std::size_t>(slot / m_shape.slotsPerBlock)];
    for (int i = 0; i < m_shape.headDim; ++i)
        write(block, slot % m_shape.slotsPerBlock * m_shape.headDim + i, row[static_cast<std::size_t>(i)]);
}

void KvBlocks::setKeyColumn(int head, std::int64_t slot, int component, float value) {
    Head& own = m_heads[static_cast<std::size_t>(head)];
    write(own.columns[static_cast<std::size_t>(slot / m_shape.slotsPerBlock)],
          std::int64_t{component} * m_shape.slotsPerBlock + slot % m_shape.slotsPerBlock, value);
}

void KvBlocks::setValue(int head, std::int64_t slot, const std::vector<float>& row) {
    Block& block =
        m_heads[static_cast<std::size_t>(head)].values[static_cast<std::size_t>(slot / m_shape.slotsPerBlock)];
    for (int i = 0; i < m_shape.headDim; ++i)
        write(block, slot % m_shape.slotsPerBlock * m_shape.headDim + i, row[static_cast<std::size_t>(i)]);
}

void KvBlocks::sumValues() {
    for (int h = 0; h < m_shape.kvHeads; ++h) {
        std::vector<double> sums(static_cast<std::size_t>(m_shape.headDim));
        for (std::int64_t s = 0; s < m_shape.slots; ++s) {
            const std::vector<float> v = value(h, s);
            for (std::size_t i = 0; i < sums.size(); ++i)
                sums[i] += v[i];
        }
        m_heads[static_cast<std::size_t>(h)].sum.assign(sums.begin(), sums.end());
        m_views[static_cast<std::size_t>(h)].valueSum = m_heads[static_cast<std::size_t>(h)].sum.data();
    }
}

std::vector<float> KvBlocks::row(const std::vector<Block>& blocks, std::int64_t slot) const {
    std::vector<float> out(static_cast<std::size_t>(m_shape.headDim));
    for (int i = 0; i < m_shape.headDim; ++i)
        out[static_cast<std::size_t>(i)] = read(blocks[static_cast<std::size_t>(slot / m_shape.slotsPerBlock)],
                                                slot % m_shape.slotsPerBlock * m_shape.headDim + i);
    return out;
}

std::vector<float> KvBlocks::key(int head, std::int64_t slot) const {
    return row(m_heads[static_cast<std::size_t>(head)].keys, slot);
}

std::vector<float> KvBlocks::value(int head, std::int64_t slot) const {
    return row(m_heads[static_cast<std::size_t>(head)].values, slot);
}

}  // namespace fovea::test
