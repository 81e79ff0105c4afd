#pragma once
// A tensor's numbers against those worked out by hand. Includes catch2, so it comes last.

#include <ATen/core/Tensor.h>

#include <cmath>
#include <vector>

#include <catch2/catch.hpp>

namespace fovea::test {

inline std::vector<float> floatsOf(const at::Tensor& t) {
    const at::Tensor flat = t.to(at::kFloat).contiguous();
    return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

inline void requireNear(const std::vector<float>& got, const std::vector<double>& wanted, double within) {
    REQUIRE(got.size() == wanted.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
        INFO("value " << i << " is " << got[i]);
        REQUIRE(std::abs(got[i] - wanted[i]) <= within);
    }
}

} // namespace fovea::test
