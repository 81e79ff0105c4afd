// What the queries of a prompt gave to each row.

#include <algorithm>
#include <limits>

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/machine.h"
#include "tests/core/kernels/cuda/prefill_case.h"
#include "tests/core/kernels/cuda/stored_elements.h"

using namespace fovea;
using namespace fovea::cuda;

namespace {

// Weights are at most the number of heads of a group; by matrix units scores are those of attention, some 2^-16 apart.
constexpr double kTolerance = 4e-6, kMatrixTolerance = 1e-4;

void checkAgainstTruth(PromptCase problem) {
    problem.weighed = true;
    for (const bool matrixUnits : {false, true}) {
        problem.matrixUnits = matrixUnits;
        INFO(problem.text() << (matrixUnits ? " by matrix units" : ""));
        const std::vector<float> first = problem.weights(machine::executions().front().stream);
        CHECK(worstDifference(first, problem.trueWeights()) <= (matrixUnits ? kMatrixTolerance : kTolerance));
        for (const machine::Execution& execution : machine::executions())
            CHECK(sameBits(problem.weights(execution.stream), first));
    }
}

} // namespace

TEST_CASE("A prompt's weights agree with the definition for each type, width and number of heads",
          "[core.kernels.cuda][prefill]") {
    for (const ElementType type : kElementTypes)
        for (const int headDim : {8, 64, 72, 136, 256})
            checkAgainstTruth({type, 2, 3, headDim, {{5, 40}}});
    for (const int bits : {8, 4, 3, 2}) {
        PromptCase problem{ElementType::F32, 1, 2, 48, {{13, 40}}};
        problem.codes = {bits, 32, 1};
        checkAgainstTruth(problem);
    }
}

TEST_CASE("A prompt's weights are of any number of queries, texts and slots, of what is seen",
          "[core.kernels.cuda][prefill]") {
    for (const std::int64_t first : {0, 31, 95})
        for (const int queries : {1, 33, 65})
            checkAgainstTruth({ElementType::BF16, 1, 1, 16, {{first, queries}}});
    checkAgainstTruth({ElementType::F16, 2, 2, 32, {{0, 80}, {50, 1}, {7, 64}, {0, 2}}});
    checkAgainstTruth({ElementType::F32, 1, 2, 16, {{300, 66}}, 32, {{4, 30}, {4, 30}}, 250, 0, true});
    PromptCase turned{ElementType::F32, 1, 2, 16, {{40, 30}}, 24, {{3, 20}, {3, 20}}, kUnboundedReach, 0.5f};
    turned.turnedSinks = 3;
    turned.rotated = 12;
    turned.turnedBy = [](std::int64_t p, std::int64_t) { return std::min<std::int64_t>(0, 23 - p); };
    checkAgainstTruth(turned);
}

TEST_CASE("A value that is not finite changes no weight", "[core.kernels.cuda][prefill]") {
    PromptCase problem{ElementType::F16, 1, 2, 40, {{30, 70}}};
    problem.behindTheLastSlot = std::numeric_limits<float>::infinity();
    problem.changedValue = [](int, std::int64_t j, int c, float x) {
        return j == 50 && c == 7 ? std::numeric_limits<float>::quiet_NaN() : x;
    };
    checkAgainstTruth(problem);
}

TEST_CASE("Weights of a prompt that nobody can give are refused with the reason",
          "[core.kernels.cuda][prefill]") {
    using Catch::Contains;
    alignas(16) float memory[64] = {};
    const void* block = memory;
    std::int64_t number = 1;
    AttendPrompt chunk;
    chunk.heads = 4, chunk.kvHeads = 2, chunk.headDim = 16, chunk.queries = 1;
    chunk.q = chunk.out = memory, chunk.keys = chunk.values = &block;
    chunk.slots = chunk.firstPositions = &number;
    CHECK_THAT(weighRefusal(chunk, memory, 1), Contains("softmax"));
    chunk.softmax = memory;
    CHECK(weighRefusal(chunk, memory, 1) == "");
    CHECK_THAT(weighRefusal(chunk, memory, 0), Contains("got 0"));
    chunk.kvHeads = 3;
    CHECK_THAT(weighRefusal(chunk, memory, 1), Contains("4 and 3"));
}
