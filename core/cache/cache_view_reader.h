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
    // The same with none but those of the slots that `rows` (S) bool names, which are then slots 0, 1, …: what a layer
    // sees of a cache that holds more for another.
    CacheViewReader(const KvView& view, Ledger* ledger, const at::Tensor& rows);

    std::int64_t slots() const override { return m_rows.defined() ? m_rows.size(0) : m_view.slots; }
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
    at::Tensor pageBounds(std::int64_t page) override;

private:
    at::Tensor columns(const void* block) const;
    at::Tensor allRows(const void* const* blocks, Component component);
    at::Tensor someRows(const void* const* blocks, const at::Tensor& slots, Component component);
    void heardRows(Component component, std::int64_t n);
    void heard(Component component, std::int64_t bytes);
    void heard(const Traffic& moved);
    const MixedRows* mixedRows(Component component) const; // null where all rows are of one form

    KvView m_view;
    Ledger* m_ledger;
    at::Tensor m_rows; // (slots) int64, ascending; undefined: all of the view's
};

} // namespace fovea
