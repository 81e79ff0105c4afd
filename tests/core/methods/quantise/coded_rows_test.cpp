// Packed rows taken apart and put together again are the same bytes, and say the same numbers.

#include "core/methods/quantise/coded_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>

#include "core/methods/quantise/rounded_weights.h"
#include "core/methods/quantise/rtn_truth.h"

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

const std::atomic<bool> kGoOn = false;

Weight rounded(const at::Tensor& w, const RtnParams& rtn) {
    RtnFault fault = RtnFault::None;
    const Weight packed = roundMatrix(Weight(w), rtn, kGoOn, fault);
    REQUIRE(fault == RtnFault::None);
    return packed;
}

} // namespace

TEST_CASE("Coded rows are what is packed", "[core.methods]") {
    at::manual_seed(4);
    for (const int bits : kRtnBits)
        for (const auto mode : {RtnParams::Mode::Asymmetric, RtnParams::Mode::Symmetric})
            for (const int columns : {32, 200, 384}) {
                const RtnParams rtn{.bits = bits, .group = 64, .mode = mode};
                INFO(bits << " bits, " << columns << " columns, sym " << (mode == RtnParams::Mode::Symmetric));
                const at::Tensor w = at::randn({5, columns}) + .3;
                const Weight packed = rounded(w, rtn);
                const CodedRows rows = takeApart(packed);
                CHECK(at::equal(decodedRows(rows), rtnTruth(w, rtn, RtnScale::Held)));
                CHECK(at::equal(packRows(rows).stored(), packed.stored()));
            }
}

TEST_CASE("A code that changes changes its value and no other", "[core.methods]") {
    at::manual_seed(5);
    const RtnParams rtn{.bits = 3, .group = 32};
    CodedRows rows = takeApart(rounded(at::randn({2, 96}), rtn));
    const at::Tensor before = decodedRows(rows);
    rows.codes[1][70] = (rows.codes[1][70] + 1) % 8;
    const at::Tensor off = packRows(rows).to(at::kFloat) - before;
    CHECK(off[1][70].item<float>() != 0);
    CHECK((off != 0).sum().item<std::int64_t>() == 1);
}
