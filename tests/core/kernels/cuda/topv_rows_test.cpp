// Top-k V over keys that are codes, and where some slots are met by queries of their own, wherever machine.h says it runs.

#include <cmath>
#include <limits>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/topv_case.h"

using namespace fovea;
using namespace fovea::cuda;

namespace {

const RowCodes kCodes[] = {{8, 32, 1}, {8, 128, 2}, {4, 64, 2}, {4, 128, 0},
                           {3, 32, 1}, {3, 128, 0}, {2, 32, 1}, {2, 64, 2}};

Stream firstStream() {
    return machine::executions().front().stream;
}

void check(const ReadCase& problem, int tokens = 16) {
    INFO(problem.geometry.text() << " k=" << tokens << " turned=" << problem.turned.size());
    const TopvOutcome first = runTopv(problem, tokens, firstStream());
    CHECK(wrongTopv(problem, tokens, first) == "");
    for (const machine::Execution& execution : machine::executions()) {
        INFO(execution.name);
        CHECK(runTopv(problem, tokens, execution.stream) == first);
    }
}

// `turned` slots, the first tokens of the text, wherever they lie; all others are seen by all heads.
ReadCase turnedCase(const ReadGeometry& geometry, const std::vector<std::int32_t>& turned) {
    ReadCase problem(geometry);
    problem.turned = turned;
    const auto sinks = static_cast<std::int64_t>(turned.size());
    for (int kvHead = 0; kvHead < geometry.kvHeads; ++kvHead) {
        const auto own = static_cast<std::size_t>(kvHead * geometry.slots);
        for (std::int64_t slot = 0; slot < geometry.slots; ++slot)
            problem.positions[own + static_cast<std::size_t>(slot)] = 1000 + slot;
        for (std::size_t i = 0; i < turned.size(); ++i)
            problem.positions[own + static_cast<std::size_t>(turned[i])] = static_cast<std::int64_t>(i);
    }
    problem.sights.assign(static_cast<std::size_t>(problem.heads()), {0, sinks});
    problem.turnedQ = madeUp(turned.size() * problem.q.size(), 77);
    return problem;
}

ReadCase mixed(ReadCase problem, const MixedShape& shape) {
    problem.mix(shape);
    return problem;
}

} // namespace

TEST_CASE("Top-k V chooses by keys that are codes as by the floats that they stand for",
          "[core.kernels.cuda]") {
    for (const RowCodes& codes : kCodes)
        for (const int headDim : {32, 96, 112, 256})
            for (const int group : {1, 3, 9})
                check(ReadCase({ElementType::F32, 2, group, headDim, 131, 64, codes}));
    for (const RowCodes& codes : kCodes)
        for (const std::int64_t slots : {1, 15, 257})
            check(ReadCase({ElementType::BF16, 1, 2, 16, slots, 100, codes}), 300);
}

TEST_CASE("Codes of KV heads that hold unequal numbers, capped, or seen by some", "[core.kernels.cuda]") {
    for (const RowCodes& codes : kCodes) {
        ReadCase problem({ElementType::F32, 4, 2, 32, 300, 64, codes});
        problem.slots = {300, 1, 0, 257};
        problem.softcap = 0.5f;
        check(problem);
        for (int head = 0; head < problem.heads(); ++head)
            problem.sights.push_back({3, 250 - 40 * (head % 2)});
        check(problem, 100);
        problem.sights.assign(8, {0, 1000}); // nobody sees anything
        check(problem);
    }
}

TEST_CASE("What no live slot owns, or nobody sees, cannot reach a choice by codes", "[core.kernels.cuda]") {
    for (const RowCodes& codes : kCodes) {
        ReadCase problem({ElementType::F32, 2, 2, 32, 100, 64, codes});
        problem.slots = {99, 3};
        problem.behindTheLastSlot = 0.0f;
        problem.sights.assign(4, {1, 40});
        const TopvOutcome clean = runTopv(problem, 16, firstStream());
        problem.behindTheLastSlot = std::numeric_limits<float>::quiet_NaN();
        problem.setKey(0, 20, 3, std::numeric_limits<float>::infinity());
        CHECK(runTopv(problem, 16, firstStream()) == clean);
    }
}

TEST_CASE("The values chosen by codes are summed by their weights", "[core.kernels.cuda]") {
    for (const RowCodes& codes : kCodes) {
        const ReadCase problem({ElementType::F32, 2, 3, 64, 70, 64, codes});
        INFO(problem.geometry.text());
        const TopvOutcome outcome = runTopv(problem, 17, firstStream());
        for (const bool renormalise : {false, true}) {
            const std::vector<double> truth = trueSum(problem, 17, outcome, renormalise);
            const std::vector<float> sum = chosenValues(problem, 17, outcome, renormalise, firstStream());
            for (std::size_t i = 0; i < truth.size(); ++i)
                REQUIRE(std::abs(sum[i] - truth[i]) <= 4e-6);
        }
    }
}

TEST_CASE("Top-k V meets some slots by the queries that were turned for them", "[core.kernels.cuda]") {
    for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16})
        for (const int headDim : {8, 96, 256})
            for (const int group : {1, 3, 9})
                check(turnedCase({type, 2, group, headDim, 131}, {0, 1, 2, 3}));
    for (const RowCodes& codes : kCodes)
        for (const auto& turned :
             std::vector<std::vector<std::int32_t>>{{5}, {270, 2, 33}, {9, 8, 7, 6, 5, 4, 3, 2, 1}})
            check(turnedCase({ElementType::F32, 2, 2, 64, 280, 64, codes}, turned), 40);
    ReadCase capped = turnedCase({ElementType::F32, 1, 2, 64, 50}, {0, 1, 2});
    capped.softcap = 2;
    check(capped, 8);
    check(turnedCase({ElementType::F16, 1, 2, 64, 3}, {0, 1, 2})); // these are all there is
    ReadCase ragged = turnedCase({ElementType::F32, 3, 2, 64, 40}, {0, 1, 2, 3});
    ragged.slots = {40, 2, 0}; // one that holds some of them, and one that holds nothing
    ragged.behindTheLastSlot = std::numeric_limits<float>::infinity();
    check(ragged);
}

TEST_CASE("Top-k V chooses by mixed keys, and sums mixed values", "[core.kernels.cuda.mixed]") {
    for (MixedShape shape : mixedShapes()) {
        INFO(shape.text());
        for (const int headDim : {32, 48, 256})
            for (const int group : {1, 3, 9})
                check(mixed(ReadCase({ElementType::F32, 2, group, headDim, 131, 24}), shape));
        for (const std::int64_t slots : {1, 15, 257})
            check(mixed(ReadCase({ElementType::BF16, 1, 2, 64, slots, 100}), shape), 300);
        for (const double share : {0., 1.}) {
            shape.exactShare = share;
            check(mixed(ReadCase({ElementType::F16, 2, 2, 64, 70, 24}), shape));
        }
    }
    for (const MixedShape& shape : mixedShapes()) {
        INFO(shape.text());
        const ReadCase problem = mixed(ReadCase({ElementType::F32, 2, 3, 64, 70, 24}), shape);
        const TopvOutcome outcome = runTopv(problem, 17, firstStream());
        for (const bool renormalise : {false, true}) {
            const std::vector<double> truth = trueSum(problem, 17, outcome, renormalise);
            const std::vector<float> sum = chosenValues(problem, 17, outcome, renormalise, firstStream());
            for (std::size_t i = 0; i < truth.size(); ++i)
                REQUIRE(std::abs(sum[i] - truth[i]) <= 4e-6);
        }
    }
}

TEST_CASE("Mixed keys of unequal numbers, capped, seen by some or by nobody", "[core.kernels.cuda.mixed]") {
    for (const MixedShape& shape : mixedShapes()) {
        INFO(shape.text());
        ReadCase problem = mixed(ReadCase({ElementType::F32, 4, 2, 32, 300, 64}), shape);
        problem.slots = {300, 1, 0, 257};
        problem.softcap = 0.5f;
        check(problem);
        for (int head = 0; head < problem.heads(); ++head)
            problem.sights.push_back({3, 250 - 40 * (head % 2)});
        check(problem, 100);
        problem.sights.assign(8, {0, 1000});
        check(problem);
    }
}

TEST_CASE("What no live slot owns, or nobody sees, cannot reach a choice by mixed keys",
          "[core.kernels.cuda.mixed]") {
    for (const MixedShape& shape : mixedShapes()) {
        INFO(shape.text());
        ReadCase problem = mixed(ReadCase({ElementType::F32, 2, 2, 32, 100, 64}), shape);
        problem.slots = {99, 3};
        problem.sights.assign(4, {1, 40});
        problem.behindTheLastSlot = 0.0f;
        const TopvOutcome clean = runTopv(problem, 16, firstStream());
        problem.behindTheLastSlot = std::numeric_limits<float>::quiet_NaN();
        problem.spoil(0, 20);
        CHECK(runTopv(problem, 16, firstStream()) == clean);
    }
}

TEST_CASE("Top-k V meets some mixed rows by the queries that were turned for them",
          "[core.kernels.cuda.mixed]") {
    for (const MixedShape& shape : mixedShapes()) {
        INFO(shape.text());
        for (const int headDim : {32, 256})
            for (const int group : {1, 3, 9})
                check(mixed(turnedCase({ElementType::F32, 2, group, headDim, 131, 24}, {0, 1, 2, 3}), shape));
        check(mixed(turnedCase({ElementType::BF16, 2, 2, 64, 280, 64}, {270, 2, 33}), shape), 40);
        check(mixed(turnedCase({ElementType::F16, 1, 2, 64, 3}, {0, 1, 2}), shape)); // these are all there is
        ReadCase ragged = turnedCase({ElementType::F32, 3, 2, 64, 40}, {0, 1, 2, 3});
        ragged.slots = {40, 2, 0};
        ragged.softcap = 2;
        check(mixed(ragged, shape));
    }
}

TEST_CASE("Turned slots without queries or sights are refused", "[core.kernels.cuda]") {
    using Catch::Contains;
    ReadCase problem = turnedCase({ElementType::F32, 1, 2, 64, 50}, {0, 1, 2});
    problem.sights.clear();
    CHECK_THROWS_WITH(runTopv(problem, 8, firstStream()), Contains("sights that hide"));
}
