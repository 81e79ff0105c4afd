#include "core/cache/cache_view_reader.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/argsort.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/sort.h>

#include <algorithm>
#include <vector>

#include "core/cache/scalar_type.h"

namespace fovea {

// A block of the copy of K over its own memory, in the type it is stored in: (d, slotsPerBlock).
at::Tensor CacheViewReader::columns(const void* block) const {
    return at::from_blob(const_cast<void*>(block), {m_view.headDim, m_view.slotsPerBlock},
                         at::TensorOptions(scalarType(m_view.type)));
}

CacheViewReader::CacheViewReader(const KvView& view, Ledger* ledger, const at::Tensor& rows)
    : m_view(view), m_ledger(ledger) {
    if (!rows.all().item<bool>())
        m_rows = rows.nonzero().squeeze(-1);
}

at::Tensor CacheViewReader::newest(std::int64_t n) const {
    if (m_rows.defined()) { // the slots of the n highest positions
        const at::Tensor order = at::argsort(positions());
        return std::get<0>(at::sort(order.narrow(0, order.size(0) - n, n)));
    }
    if (!m_view.byAge)
        return at::arange(m_view.slots - n, m_view.slots, at::kLong);
    auto* const newest = const_cast<std::int32_t*>(m_view.byAge + (m_view.slots - n));
    return std::get<0>(at::sort(at::from_blob(newest, {n}, at::kInt).to(at::kLong)));
}

at::Tensor CacheViewReader::positions() const {
    const at::Tensor all =
        at::from_blob(const_cast<std::int64_t*>(m_view.positions), {m_view.slots}, at::kLong);
    return m_rows.defined() ? all.index_select(0, m_rows) : all;
}

at::Tensor CacheViewReader::allRows(const void* const* blocks, Component component) {
    if (m_rows.defined())
        return someRows(blocks, at::arange(slots(), at::kLong), component);
    const at::Tensor rows = at::empty({m_view.slots, m_view.headDim});
    if (const MixedRows* const mixed = mixedRows(component)) {
        Traffic moved;
        mixed->read({blocks, m_view.positions, m_view.slotsPerBlock}, 0, m_view.slots, rows.data_ptr<float>(),
                    m_ledger ? &moved : nullptr);
        heard(moved);
        return rows;
    }
    const RowForm form = m_view.rows();
    for (std::int64_t first = 0; first < m_view.slots; first += form.rows) {
        const std::int64_t n = std::min<std::int64_t>(form.rows, m_view.slots - first);
        form.read(static_cast<const std::byte*>(blocks[first / form.rows]), 0, n,
                  rows.data_ptr<float>() + first * m_view.headDim);
    }
    heardRows(component, m_view.slots);
    return rows;
}

at::Tensor CacheViewReader::someRows(const void* const* blocks, const at::Tensor& slots,
                                     Component component) {
    const at::Tensor list = (m_rows.defined() ? m_rows.index_select(0, slots) : slots).contiguous();
    const auto* slot = list.data_ptr<std::int64_t>();
    const at::Tensor rows = at::empty({list.numel(), m_view.headDim});
    if (const MixedRows* const mixed = mixedRows(component)) {
        Traffic moved;
        const std::vector<std::int32_t> listed(slot, slot + list.numel());
        mixed->read({blocks, m_view.positions, m_view.slotsPerBlock}, listed, rows.data_ptr<float>(),
                    m_ledger ? &moved : nullptr);
        heard(moved);
        return rows;
    }
    const RowForm form = m_view.rows();
    for (std::int64_t i = 0; i < list.numel(); ++i)
        form.read(static_cast<const std::byte*>(blocks[slot[i] / form.rows]), slot[i] % form.rows, 1,
                  rows.data_ptr<float>() + i * m_view.headDim);
    heardRows(component, list.numel());
    return rows;
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
        parts.push_back(columns(m_view.keyColumns[first / m_view.slotsPerBlock])
                            .narrow(1, 0, rows)
                            .index_select(0, components));
        if (m_rows.defined())
            parts.back() = parts.back().index_select(
                1, m_rows.masked_select((m_rows >= first).logical_and(m_rows < first + rows)) - first);
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

// The view's own pages: a cache has one size of them.
at::Tensor CacheViewReader::pageBounds(std::int64_t) {
    const std::int64_t pages = m_view.pages(), perBlock = m_view.pagesPerBlock;
    std::vector<at::Tensor> parts;
    for (std::int64_t first = 0; first < pages; first += perBlock) {
        const at::Tensor whole =
            at::from_blob(const_cast<void*>(m_view.bounds[first / perBlock]), {perBlock, 2, m_view.headDim},
                          at::TensorOptions(scalarType(m_view.type)));
        parts.push_back(whole.narrow(0, 0, std::min(perBlock, pages - first)));
        heard(Component::Bounds, static_cast<std::int64_t>(parts.back().nbytes()));
    }
    return at::cat(parts).to(at::kFloat);
}

void CacheViewReader::heardRows(Component component, std::int64_t n) {
    Traffic moved;
    m_view.rows().count(moved, component, n);
    heard(moved);
}

const MixedRows* CacheViewReader::mixedRows(Component component) const {
    return component == Component::Keys ? m_view.mixedKeys : m_view.mixedValues;
}

void CacheViewReader::heard(const Traffic& moved) {
    if (m_ledger)
        m_ledger->add(moved);
}

void CacheViewReader::heard(Component component, std::int64_t bytes) {
    if (m_ledger)
        m_ledger->moved(component, bytes);
}

} // namespace fovea
