// The dense decode kernel, wherever machine.h says it runs.

#include <cmath>
#include <limits>
#include <vector>

#include "tests/core/kernels/cuda/attention_checks.h"

using namespace fovea;
using namespace fovea::cuda;

namespace {

const ElementType kTypes[] = {ElementType::F32, ElementType::F16, ElementType::BF16};

} // namespace

TEST_CASE("Attention agrees with the definition for each type, width and sharing of heads",
          "[core.kernels.cuda]") {
    struct Sharing {
        int kvHeads, group;
    };
    for (const ElementType type : kTypes)
        for (const int headDim : {8, 32, 64, 96, 128, 256})
            for (const Sharing sharing : {Sharing{2, 1}, Sharing{2, 2}, Sharing{1, 4}})
                checkAgainstTruth({type, sharing.kvHeads, sharing.group, headDim, 67, 2});
}

TEST_CASE("Attention agrees with the definition for every number of tokens", "[core.kernels.cuda]") {
    for (const ElementType type : kTypes)
        for (const std::int64_t slots : {1, 2, 15, 31, 32, 33, 63, 64, 65, 127, 129, 511, 1025})
            checkAgainstTruth({type, 1, 2, 64, slots, slots > 500 ? 3 : 1});
}

TEST_CASE("Attention agrees with the definition over a long context", "[core.kernels.cuda]") {
    checkAgainstTruth({ElementType::BF16, 1, 4, 128, 9001, 13, 256});
}

TEST_CASE("Attention agrees with the definition however the tokens are split", "[core.kernels.cuda]") {
    for (const std::int64_t slots : {1, 100, 300})
        for (const int splits : {1, 2, 3, 7, 33, 64}) // more splits than steps leaves some with nothing
            checkAgainstTruth({ElementType::F16, 2, 1, 128, slots, splits});
}

TEST_CASE("Attention agrees with the definition for any group of query heads", "[core.kernels.cuda]") {
    for (const int group : {3, 5, 7, 8, 9, 12, 16, 20})
        checkAgainstTruth({ElementType::BF16, 1, group, 64, 70, 2});
}

TEST_CASE("Attention agrees with the definition for any size of block", "[core.kernels.cuda]") {
    for (const int slotsPerBlock : {1, 3, 16, 100, 256})
        checkAgainstTruth({ElementType::F32, 2, 2, 32, 150, 3, slotsPerBlock});
}

TEST_CASE("Attention takes any row of whole 16-byte words", "[core.kernels.cuda]") {
    for (const int headDim : {8, 24, 40, 72, 80, 112, 136, 160, 192, 248})
        for (const ElementType type : kTypes)
            checkAgainstTruth({type, 1, 1, headDim, 35, 1});
    for (const int headDim : {4, 12, 36, 100, 252})
        checkAgainstTruth({ElementType::F32, 1, 2, headDim, 35, 2});
}

TEST_CASE("With one token attention is its value, whatever the score", "[core.kernels.cuda]") {
    for (const int splits : {1, 5}) {
        AttentionCase problem({ElementType::F16, 2, 2, 64, 1, splits});
        for (const machine::Execution& execution : machine::executions()) {
            const std::vector<float> out = problem.run(execution.stream);
            for (int head = 0; head < 4; ++head)
                for (int c = 0; c < 64; ++c)
                    REQUIRE(out[static_cast<std::size_t>(head * 64 + c)] == problem.value(head / 2, 0, c));
        }
    }
}

TEST_CASE("Equal scores give the mean of the values", "[core.kernels.cuda]") {
    AttentionCase problem({ElementType::F32, 1, 2, 32, 257, 3});
    for (std::int64_t slot = 0; slot < 257; ++slot)
        for (int c = 0; c < 32; ++c)
            problem.setKey(0, slot, c, 0.25f);
    std::vector<double> mean(64, 0.0);
    for (std::int64_t slot = 0; slot < 257; ++slot)
        for (int c = 0; c < 64; ++c)
            mean[static_cast<std::size_t>(c)] += problem.value(0, slot, c % 32) / 257.0;
    for (const machine::Execution& execution : machine::executions())
        CHECK(worstError(problem.run(execution.stream), mean) <= kTolerance);
}

TEST_CASE("Scores whose exponentials leave fp32's range are still weighed", "[core.kernels.cuda]") {
    AttentionCase problem({ElementType::F32, 1, 1, 64, 200, 4});
    for (const float scale : {30.0f, -30.0f}) { // scores of several hundred, rising and falling
        problem.scale = scale;
        const std::vector<double> truth = problem.truth();
        for (const machine::Execution& execution : machine::executions())
            // An error of 2^-24 in a score of 700 is one of 4e-5 in its weight.
            CHECK(worstError(problem.run(execution.stream), truth) <= 5e-4);
    }
}

TEST_CASE("A row that no live slot owns cannot reach the output, even infinite", "[core.kernels.cuda]") {
    for (const ElementType type : kTypes)
        for (const std::int64_t slots : {1, 65, 127}) {
            AttentionCase problem({type, 2, 4, 96, slots, 2});
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

TEST_CASE("A NaN in a live row does reach the output of its head, and of no other", "[core.kernels.cuda]") {
    AttentionCase problem({ElementType::F16, 2, 2, 64, 90, 3});
    problem.setKey(1, 77, 5, std::numeric_limits<float>::quiet_NaN());
    for (const machine::Execution& execution : machine::executions()) {
        const std::vector<float> out = problem.run(execution.stream);
        for (std::size_t i = 0; i < out.size(); ++i)
            REQUIRE(std::isnan(out[i]) == (i >= 2 * 64));
    }
}

TEST_CASE("KV heads may hold different numbers of tokens, or none", "[core.kernels.cuda]") {
    for (const int splits : {1, 4}) {
        AttentionCase problem({ElementType::BF16, 4, 2, 64, 130, splits});
        problem.slots = {130, 1, 0, 64};
        checkAgainstTruth(problem); // whose truth is zero where there is nothing to attend to
    }
}

TEST_CASE("The same step gives the same bits in every order of execution", "[core.kernels.cuda]") {
    const AttentionCase problem({ElementType::F32, 2, 4, 128, 333, 5});
    const std::vector<float> first = problem.run(machine::executions().front().stream);
    for (const machine::Execution& execution : machine::executions())
        for (int repeat = 0; repeat < 2; ++repeat)
            CHECK(sameBits(problem.run(execution.stream), first));
}
