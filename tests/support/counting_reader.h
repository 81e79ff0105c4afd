#pragma once
// Stands between a truth and its cache and counts every row, column and sum that passes. It knows no formula.

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <optional>

#include "core/cache/element_type.h"
#include "core/cache/traffic.h"
#include "core/methods/cache_reader.h"
#include "core/methods/quantise/rtn.h"

namespace fovea::test {

class CountingReader final : public CacheReader {
public:
    CountingReader(CacheReader& inner, ElementType store, std::optional<RtnParams> codes = {})
        : m_inner(inner), m_store(store), m_codes(codes) {}

    const Traffic& counted() const { return m_counted; }

    std::int64_t slots() const override { return m_inner.slots(); }
    at::Tensor newest(std::int64_t n) const override { return m_inner.newest(n); }
    at::Tensor keys() override { return countRows(Component::Keys, m_inner.keys()); }
    at::Tensor values() override { return countRows(Component::Values, m_inner.values()); }
    at::Tensor keyRows(const at::Tensor& slots) override {
        return countRows(Component::Keys, m_inner.keyRows(slots));
    }
    at::Tensor valueRows(const at::Tensor& slots) override {
        return countRows(Component::Values, m_inner.valueRows(slots));
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
    at::Tensor countRows(Component component, const at::Tensor& rows) {
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

    CacheReader& m_inner;
    ElementType m_store;
    std::optional<RtnParams> m_codes;
    Traffic m_counted;
};

} // namespace fovea::test
