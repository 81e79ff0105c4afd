// Attention of prompts, wherever machine.h says it runs.

#include <algorithm>
#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/machine.h"
#include "tests/core/kernels/cuda/prefill_case.h"
#include "tests/core/kernels/cuda/stored_elements.h"

using namespace fovea;
using namespace fovea::cuda;
using machine::Execution;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Rounding in fp32 alone, and of queries and weights in two halves; values are of size 1.
constexpr double kTolerance = 4e-6, kMatrixTolerance = 4e-5;

bool byMatrices(const PromptCase& problem) {
    return problem.matrixUnits && problem.codes.bits == 0 && problem.type != ElementType::F32 &&
           problem.headDim <= 128;
}

void checkOneKernel(const PromptCase& problem) {
    INFO(problem.text() << (byMatrices(problem) ? " by matrix units" : ""));
    const std::vector<double> truth = problem.truth();
    const std::vector<float> first = problem.run(machine::executions().front().stream);
    CHECK(worstDifference(first, truth) <= (byMatrices(problem) ? kMatrixTolerance : kTolerance));
    for (const Execution& execution : machine::executions())
        CHECK(sameBits(problem.run(execution.stream), first));
}

// By both kernels, where there are two.
void checkAgainstTruth(PromptCase problem) {
    checkOneKernel(problem);
    if (!byMatrices(problem))
        return;
    problem.matrixUnits = false;
    checkOneKernel(problem);
}

} // namespace

TEST_CASE("A prompt's attention agrees with the definition for each type and width",
          "[core.kernels.cuda][prefill]") {
    for (const ElementType type : kElementTypes)
        for (const int headDim : {8, 32, 64, 72, 128, 136, 256})
            checkAgainstTruth({type, 1, 2, headDim, {{5, 40}}});
}

TEST_CASE("A prompt's attention agrees with the definition for any number of queries and tokens",
          "[core.kernels.cuda][prefill]") {
    for (const std::int64_t first : {0, 1, 32, 95})
        for (const int queries : {1, 31, 64, 65})
            checkAgainstTruth({ElementType::BF16, 1, 1, 16, {{first, queries}}});
}

TEST_CASE("A prompt's heads share K and V, in blocks of any size", "[core.kernels.cuda][prefill]") {
    for (const int slotsPerBlock : {1, 3, 16, 32, 100, 256})
        checkAgainstTruth({ElementType::F16, 2, 3, 24, {{70, 20}}, slotsPerBlock});
}

TEST_CASE("Heads of a prompt see sinks and a window each, and what the model sees",
          "[core.kernels.cuda][prefill]") {
    for (const std::int64_t reach : {kUnboundedReach, std::int64_t{150}, std::int64_t{40}, std::int64_t{0}})
        checkAgainstTruth(
            {ElementType::F32, 1, 4, 32, {{200, 70}}, 64, {{4, 20}, {0, 33}, {70, 0}, {1, 1000}}, reach});
    checkAgainstTruth({ElementType::BF16, 2, 1, 32, {{0, 200}}, 64, {{0, 0}, {2, 64}}});
}

TEST_CASE("Windows of a prompt may grow with the text", "[core.kernels.cuda][prefill]") {
    PromptCase problem{ElementType::F32, 1, 2, 16, {{120, 90}, {0, 7}}, 64, {{3, 0}, {0, 0}}};
    problem.oldest = [](std::int64_t p) { return p - p / 3 - 5; };
    checkAgainstTruth(problem);
    problem.reach = 50;
    checkAgainstTruth(problem);
}

TEST_CASE("Tokens may lie in any slot, and what nobody sees may be gone", "[core.kernels.cuda][prefill]") {
    checkAgainstTruth({ElementType::F16, 2, 2, 16, {{150, 50}, {10, 33}}, 32, {}, kUnboundedReach, 0, true});
    checkAgainstTruth({ElementType::F16, 1, 2, 16, {{300, 66}}, 32, {{4, 30}, {4, 60}}, 250, 0, true});
}

TEST_CASE("Prompts of several texts are one launch, whatever their lengths", "[core.kernels.cuda][prefill]") {
    checkAgainstTruth({ElementType::BF16, 2, 2, 32, {{0, 80}, {50, 1}, {7, 64}, {0, 2}}});
}

TEST_CASE("Logits of a prompt are capped before they are weighed", "[core.kernels.cuda][prefill]") {
    PromptCase problem{ElementType::F32, 1, 1, 64, {{20, 50}}};
    problem.softcap = 0.5f;
    checkAgainstTruth(problem);
}

TEST_CASE("A prompt's first query is given the value it sees, and equal values come back",
          "[core.kernels.cuda][prefill]") {
    PromptCase problem{ElementType::F32, 1, 1, 16, {{0, 3}}};
    problem.changedValue = [](int, std::int64_t, int c, float) { return static_cast<float>(c); };
    for (const Execution& execution : machine::executions()) {
        const std::vector<float> out = problem.run(execution.stream);
        for (std::size_t i = 0; i < out.size(); ++i)
            CHECK(out[i] == Approx(static_cast<float>(i % 16)).epsilon(1e-6));
    }
}

TEST_CASE("What a query does not see cannot reach it, even infinite", "[core.kernels.cuda][prefill]") {
    for (const float odd : {kInfinity, -kInfinity, kNaN}) {
        PromptCase problem{ElementType::F16, 1, 2, 40, {{30, 70}}, 64, {{2, 15}, {0, 40}}};
        problem.behindTheLastSlot = odd;
        const std::int64_t where = 50;
        problem.changedValue = [=](int, std::int64_t j, int c, float x) {
            return j == where && c == 7 ? odd : x;
        };
        checkAgainstTruth(problem);
        for (const bool matrixUnits : {false, true}) {
            problem.matrixUnits = matrixUnits;
            const std::vector<float> out = problem.run(machine::executions().front().stream);
            for (std::size_t i = 0; i < out.size(); ++i) {
                const auto c = static_cast<int>(i % 40), head = static_cast<int>(i / 40 % 2);
                const auto query = static_cast<int>(i / 80);
                INFO("query " << query << " head " << head << " component " << c);
                REQUIRE(std::isfinite(out[i]) == !(c == 7 && problem.sees(head, 30 + query, where)));
            }
        }
    }
}

TEST_CASE("A query that sees nothing is given zeros", "[core.kernels.cuda][prefill]") {
    PromptCase problem{ElementType::F32, 1, 1, 32, {{0, 40}}, 64, {{0, 0}}};
    problem.oldest = [](std::int64_t p) { return p + 1; };
    for (const Execution& execution : machine::executions())
        for (const float x : problem.run(execution.stream))
            REQUIRE(x == 0.0f);
}

TEST_CASE("Prompts that the kernel cannot take are refused with the reason", "[core.kernels.cuda][prefill]") {
    using Catch::Contains;
    alignas(16) float memory[64] = {};
    const void* block = memory;
    std::int64_t number = 1;
    const auto whyNot = [&](const auto& change) {
        AttendPrompt chunk;
        chunk.heads = 4, chunk.kvHeads = 2, chunk.headDim = 16, chunk.queries = 1;
        chunk.q = chunk.out = memory, chunk.keys = chunk.values = &block;
        chunk.slots = chunk.firstPositions = &number;
        change(chunk);
        const std::string why = refusal(chunk);
        if (!why.empty())
            CHECK_THROWS_AS(attendPrompt(chunk, machine::executions().front().stream), std::invalid_argument);
        return why;
    };
    CHECK(whyNot([](AttendPrompt&) {}) == "");
    CHECK_THAT(whyNot([](AttendPrompt& c) { c.kvHeads = 3; }), Contains("4 and 3"));
    CHECK_THAT(whyNot([](AttendPrompt& c) { c.texts = 0; }), Contains("got 0 and 4"));
    CHECK_THAT(whyNot([](AttendPrompt& c) { c.headDim = 260; }), Contains("up to 256"));
    CHECK_THAT(whyNot([](AttendPrompt& c) { c.headDim = 12, c.type = ElementType::F16; }),
               Contains("multiple of 8"));
    CHECK_THAT(whyNot([](AttendPrompt& c) { c.codes.bits = 5; }), Contains("got 5"));
    CHECK_THAT(whyNot([](AttendPrompt& c) { c.codes.bits = 3, c.headDim = 24; }), Contains("multiple of 16"));
    CHECK_THAT(whyNot([](AttendPrompt& c) { c.queries = 0; }), Contains("got 0"));
    CHECK_THAT(whyNot([](AttendPrompt& c) { c.slotsPerBlock = 0; }), Contains("at least one slot"));
    CHECK_THAT(whyNot([](AttendPrompt& c) { c.softcap = -1; }), Contains("soft-cap"));
    CHECK_THAT(whyNot([](AttendPrompt& c) { c.reach = -1; }), Contains("reaches back"));
    CHECK_THAT(whyNot([](AttendPrompt& c) { c.slots = nullptr; }), Contains("null"));
    CHECK_THAT(whyNot([](AttendPrompt& c) { c.turns.sinks = 1, c.turns.pairs = 9; }), Contains("9 pairs"));
    CHECK_THAT(whyNot([](AttendPrompt& c) { c.turns.sinks = 1, c.turns.pairs = 8; }), Contains("angles"));
    CHECK_THAT(whyNot([&](AttendPrompt& c) { c.q = memory + 1; }), Contains("aligned"));
}
