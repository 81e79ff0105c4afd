// Top-k V's choice of values, wherever machine.h says it runs.

#include <algorithm>
#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/topv_case.h"

using namespace fovea;
using namespace fovea::cuda;

namespace {

const ElementType kTypes[] = {ElementType::F32, ElementType::F16, ElementType::BF16};

Stream firstStream() {
    return machine::executions().front().stream;
}

void check(const ReadCase& problem, int tokens = 16) {
    INFO(problem.geometry.text() << " k=" << tokens);
    const TopvOutcome first = runTopv(problem, tokens, firstStream());
    CHECK(wrongTopv(problem, tokens, first) == "");
    for (const machine::Execution& execution : machine::executions()) {
        INFO(execution.name);
        CHECK(runTopv(problem, tokens, execution.stream) == first);
    }
}

// The sum of what was chosen, against the definition, the same bits everywhere.
void checkSum(const ReadCase& problem, int tokens) {
    INFO(problem.geometry.text() << " k=" << tokens);
    const TopvOutcome outcome = runTopv(problem, tokens, firstStream());
    for (const bool renormalise : {false, true}) {
        const std::vector<double> truth = trueSum(problem, tokens, outcome, renormalise);
        const std::vector<float> first = chosenValues(problem, tokens, outcome, renormalise, firstStream());
        for (std::size_t i = 0; i < truth.size(); ++i)
            REQUIRE(std::abs(first[i] - truth[i]) <= 4e-6);
        for (const machine::Execution& execution : machine::executions())
            CHECK(sameBits(chosenValues(problem, tokens, outcome, renormalise, execution.stream), first));
    }
}

} // namespace

TEST_CASE("The chosen values are summed by their weights, those kept or renormalised",
          "[core.kernels.cuda]") {
    for (const ElementType type : kTypes)
        for (const int headDim : {8, 64, 96, 256})
            for (const int group : {1, 3, 9})
                checkSum(ReadCase({type, 2, group, headDim, 70}), 17);
    for (const int tokens : {1, 16, 63, 64, 65, 300})
        checkSum(ReadCase({ElementType::F16, 1, 2, 32, 257, 16}), tokens);
    ReadCase ragged({ElementType::F32, 4, 2, 64, 100});
    ragged.slots = {100, 0, 1, 33};
    checkSum(ragged, 40);
}

TEST_CASE("Top-k V's choice is the definition's for each type, width and sharing of heads",
          "[core.kernels.cuda]") {
    for (const ElementType type : kTypes)
        for (const int headDim : {8, 64, 96, 256})
            for (const int group : {1, 2, 7, 9})
                check(ReadCase({type, 2, group, headDim, 131}));
}

TEST_CASE("Top-k V's choice is the definition's for every number of tokens", "[core.kernels.cuda]") {
    for (const std::int64_t slots : {1, 15, 16, 17, 127, 255, 256, 257, 1025})
        for (const int tokens : {1, 16, 300})
            check(ReadCase({ElementType::F16, 1, 2, 32, slots, slots % 2 == 0 ? 16 : 100}), tokens);
}

TEST_CASE("KV heads may hold different numbers of values to choose from, or none", "[core.kernels.cuda]") {
    ReadCase problem({ElementType::BF16, 4, 2, 32, 600});
    problem.slots = {600, 1, 0, 257};
    check(problem);
    CHECK(runTopv(problem, 16, firstStream()).kept[4] == 0.0f);
}

TEST_CASE("Top-k V hears the soft-cap, and keeps all there is of k tokens or fewer", "[core.kernels.cuda]") {
    ReadCase problem({ElementType::F32, 2, 2, 64, 40});
    problem.softcap = 0.5f;
    check(problem, 8);
    for (const float kept : runTopv(problem, 40, firstStream()).kept)
        CHECK(kept == Approx(1).epsilon(1e-6));
}

TEST_CASE("Of values that weigh alike the first slots are chosen", "[core.kernels.cuda]") {
    ReadCase problem({ElementType::F32, 1, 3, 32, 300});
    std::fill(problem.q.begin(), problem.q.end(), 0.0f);
    for (const machine::Execution& execution : machine::executions()) {
        const TopvOutcome outcome = runTopv(problem, 20, execution.stream);
        for (std::int32_t i = 0; i < 20; ++i)
            REQUIRE(outcome.chosen[0][static_cast<std::size_t>(i)] == i);
    }
}

TEST_CASE("What no live slot owns cannot reach top-k V's choice", "[core.kernels.cuda]") {
    for (const ElementType type : kTypes) {
        ReadCase problem({type, 2, 2, 32, 100});
        problem.slots = {99, 3};
        problem.behindTheLastSlot = 0.0f;
        const TopvOutcome clean = runTopv(problem, 16, firstStream());
        for (const float behind :
             {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
            problem.behindTheLastSlot = behind;
            CHECK(runTopv(problem, 16, firstStream()) == clean);
        }
    }
}
