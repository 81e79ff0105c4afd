// The attention kernel over rows of codes: the truth reads what core's own coder made of them.

#include <cmath>
#include <limits>
#include <vector>

#include "tests/core/kernels/cuda/attention_checks.h"

using namespace fovea;
using namespace fovea::cuda;

namespace {

const int kBits[] = {8, 4, 3, 2};

Geometry coded(int bits, int codeGroup, int zeroBytes, int headDim, int group = 1, std::int64_t slots = 35,
               int splits = 1) {
    return {ElementType::F32, 1, group, headDim, slots, splits, 64, {bits, codeGroup, zeroBytes}};
}

} // namespace

TEST_CASE("Attention over codes agrees with the definition for all bits, groups and zeros",
          "[core.kernels.cuda]") {
    for (const int bits : kBits)
        for (const int codeGroup : {32, 64, 128, 256})
            for (const int zeroBytes : {0, 1, 2})
                for (const int headDim : {64, 128, 256})
                    checkAgainstTruth(coded(bits, codeGroup, zeroBytes, headDim));
}

// Units of 16, 8 and 4 lanes, and the string of bits behind them.
TEST_CASE("Attention over codes takes rows of any layout", "[core.kernels.cuda]") {
    for (const int bits : kBits)
        for (const int codeGroup : {32, 128})
            for (const int headDim : {8, 16, 24, 32, 40, 48, 72, 80, 96, 112, 120, 160, 192, 224, 232, 240}) {
                if (bits == 3 && headDim % 16 != 0)
                    continue;
                checkAgainstTruth(coded(bits, codeGroup, 1, headDim, 2));
            }
}

TEST_CASE("Attention over codes serves any group of query heads and any split", "[core.kernels.cuda]") {
    for (const int bits : kBits)
        for (const int group : {1, 2, 4, 5, 8, 12})
            for (const int codeGroup : {64, 128})
                checkAgainstTruth(coded(bits, codeGroup, 2, 128, group, 150, 3));
}

TEST_CASE("Values far from zero keep what free zeros keep of them", "[core.kernels.cuda]") {
    for (const int bits : kBits) {
        AttentionCase problem(coded(bits, 64, 2, 128, 2, 80, 2));
        for (std::int64_t slot = 0; slot < 80; ++slot)
            for (int c = 0; c < 128; ++c)
                problem.setValue(0, slot, c, problem.value(0, slot, c) / 4 + 30.0f);
        const std::vector<double> truth = problem.truth();
        for (const machine::Execution& execution : machine::executions())
            CHECK(worstError(problem.run(execution.stream), truth) <= 30 * kTolerance); // of size 30
    }
}

TEST_CASE("A row of codes that no live slot owns cannot reach the output", "[core.kernels.cuda]") {
    for (const int bits : kBits)
        for (const std::int64_t slots : {1, 65, 127}) {
            AttentionCase problem(coded(bits, 32, 1, 96, 4, slots, 2));
            for (const machine::Execution& execution : machine::executions()) {
                problem.behindTheLastSlot = 0.0f;
                const std::vector<float> clean = problem.run(execution.stream);
                problem.behindTheLastSlot = std::numeric_limits<float>::infinity();
                CHECK(sameBits(problem.run(execution.stream), clean));
                problem.behindTheLastSlot = std::numeric_limits<float>::quiet_NaN();
                CHECK(sameBits(problem.run(execution.stream), clean));
            }
        }
}

TEST_CASE("A NaN in a live row of codes does reach the output of its head, and of no other",
          "[core.kernels.cuda]") {
    for (const int codeGroup : {32, 128}) {
        AttentionCase problem({ElementType::F32, 2, 2, 64, 90, 3, 64, {4, codeGroup, 1}});
        problem.setKey(1, 77, 5, std::numeric_limits<float>::quiet_NaN());
        for (const machine::Execution& execution : machine::executions()) {
            const std::vector<float> out = problem.run(execution.stream);
            for (std::size_t i = 0; i < out.size(); ++i)
                REQUIRE(std::isnan(out[i]) == (i >= 2 * 64));
        }
    }
}

TEST_CASE("Codes give the same bits in every order of execution", "[core.kernels.cuda]") {
    for (const int bits : kBits) {
        const AttentionCase problem(coded(bits, 64, 1, 128, 4, 333, 5));
        const std::vector<float> first = problem.run(machine::executions().front().stream);
        for (const machine::Execution& execution : machine::executions())
            CHECK(sameBits(problem.run(execution.stream), first));
    }
}
