#pragma once
// Stands between a truth and its cache and counts every row, column and sum that passes. It knows no formula.

#include <ATen/core/Tensor.h>

#include "core/cache/element_type.h"
#include "core/cache/traffic.h"
#include "core/methods/cache_reader.h"

namespace fovea::test {

class CountingReader final : public CacheReader {
public:
    CountingReader(CacheReader& inner, ElementType store) : m_inner(inner), m_store(store) {}

    const Traffic& counted() const { return m_counted; }

    std::int64_t slots() const override { return m_inner.slots(); }
    at::Tensor newest(std::int64_t n) const override { return m_inner.newest(n); }
    at::Tensor keys() override { return count(Component::Keys, m_inner.keys()); }
    at::Tensor values() override { return count(Component::Values, m_inner.values()); }
    at::Tensor keyRows(const at::Tensor& slots) override {
        return count(Component::Keys, m_inner.keyRows(slots));
    }
    at::Tensor valueRows(const at::Tensor& slots) override {
        return count(Component::Values, m_inner.valueRows(slots));
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

private:
    at::Tensor count(Component component, const at::Tensor& touched) {
        m_counted[component] += touched.numel() * elementBytes(m_store);
        return touched;
    }

    CacheReader& m_inner;
    ElementType m_store;
    Traffic m_counted;
};

} // namespace fovea::test
