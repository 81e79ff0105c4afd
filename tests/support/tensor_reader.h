#pragma once
// A cache that is nothing but tensors, for truths to read. The component-major copy is a tensor of its own,
// so that a test can spoil it.

#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>

#include "core/methods/cache_reader.h"

namespace fovea::test {

struct TensorReader final : CacheReader {
    TensorReader(const at::Tensor& k, const at::Tensor& v) : K(k), V(v), columns(k.t().contiguous()) {}

    std::int64_t slots() const override { return K.size(0); }
    at::Tensor newest(std::int64_t n) const override { return at::arange(slots() - n, slots(), at::kLong); }
    at::Tensor keys() override { return K; }
    at::Tensor values() override { return V; }
    at::Tensor keyRows(const at::Tensor& slots) override { return K.index_select(0, slots); }
    at::Tensor valueRows(const at::Tensor& slots) override { return V.index_select(0, slots); }
    at::Tensor keyColumns(const at::Tensor& components) override {
        return columns.index_select(0, components);
    }
    at::Tensor valueMean() override { return V.mean(0); }
    at::Tensor valueMeans(const at::Tensor& seen) override { return meansOf(V, seen); }

    at::Tensor K, V;    // (S, d)
    at::Tensor columns; // (d, S)
};

} // namespace fovea::test
