#pragma once
// Gives a method's ATen truth the rows of a KvView, widened to fp32: how the reference backend reads the
// cache.

#include "core/cache/kv_view.h"
#include "core/cache/ledger.h"
#include "core/methods/cache_reader.h"

namespace fovea {

class CacheViewReader final : public CacheReader {
public:
    // `view` must stay good as long as the reader. With a ledger, it hears every span that is read.
    explicit CacheViewReader(const KvView& view, Ledger* ledger = nullptr) : m_view(view), m_ledger(ledger) {}

    std::int64_t slots() const override { return m_view.slots; }
    at::Tensor newest(std::int64_t n) const override;
    // (S) int64 of the live slots' tokens.
    at::Tensor positions() const;
    at::Tensor keys() override;
    at::Tensor values() override;
    at::Tensor keyRows(const at::Tensor& slots) override;
    at::Tensor valueRows(const at::Tensor& slots) override;
    at::Tensor keyColumns(const at::Tensor& components) override;
    at::Tensor valueMean() override;
    at::Tensor valueMeans(const at::Tensor& seen) override;

private:
    at::Tensor block(const void* data, bool columns) const;
    at::Tensor allRows(const void* const* blocks, Component component);
    at::Tensor someRows(const void* const* blocks, const at::Tensor& slots, Component component);
    void heard(Component component, std::int64_t bytes);

    KvView m_view;
    Ledger* m_ledger;
};

} // namespace fovea
