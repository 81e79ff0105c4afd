#include "core/calibrate/gptq.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cholesky_inverse.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/linalg_cholesky_ex.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <stdexcept>
#include <tuple>

#include "core/methods/quantise/rtn_truth.h"

namespace fovea {

namespace {

at::Tensor triangle(const at::Tensor& matrix, bool upper) {
    const auto [factor, info] = at::linalg_cholesky_ex(matrix, upper);
    if (info.item<int>() != 0)
        throw std::invalid_argument(
            "the inputs of a matrix have no inverse second moment; calibrate with more blocks or another text");
    return factor;
}

// U of H as it is after damping; H's unused columns are made to be independent of all others.
at::Tensor inverseFactor(const at::Tensor& hessian, const at::Tensor& unused, double damping) {
    const std::int64_t n = hessian.size(0);
    const at::Tensor one = at::eye(n, hessian.options());
    const at::Tensor used = at::where(unused.unsqueeze(1), one, hessian);
    const double level = used.diagonal().mean().item<double>();
    return triangle(at::cholesky_inverse(triangle(used + one * (damping * level), false)), true);
}

// Columns are rounded from left to right; `values` are what they have become by then.
class Columns {
public:
    Columns(const at::Tensor& w, const at::Tensor& factor, const RtnParams& rtn)
        : m_values(w), m_factor(factor), m_rtn(rtn) {}

    CodedRows round(std::int64_t block) {
        const std::int64_t rows = m_values.size(0), n = m_values.size(1),
                           groups = rtnRow(m_rtn, n).groups;
        m_rows = {m_rtn, at::empty({rows, n}, at::kByte), at::empty({rows, groups}, at::kHalf),
                  at::empty({rows, groups}, at::kByte)};
        for (std::int64_t first = 0; first < n; first += block)
            roundBlock(first, std::min(block, n - first));
        return m_rows;
    }

private:
    void roundBlock(std::int64_t first, std::int64_t count) {
        const std::int64_t n = m_values.size(1), end = first + count;
        const at::Tensor errors = at::zeros_like(m_values.narrow(1, first, count));
        for (std::int64_t i = first; i < end; ++i) {
            if (i % m_rtn.group == 0)
                beginGroup(i, std::min<std::int64_t>(m_rtn.group, n - i));
            const at::Tensor w = m_values.narrow(1, i, 1);
            const at::Tensor codes = rtnCodes(w, m_group, m_rtn);
            m_rows.codes.narrow(1, i, 1).copy_(codes);
            const at::Tensor error =
                (w - (codes - m_group.zero) * m_group.scale) / m_factor.select(0, i).select(0, i);
            errors.narrow(1, i - first, 1).copy_(error);
            m_values.narrow(1, i, end - i).sub_(at::matmul(error, row(i, i, end - i)));
        }
        if (end < n)
            m_values.narrow(1, end, n - end)
                .sub_(at::matmul(errors, m_factor.narrow(0, first, count).narrow(1, end, n - end)));
    }

    void beginGroup(std::int64_t first, std::int64_t count) {
        m_group = rtnGroup(m_values.narrow(1, first, count), m_rtn, RtnScale::Held);
        if (!at::isfinite(m_group.scale.to(at::kHalf)).all().item<bool>())
            throw std::invalid_argument("a matrix has weights that no scale in 16 bits can hold");
        m_rows.scales.narrow(1, first / m_rtn.group, 1).copy_(m_group.scale);
        m_rows.zeros.narrow(1, first / m_rtn.group, 1).copy_(m_group.zero);
    }

    at::Tensor row(std::int64_t i, std::int64_t from, std::int64_t count) const {
        return m_factor.narrow(0, i, 1).narrow(1, from, count);
    }

    at::Tensor m_values; // (R, n)
    at::Tensor m_factor; // U
    RtnParams m_rtn;
    RtnGroup m_group; // of the column in work
    CodedRows m_rows;
};

} // namespace

CodedRows gptqRows(const at::Tensor& w, const at::Tensor& hessian, const RtnParams& rtn,
                   const GptqParams& params) {
    const c10::NoGradGuard noGrad;
    const at::Tensor h = hessian.to(at::kDouble);
    if (!at::isfinite(h).all().item<bool>())
        throw std::invalid_argument("the inputs of a matrix are no finite numbers; calibrate another model");
    const at::Tensor unused = h.diagonal() == 0;
    // A copy in any case: it is worked on.
    const at::Tensor values = w.to(at::kDouble).masked_fill(unused.unsqueeze(0), 0);
    return Columns(values, inverseFactor(h, unused, params.damping), rtn).round(params.block);
}

double outputError(const at::Tensor& w, const at::Tensor& rounded, const at::Tensor& hessian) {
    const at::Tensor off = w.to(at::kDouble) - rounded.to(at::kDouble);
    return (at::matmul(off, hessian.to(at::kDouble)) * off).sum().item<double>();
}

} // namespace fovea
