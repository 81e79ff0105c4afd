#include "core/cache/cache_view_reader.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/sort.h>

#include <algorithm>
#include <vector>

#include "core/cache/scalar_type.h"

namespace fovea {

// One block as a tensor over its own memory, in the type it is stored in: rows (slotsPerBlock, d) or columns
// (d, slotsPerBlock).
at::Tensor CacheViewReader::block(const void* data, bool columns) const {
    const std::int64_t rows = m_view.slotsPerBlock, d = m_view.headDim;
    const std::vector<std::int64_t> shape = columns ? std::vector{d, rows} : std::vector{rows, d};
    return at::from_blob(const_cast<void*>(data), shape, at::TensorOptions(scalarType(m_view.type)));
}

at::Tensor CacheViewReader::newest(std::int64_t n) const {
    if (!m_view.byAge)
        return at::arange(m_view.slots - n, m_view.slots, at::kLong);
    auto* const newest = const_cast<std::int32_t*>(m_view.byAge + (m_view.slots - n));
    return std::get<0>(at::sort(at::from_blob(newest, {n}, at::kInt).to(at::kLong)));
}

at::Tensor CacheViewReader::positions() const {
    return at::from_blob(const_cast<std::int64_t*>(m_view.positions), {m_view.slots}, at::kLong);
}

at::Tensor CacheViewReader::allRows(const void* const* blocks, Component component) {
    std::vector<at::Tensor> parts;
    for (std::int64_t first = 0; first < m_view.slots; first += m_view.slotsPerBlock) {
        const std::int64_t rows = std::min<std::int64_t>(m_view.slotsPerBlock, m_view.slots - first);
        parts.push_back(block(blocks[first / m_view.slotsPerBlock], false).narrow(0, 0, rows));
        heard(component, static_cast<std::int64_t>(parts.back().nbytes()));
    }
    return parts.empty() ? at::empty({0, m_view.headDim}) : at::cat(parts).to(at::kFloat);
}

at::Tensor CacheViewReader::someRows(const void* const* blocks, const at::Tensor& slots,
                                     Component component) {
    const at::Tensor list = slots.contiguous();
    const std::int64_t n = list.numel(), perBlock = m_view.slotsPerBlock;
    const auto* slot = list.data_ptr<std::int64_t>();
    std::vector<at::Tensor> parts;
    for (std::int64_t i = 0, end = 0; i < n; i = end) {
        // As many as lie in one block, one after the other.
        const std::int64_t index = slot[i] / perBlock;
        for (end = i + 1; end < n && slot[end] / perBlock == index;)
            ++end;
        const at::Tensor rows = list.narrow(0, i, end - i) - index * perBlock;
        parts.push_back(block(blocks[index], false).index_select(0, rows));
        heard(component, static_cast<std::int64_t>(parts.back().nbytes()));
    }
    return parts.empty() ? at::empty({0, m_view.headDim}) : at::cat(parts).to(at::kFloat);
}

at::Tensor CacheViewReader::keys() {
    return allRows(m_view.keys, Component::Keys);
}
at::Tensor CacheViewReader::values() {
    return allRows(m_view.values, Component::Values);
}

at::Tensor CacheViewReader::keyRows(const at::Tensor& slots) {
    return someRows(m_view.keys, slots, Component::Keys);
}
at::Tensor CacheViewReader::valueRows(const at::Tensor& slots) {
    return someRows(m_view.values, slots, Component::Values);
}

at::Tensor CacheViewReader::keyColumns(const at::Tensor& components) {
    std::vector<at::Tensor> parts;
    for (std::int64_t first = 0; first < m_view.slots; first += m_view.slotsPerBlock) {
        const std::int64_t rows = std::min<std::int64_t>(m_view.slotsPerBlock, m_view.slots - first);
        const at::Tensor columns = block(m_view.keyColumns[first / m_view.slotsPerBlock], true);
        parts.push_back(columns.narrow(1, 0, rows).index_select(0, components));
        heard(Component::KeyColumns, static_cast<std::int64_t>(parts.back().nbytes()));
    }
    return at::cat(parts, 1).to(at::kFloat);
}

at::Tensor CacheViewReader::valueMean() {
    const at::Tensor sum = at::from_blob(const_cast<float*>(m_view.valueSum), {m_view.headDim}, at::kFloat);
    heard(Component::Mean, static_cast<std::int64_t>(sum.nbytes()));
    return sum / static_cast<double>(m_view.slots);
}

at::Tensor CacheViewReader::valueMeans(const at::Tensor& seen) {
    const at::Tensor sums =
        at::from_blob(const_cast<float*>(m_view.valueSum), {m_view.valueSums, m_view.headDim}, at::kFloat);
    heard(Component::Mean, static_cast<std::int64_t>(sums.nbytes()));
    return sums / seen.sum(-1, /*keepdim=*/true);
}

void CacheViewReader::heard(Component component, std::int64_t bytes) {
    if (m_ledger)
        m_ledger->moved(component, bytes);
}

} // namespace fovea
