#include "core/methods/keep/row_turn.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/full.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/tensor.h>

#include "core/model/model_spec.h"
#include "core/model/rope.h"

namespace fovea {

RowTurn::RowTurn(const ModelSpec& spec, int layer)
    : m_frequency(
          at::tensor(ropeTable(spec.ropeOf(layer), spec.rotated(), /*length=*/0).frequency, at::kDouble)) {}

at::Tensor RowTurn::rows(const at::Tensor& rows, const at::Tensor& by) const {
    const std::int64_t half = m_frequency.size(0);
    const at::Tensor angle = at::outer(by.to(at::kDouble), m_frequency); // (n, rotated/2)
    const at::Tensor cos = at::cos(angle).to(at::kFloat), sin = at::sin(angle).to(at::kFloat);
    const at::Tensor a = rows.narrow(-1, 0, half), b = rows.narrow(-1, half, half);
    const at::Tensor still = rows.narrow(-1, 2 * half, rows.size(-1) - 2 * half);
    return at::cat({a * cos - b * sin, b * cos + a * sin, still}, -1);
}

at::Tensor RowTurn::rows(const at::Tensor& x, std::int64_t by) const {
    return rows(x, at::full({x.size(0)}, by, at::kLong));
}

} // namespace fovea
