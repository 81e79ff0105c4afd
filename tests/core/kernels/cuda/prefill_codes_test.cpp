// Attention of prompts over rows of codes: the truth reads what core's own coder made of them.

#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/machine.h"
#include "tests/core/kernels/cuda/prefill_case.h"
#include "tests/core/kernels/cuda/stored_elements.h"

using namespace fovea;
using namespace fovea::cuda;

namespace {

constexpr double kTolerance = 4e-6; // rounding in fp32 alone; values are of size 1
const int kBits[] = {8, 4, 3, 2};

PromptCase coded(const RowCodes& codes, PromptCase problem) {
    problem.codes = codes;
    return problem;
}

void checkAgainstTruth(const PromptCase& problem) {
    INFO(problem.text());
    const std::vector<float> first = problem.run(machine::executions().front().stream);
    CHECK(worstDifference(first, problem.truth()) <= kTolerance);
    for (const machine::Execution& execution : machine::executions())
        CHECK(sameBits(problem.run(execution.stream), first));
}

} // namespace

TEST_CASE("A prompt's attention over codes agrees with the definition for all bits, groups and zeros",
          "[core.kernels.cuda][prefill]") {
    for (const int bits : kBits)
        for (const int group : {32, 64, 128})
            for (const int zeroBytes : {0, 1, 2})
                checkAgainstTruth(coded({bits, group, zeroBytes}, {ElementType::F32, 1, 1, 128, {{20, 20}}}));
}

// Units of 16, 8 and 4 lanes, and the string of bits behind them; in each of the three widths of tiles.
TEST_CASE("A prompt's attention takes codes of any layout", "[core.kernels.cuda][prefill]") {
    for (const int bits : kBits)
        for (const int headDim : {8, 16, 48, 72, 112, 160, 232, 256}) {
            if (bits == 3 && headDim % 16 != 0)
                continue;
            checkAgainstTruth(coded({bits, 32, 1}, {ElementType::F32, 1, 1, headDim, {{30, 12}}}));
        }
}

TEST_CASE("A prompt over codes has heads, windows, texts and blocks as one over floats has",
          "[core.kernels.cuda][prefill]") {
    checkAgainstTruth(coded({4, 32, 1}, {ElementType::BF16, 2, 2, 32, {{0, 80}, {50, 1}, {7, 64}}, 24}));
    checkAgainstTruth(
        coded({3, 64, 2},
              {ElementType::F32, 1, 4, 32, {{200, 70}}, 64, {{4, 20}, {0, 33}, {70, 0}, {1, 1000}}, 150}));
    checkAgainstTruth(
        coded({8, 32, 1}, {ElementType::F16, 1, 2, 16, {{300, 66}}, 32, {{4, 30}, {4, 60}}, 250, 0, true}));
    checkAgainstTruth(
        coded({2, 128, 0}, {ElementType::F32, 1, 1, 64, {{20, 50}}, 64, {}, kUnboundedReach, 0.5f}));
}

TEST_CASE("A group of codes that stands for nothing finite reaches who sees it alone",
          "[core.kernels.cuda][prefill]") {
    for (const int bits : kBits) {
        PromptCase problem =
            coded({bits, 32, 1}, {ElementType::F32, 1, 2, 64, {{30, 70}}, 64, {{2, 15}, {0, 40}}});
        problem.behindTheLastSlot = std::numeric_limits<float>::infinity();
        problem.changedValue = [](int, std::int64_t j, int c, float x) {
            return j == 50 && c == 7 ? std::numeric_limits<float>::quiet_NaN() : x;
        };
        checkAgainstTruth(problem);
        const std::vector<float> out = problem.run(machine::executions().front().stream);
        for (std::size_t i = 0; i < out.size(); ++i) {
            const int c = static_cast<int>(i % 64), head = static_cast<int>(i / 64 % 2);
            const auto query = static_cast<std::int64_t>(i / 128);
            REQUIRE(std::isfinite(out[i]) == !(c < 32 && problem.sees(head, 30 + query, 50)));
        }
    }
}
