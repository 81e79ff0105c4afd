#pragma once
// Stands between a truth and its cache and counts every row, column and sum that passes. It knows no formula.

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "core/cache/element_type.h"
#include "core/cache/row_codec.h"
#include "core/cache/traffic.h"
#include "core/methods/cache_reader.h"
#include "core/methods/quantise/rtn.h"

namespace fovea::test {

class CountingReader final : public CacheReader {
public:
    CountingReader(CacheReader& inner, ElementType store, std::optional<RtnParams> codes = {})
        : m_inner(inner), m_store(store), m_codes(codes) {}
    // Rows of which some are exact: of tokens at `positions`, by slot, of a text of so many tokens.
    CountingReader(CacheReader& inner, ElementType store, const MixedStore& mixed, const at::Tensor& positions,
                   std::int64_t tokens)
        : m_inner(inner), m_store(store), m_mixed(mixed), m_tokens(tokens) {
        for (std::int64_t slot = 0; slot < positions.size(0); ++slot)
            m_positions.push_back(positions[slot].item<std::int64_t>());
    }

    const Traffic& counted() const { return m_counted; }

    std::int64_t slots() const override { return m_inner.slots(); }
    at::Tensor newest(std::int64_t n) const override { return m_inner.newest(n); }
    at::Tensor keys() override { return countRows(Component::Keys, m_inner.keys(), {}); }
    at::Tensor values() override { return countRows(Component::Values, m_inner.values(), {}); }
    at::Tensor keyRows(const at::Tensor& slots) override {
        return countRows(Component::Keys, m_inner.keyRows(slots), slots);
    }
    at::Tensor valueRows(const at::Tensor& slots) override {
        return countRows(Component::Values, m_inner.valueRows(slots), slots);
    }
    at::Tensor keyColumns(const at::Tensor& components) override {
        return count(Component::KeyColumns, m_inner.keyColumns(components));
    }
    at::Tensor valueMean() override {
        const at::Tensor mean = m_inner.valueMean();
        m_counted[Component::Mean] += mean.numel() * static_cast<std::int64_t>(sizeof(float));
        return mean;
    }

    at::Tensor valueMeans(const at::Tensor& seen) override {
        const at::Tensor means = m_inner.valueMeans(seen);
        m_counted[Component::Mean] += means.numel() * static_cast<std::int64_t>(sizeof(float));
        return means;
    }
    at::Tensor pageBounds(std::int64_t page) override {
        return count(Component::Bounds, m_inner.pageBounds(page));
    }

private:
    at::Tensor count(Component component, const at::Tensor& touched) {
        m_counted[component] += touched.numel() * elementBytes(m_store);
        return touched;
    }

    // Rows of codes are counted group by group: a scale, a zero, and the bits of its codes, which fill bytes row by row.
    at::Tensor countRows(Component component, const at::Tensor& rows, const at::Tensor& slots) {
        if (m_mixed)
            return countMixed(component, rows, slots);
        if (!m_codes)
            return count(component, rows);
        for (std::int64_t row = 0; row < rows.size(0); ++row) {
            std::int64_t bits = 0;
            for (std::int64_t first = 0; first < rows.size(1); first += m_codes->group) {
                const bool zero = m_codes->mode == RtnParams::Mode::Asymmetric;
                m_counted[Component::Scales] += 2 + (!zero ? 0 : m_codes->zero == RtnParams::Zero::Free ? 2 : 1);
                bits += m_codes->bits * std::min<std::int64_t>(m_codes->group, rows.size(1) - first);
            }
            m_counted[component] += (bits + 7) / 8;
        }
        return rows;
    }

    // Token by token: as it came, or its codes, and a side: of its own, or of its group of the text unless the slot before
    // has it too and everything is read.
    at::Tensor countMixed(Component component, const at::Tensor& rows, const at::Tensor& slots) {
        const MixedForm& form = component == Component::Keys ? m_mixed->keys : m_mixed->values;
        const auto groupOf = [&](std::int64_t slot) {
            const std::int64_t position = slot < 0 ? -1 : m_positions[static_cast<std::size_t>(slot)];
            return position < 0 || form.exact.keep(position, m_tokens) ? -1 : position / form.sizes.sharing;
        };
        for (std::int64_t i = 0; i < rows.size(0); ++i) {
            const std::int64_t slot = slots.defined() ? slots[i].item<std::int64_t>() : i;
            if (groupOf(slot) < 0) {
                m_counted[component] += rows.size(1) * elementBytes(m_store);
                continue;
            }
            m_counted[component] += form.sizes.codes;
            if (form.sizes.sharing == 1 || slots.defined() || groupOf(slot - 1) != groupOf(slot))
                m_counted[Component::Scales] += form.sizes.side;
        }
        return rows;
    }

    CacheReader& m_inner;
    ElementType m_store;
    std::optional<RtnParams> m_codes;
    std::optional<MixedStore> m_mixed;
    std::vector<std::int64_t> m_positions;
    std::int64_t m_tokens = 0;
    Traffic m_counted;
};

} // namespace fovea::test
