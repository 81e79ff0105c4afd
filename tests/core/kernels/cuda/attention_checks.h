#pragma once
// How the tests of attention hold it against its truth. Included last: it brings catch2.

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/attention_case.h"
#include "tests/core/kernels/cuda/machine.h"
#include "tests/core/kernels/cuda/stored_elements.h"

namespace fovea::cuda {

// Rounding in fp32 alone, since the truth reads the rows as the cache gives them back. Values are of size 1.
constexpr double kTolerance = 4e-6;

// Infinite where there is a NaN.
inline double worstError(const std::vector<float>& out, const std::vector<double>& truth) {
    REQUIRE(out.size() == truth.size());
    double worst = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
        const double error = std::abs(out[i] - truth[i]);
        worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(worst, error);
    }
    return worst;
}

inline void checkAgainstTruth(const AttentionCase& problem) {
    const std::vector<double> truth = problem.truth();
    for (const machine::Execution& execution : machine::executions()) {
        INFO(execution.name);
        CHECK(worstError(problem.run(execution.stream), truth) <= kTolerance);
    }
}

inline void checkAgainstTruth(const Geometry& geometry) {
    INFO(geometry.text());
    checkAgainstTruth(AttentionCase(geometry));
}

} // namespace fovea::cuda
