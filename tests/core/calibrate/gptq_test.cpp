// GPTQ against hand-worked vectors, against the elimination that its Cholesky form stands for, and against RTN.

#include "core/calibrate/gptq.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_inv.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <limits>

#include "core/methods/quantise/rtn_truth.h"

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

// (2/N) Σ x·xᵀ of inputs whose channels go together and differ in size.
at::Tensor correlated(std::int64_t n, std::int64_t tokens) {
    const at::Tensor mixed = at::matmul(at::randn({n, n}), at::randn({n, tokens})) + at::randn({n, tokens});
    return (at::matmul(mixed, mixed.t()) * (2. / static_cast<double>(tokens))).to(at::kDouble);
}

at::Tensor rtn(const at::Tensor& w, const RtnParams& params) {
    return rtnTruth(w, params, RtnScale::Held);
}

// The paper's equations (2) and (3) word for word: after each column H⁻¹ is that of the columns left.
at::Tensor byElimination(const at::Tensor& w, at::Tensor hessian, const RtnParams& params, double damping) {
    const std::int64_t n = w.size(1);
    hessian = hessian + at::eye(n, at::kDouble) * (damping * hessian.diagonal().mean());
    at::Tensor inverse = at::linalg_inv(hessian), values = w.to(at::kDouble).clone();
    RtnGroup group;
    for (std::int64_t i = 0; i < n; ++i) {
        if (i % params.group == 0)
            group = rtnGroup(values.narrow(1, i, std::min<std::int64_t>(params.group, n - i)).clone(), params,
                             RtnScale::Held);
        const at::Tensor column = values.narrow(1, i, 1).clone();
        const at::Tensor rounded = (rtnCodes(column, group, params) - group.zero) * group.scale;
        const at::Tensor row = inverse.narrow(0, i, 1), pivot = inverse[i][i];
        values = values - at::matmul((column - rounded) / pivot, row);
        inverse = inverse - at::outer(inverse.select(1, i), inverse.select(0, i)) / pivot;
        values.narrow(1, i, 1).copy_(rounded); // what was rounded stays, up to what is lost in sums
    }
    return values.to(at::kFloat);
}

} // namespace

TEST_CASE("GPTQ makes good what a column lost, by hand", "[core.calibrate]") {
    // Columns 0 and 1 go together by .9. At 2 bits s = 2/3 and z = 2: −1 becomes −4/3 and leaves 1/3, of which .3 goes to
    // the second column, whose .6 is then nearest to 2/3; RTN has 0 there.
    const RtnParams two{.bits = 2, .group = 32};
    const at::Tensor w = at::tensor({-1., .3, .3, 1.}).unsqueeze(0);
    at::Tensor hessian = at::eye(4, at::kDouble);
    hessian[0][1] = hessian[1][0] = .9;
    const double s = at::tensor(2. / 3).to(at::kHalf).item<double>();
    const auto near = [](const at::Tensor& got, std::initializer_list<double> wanted) {
        return (got.to(at::kDouble) - at::tensor(wanted)).abs().max().item<double>() < 1e-6;
    };
    CHECK(near(rtn(w, two)[0], {-2 * s, 0, 0, s}));
    const CodedRows rows = gptqRows(w, hessian, two, {.damping = 0});
    CHECK(near(decodedRows(rows)[0], {-2 * s, s, 0, s}));
    CHECK(rows.scales[0][0].item<double>() == s);
    CHECK(rows.zeros[0][0].item<int>() == 2);
}

TEST_CASE("GPTQ is RTN where the inputs have nothing to do with each other", "[core.calibrate]") {
    at::manual_seed(11);
    const at::Tensor w = at::randn({7, 300});
    for (const int bits : kRtnBits)
        for (const int group : {32, 128, 256}) {
            const RtnParams params{.bits = bits, .group = group};
            CHECK(at::equal(decodedRows(gptqRows(w, at::eye(300) * 3, params)), rtn(w, params)));
        }
}

TEST_CASE("GPTQ is the elimination of its paper, whatever the blocks", "[core.calibrate]") {
    at::manual_seed(12);
    for (const int group : {32, 64, 128}) {
        const RtnParams params{.bits = 3, .group = group};
        const at::Tensor w = at::randn({6, 160}), hessian = correlated(160, 500);
        const at::Tensor wanted = byElimination(w, hessian, params, .01);
        for (const std::int64_t block : {std::int64_t{128}, std::int64_t{64}, std::int64_t{1024}}) {
            INFO("group " << group << ", block " << block);
            const at::Tensor got = decodedRows(gptqRows(w, hessian, params, {.block = block}));
            // A value halfway between two codes may fall to either side: a step, in few places.
            CHECK(((got - wanted).abs() > 1e-4).sum().item<std::int64_t>() <= 2);
            CHECK(outputError(w, got, hessian) ==
                  Approx(outputError(w, wanted, hessian)).epsilon(.01));
        }
    }
}

TEST_CASE("GPTQ's outputs err less than RTN's on inputs that go together", "[core.calibrate]") {
    at::manual_seed(13);
    for (const int bits : {4, 3, 2})
        for (const int group : {32, 128}) {
            const RtnParams params{.bits = bits, .group = group};
            const at::Tensor w = at::randn({40, 192}), hessian = correlated(192, 600);
            const double off = outputError(w, decodedRows(gptqRows(w, hessian, params)), hessian),
                         rounded = outputError(w, rtn(w, params), hessian);
            INFO(bits << " bits in groups of " << group << ": " << off << " of " << rounded);
            CHECK(off < .6 * rounded);
        }
}

TEST_CASE("A channel that is never used costs GPTQ nothing", "[core.calibrate]") {
    at::manual_seed(14);
    const RtnParams params{.bits = 3, .group = 32};
    const at::Tensor w = at::randn({3, 64});
    at::Tensor hessian = correlated(64, 200);
    hessian.narrow(0, 5, 1).zero_();
    hessian.narrow(1, 5, 1).zero_();
    const at::Tensor got = decodedRows(gptqRows(w, hessian, params));
    CHECK(got.select(1, 5).abs().max().item<float>() == 0);
    at::Tensor without = w.clone();
    without.select(1, 5).zero_();
    CHECK(outputError(without, got, hessian) < outputError(without, rtn(without, params), hessian));
    // No channel is used at all: nothing is divided by nothing.
    CHECK(decodedRows(gptqRows(w, at::zeros({64, 64}), params)).abs().max().item<float>() == 0);
}

TEST_CASE("GPTQ refuses inputs and weights that are no numbers", "[core.calibrate]") {
    const RtnParams params{.bits = 4, .group = 32};
    at::Tensor hessian = at::eye(32, at::kDouble);
    hessian[3][3] = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_WITH(gptqRows(at::randn({2, 32}), hessian, params), Catch::Contains("no finite numbers"));
    hessian[3][3] = -5.;
    CHECK_THROWS_WITH(gptqRows(at::randn({2, 32}), hessian, params), Catch::Contains("no inverse"));
    CHECK_THROWS_WITH(gptqRows(at::randn({2, 32}) * 1e8, at::eye(32), params), Catch::Contains("16 bits"));
}
