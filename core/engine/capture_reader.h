#pragma once
// Reads captured K and V as if they were a cache, so that a replay runs the methods' own truths.

#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/from_blob.h>

#include "core/engine/capture.h"
#include "core/methods/cache_reader.h"

namespace fovea {

// (n, d) over memory that the capture keeps; nothing writes through it.
inline at::Tensor capturedRows(const float* data, std::int64_t n, std::int64_t d) {
    return at::from_blob(const_cast<float*>(data), {n, d}, at::kFloat);
}

class CaptureReader final : public CacheReader {
public:
    CaptureReader(const Capture& capture, int layer, int kvHead, std::int64_t tokens)
        : m_keys(capturedRows(capture.k(layer, kvHead), tokens, capture.headDim())),
          m_values(capturedRows(capture.v(layer, kvHead), tokens, capture.headDim())) {}

    std::int64_t slots() const override { return m_keys.size(0); }
    at::Tensor newest(std::int64_t n) const override { return at::arange(slots() - n, slots(), at::kLong); }
    at::Tensor keys() override { return m_keys; }
    at::Tensor values() override { return m_values; }
    at::Tensor keyRows(const at::Tensor& slots) override { return m_keys.index_select(0, slots); }
    at::Tensor valueRows(const at::Tensor& slots) override { return m_values.index_select(0, slots); }
    at::Tensor keyColumns(const at::Tensor& components) override {
        return m_keys.t().index_select(0, components);
    }
    at::Tensor valueMean() override { return m_values.mean(0); }

private:
    at::Tensor m_keys, m_values;
};

} // namespace fovea
