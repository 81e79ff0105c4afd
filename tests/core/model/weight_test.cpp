// A parameter of blocks as ATen sees it.

#include <ATen/ops/allclose.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <vector>

#include "core/model/gguf_blocks.h"
#include "core/model/weight.h"

// After everything of libtorch, whose logging defines a CHECK of its own.
#include <catch2/catch.hpp>

using namespace fovea;

namespace {

struct Sample {
    at::Tensor blocks, values; // uint8 (rows, bytes), f32 (rows, columns)
};

Sample sample(BlockType type, std::int64_t rows, std::int64_t columns) {
    Sample out{at::empty({rows, blockRowBytes(type, columns)}, at::kByte), at::empty({rows, columns})};
    std::vector<float> values(static_cast<std::size_t>(rows * columns));
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = std::sin(static_cast<float>(i));
    encodeBlocks(type, values.data(), out.blocks.data_ptr(), rows * columns);
    decodeBlocks(type, out.blocks.data_ptr(), out.values.data_ptr<float>(), rows * columns);
    return out;
}

} // namespace

TEST_CASE("A weight of blocks knows its sizes and decodes whole, by rows and by choice", "[core.model]") {
    const auto type = GENERATE(BlockType::Q8_0, BlockType::Q4_1, BlockType::Q4_K, BlockType::Q6_K);
    INFO(blockShape(type).name);
    const Sample s = sample(type, 7, 512);
    const Weight w(s.blocks, type, 512);
    CHECK(w.typeName() == blockShape(type).name);
    CHECK(w.rows() == 7);
    CHECK(w.columns() == 512);
    CHECK(w.elements() == 7 * 512);
    CHECK(w.bytes() == 7 * blockRowBytes(type, 512));
    const auto same = [](const at::Tensor& a, const at::Tensor& b) {
        return a.sizes() == b.sizes() && at::allclose(a, b, 1e-6, 1e-6);
    };
    CHECK(same(w.to(at::kFloat), s.values));
    CHECK(w.to(at::kBFloat16).scalar_type() == at::kBFloat16);
    CHECK(same(w.rows(2, 3, at::kFloat), s.values.narrow(0, 2, 3)));
    const at::Tensor which = at::tensor({6, 0, 6, 1}, at::kLong).view({2, 2});
    const at::Tensor taken = w.take(which, at::kFloat);
    CHECK(taken.sizes() == at::IntArrayRef({2, 2, 512}));
    CHECK(same(taken[0][0], s.values[6]));
    CHECK(same(taken[0][1], s.values[0]));
    CHECK(same(taken[1][1], s.values[1]));
}
