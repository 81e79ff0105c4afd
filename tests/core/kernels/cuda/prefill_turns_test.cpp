// Prompts that meet their sinks at another distance than their own.

#include <algorithm>
#include <limits>

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/machine.h"
#include "tests/core/kernels/cuda/prefill_case.h"
#include "tests/core/kernels/cuda/stored_elements.h"

using namespace fovea;
using namespace fovea::cuda;

namespace {

// As prefill_test.cpp has them; a turned score is fp32 on the matrix units too.
constexpr double kTolerance = 4e-6, kMatrixTolerance = 4e-5;

// At most `cap` back (LM-Infinite); or where the cache has them, behind what has left from between (StreamingLLM).
auto capped(std::int64_t cap) {
    return [=](std::int64_t p, std::int64_t j) { return std::min(p - j, cap) - (p - j); };
}
auto inCache(std::int64_t sinks, std::int64_t window) {
    return [=](std::int64_t p, std::int64_t) { return std::min<std::int64_t>(0, sinks + window - p); };
}

void checkAgainstTruth(PromptCase problem) {
    const bool units = problem.codes.bits == 0 && problem.type != ElementType::F32 && problem.headDim <= 128;
    for (const bool matrixUnits : {true, false}) {
        problem.matrixUnits = matrixUnits;
        INFO(problem.text() << ", " << problem.rotated << " turned"
                            << (matrixUnits ? " by matrix units" : ""));
        const std::vector<float> first = problem.run(machine::executions().front().stream);
        CHECK(worstDifference(first, problem.truth()) <=
              (units && matrixUnits ? kMatrixTolerance : kTolerance));
        for (const machine::Execution& execution : machine::executions())
            CHECK(sameBits(problem.run(execution.stream), first));
    }
}

PromptCase turned(PromptCase problem, std::int64_t sinks, int rotated, const auto& by) {
    problem.spans.assign(static_cast<std::size_t>(problem.heads()), {sinks, 20});
    problem.turnedSinks = sinks;
    problem.rotated = rotated;
    problem.turnedBy = by;
    return problem;
}

} // namespace

TEST_CASE("A prompt's queries are turned for sinks, in each type and width", "[core.kernels.cuda][prefill]") {
    for (const ElementType type : kElementTypes)
        for (const int headDim : {8, 40, 64, 72, 128, 136, 256})
            for (const int rotated : {headDim, headDim / 4 * 2, 0})
                checkAgainstTruth(turned({type, 1, 2, headDim, {{13, 40}}}, 3, rotated, capped(17)));
    for (const int bits : {8, 4, 3, 2}) {
        PromptCase problem = turned({ElementType::F32, 1, 2, 48, {{13, 40}}}, 3, 48, inCache(3, 20));
        problem.codes = {bits, 32, 1};
        checkAgainstTruth(problem);
    }
}

TEST_CASE("Turned queries of a prompt come in any number, in several texts, with sinks in any slot and of "
          "several tiles",
          "[core.kernels.cuda][prefill]") {
    for (const int queries : {1, 7, 65})
        for (const std::int64_t first : {0, 1, 90})
            checkAgainstTruth(
                turned({ElementType::BF16, 2, 1, 16, {{first, queries}}}, 4, 16, inCache(4, 20)));
    checkAgainstTruth(
        turned({ElementType::F16, 2, 2, 32, {{0, 80}, {50, 1}, {107, 64}, {0, 2}}}, 5, 20, capped(9)));
    PromptCase many = turned({ElementType::F32, 1, 1, 16, {{200, 70}}, 24}, 70, 16, inCache(70, 20));
    checkAgainstTruth(many);
    many.shuffled = true;
    checkAgainstTruth(many);
    many.reach = 240;
    checkAgainstTruth(many);
    many.softcap = 0.5f;
    checkAgainstTruth(many);
}

TEST_CASE("A turned query reaches no value that it does not see, even infinite",
          "[core.kernels.cuda][prefill]") {
    for (const ElementType type : {ElementType::F32, ElementType::BF16}) {
        PromptCase problem = turned({type, 1, 1, 24, {{0, 60}}}, 3, 24, capped(5));
        problem.behindTheLastSlot = std::numeric_limits<float>::infinity();
        problem.changedValue = [](int, std::int64_t j, int c, float x) {
            return (j == 2 || j == 7) && c == 4 ? std::numeric_limits<float>::infinity() : x;
        };
        checkAgainstTruth(problem);
    }
}
