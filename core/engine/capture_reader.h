#pragma once
// Reads captured K and V as if they were a cache, so that a replay runs the methods' own truths.

#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/from_blob.h>

#include "core/engine/capture.h"
#include "core/engine/captured_head.h"
#include "core/methods/cache_reader.h"
#include "core/methods/read/page_bounds.h"

namespace fovea {

// (n, d) over memory that the capture keeps; nothing writes through it.
inline at::Tensor capturedRows(const float* data, std::int64_t n, std::int64_t d) {
    return at::from_blob(const_cast<float*>(data), {n, d}, at::kFloat);
}

class CaptureReader final : public CacheReader {
public:
    // The rows of `positions` (n) int64, ascending: what is in the cache of the newest of them.
    CaptureReader(const CapturedHead& head, const at::Tensor& positions)
        : m_positions(positions), m_keys(head.keys.at(positions)), m_values(head.values.at(positions)),
          m_floats(HeldRows{.floats = head.keys.floats, .codes = head.keys.floats, .exact = {}}.at(positions)) {}

    std::int64_t slots() const override { return m_keys.size(0); }
    at::Tensor newest(std::int64_t n) const override { return at::arange(slots() - n, slots(), at::kLong); }
    at::Tensor keys() override { return m_keys; }
    at::Tensor values() override { return m_values; }
    at::Tensor keyRows(const at::Tensor& slots) override { return m_keys.index_select(0, slots); }
    at::Tensor valueRows(const at::Tensor& slots) override { return m_values.index_select(0, slots); }
    at::Tensor keyColumns(const at::Tensor& components) override {
        return m_floats.t().index_select(0, components);
    }
    at::Tensor valueMean() override { return m_values.mean(0); }
    at::Tensor valueMeans(const at::Tensor& seen) override { return meansOf(m_values, seen); }
    at::Tensor pageBounds(std::int64_t page) override { return boundsOfRows(m_keys, page); }

    const at::Tensor& positions() const { return m_positions; }

private:
    at::Tensor m_positions, m_keys, m_values, m_floats;
};

} // namespace fovea
