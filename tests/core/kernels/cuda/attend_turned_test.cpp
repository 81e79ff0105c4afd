// Attention where some slots are met by queries of their own, wherever machine.h says it runs.

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "tests/core/kernels/cuda/attention_checks.h"

using namespace fovea;
using namespace fovea::cuda;

namespace {

// `turned` slots, the first tokens of the text, wherever they lie; all others are seen by all heads.
AttentionCase turnedCase(const Geometry& geometry, const std::vector<std::int32_t>& turned) {
    AttentionCase problem(geometry);
    problem.turned = turned;
    const auto sinks = static_cast<std::int64_t>(turned.size());
    for (int kvHead = 0; kvHead < geometry.kvHeads; ++kvHead) {
        for (std::int64_t slot = 0; slot < geometry.slots; ++slot)
            problem.positions[static_cast<std::size_t>(kvHead * geometry.slots + slot)] = 1000 + slot;
        for (std::int64_t i = 0; i < sinks; ++i)
            problem.positions[static_cast<std::size_t>(kvHead * geometry.slots +
                                                       turned[static_cast<std::size_t>(i)])] = i;
    }
    problem.sights.assign(static_cast<std::size_t>(problem.heads()), {0, sinks});
    problem.turnedQ = madeUp(turned.size() * problem.q.size(), 77);
    return problem;
}

} // namespace

TEST_CASE("Slots are met by the queries that were turned for them", "[core.kernels.cuda]") {
    for (const ElementType type : kElementTypes)
        for (const int headDim : {8, 64, 136, 256})
            for (const int group : {1, 3, 9}) {
                const Geometry geometry{type, 2, group, headDim, 90, 2, 32};
                INFO(geometry.text());
                checkAgainstTruth(turnedCase(geometry, {0, 1, 2, 3}));
            }
}

TEST_CASE("Turned slots may be any, of rows of codes too", "[core.kernels.cuda]") {
    for (const RowCodes& codes :
         {RowCodes{8, 32, 1}, RowCodes{4, 64, 2}, RowCodes{3, 128, 0}, RowCodes{2, 32, 1}})
        for (const auto& turned :
             std::vector<std::vector<std::int32_t>>{{5}, {70, 2, 33}, {9, 8, 7, 6, 5, 4, 3, 2, 1}})
            for (const int splits : {1, 3}) {
                const Geometry geometry{ElementType::F32, 2, 2, 96, 80, splits, 32, codes};
                INFO(geometry.text() << " turned: " << turned.size());
                checkAgainstTruth(turnedCase(geometry, turned));
            }
}

TEST_CASE("Turned slots are capped as others are, and may be all there is", "[core.kernels.cuda]") {
    AttentionCase capped = turnedCase({ElementType::F32, 1, 2, 64, 50}, {0, 1, 2});
    capped.softcap = 2;
    checkAgainstTruth(capped);
    checkAgainstTruth(turnedCase({ElementType::F16, 1, 2, 64, 3}, {0, 1, 2}));
    AttentionCase ragged = turnedCase({ElementType::F32, 3, 2, 64, 40}, {0, 1, 2, 3});
    ragged.slots = {40, 2, 0}; // one that holds some of them, and one that holds nothing
    ragged.behindTheLastSlot = std::numeric_limits<float>::infinity();
    for (const machine::Execution& execution : machine::executions()) {
        const std::vector<float> out = ragged.run(execution.stream);
        for (std::size_t i = 4 * 64; i < 6 * 64; ++i)
            REQUIRE(out[i] == 0.0f);
        const std::vector<double> truth = ragged.truth();
        for (std::size_t i = 0; i < 4 * 64; ++i)
            REQUIRE(std::abs(out[i] - truth[i]) <= kTolerance);
    }
}

TEST_CASE("A turned slot of no numbers reaches the heads that share it alone", "[core.kernels.cuda]") {
    AttentionCase problem = turnedCase({ElementType::BF16, 2, 2, 64, 60, 2}, {0, 1});
    problem.setValue(1, 1, 5, std::numeric_limits<float>::quiet_NaN());
    for (const machine::Execution& execution : machine::executions()) {
        const std::vector<float> out = problem.run(execution.stream);
        for (std::size_t i = 0; i < out.size(); ++i)
            REQUIRE(std::isnan(out[i]) == (i >= 2 * 64 && i % 64 == 5));
    }
}

TEST_CASE("Turned slots give the same bits in every order of execution", "[core.kernels.cuda]") {
    const AttentionCase problem = turnedCase({ElementType::F16, 2, 4, 128, 333, 5}, {0, 1, 2, 3, 4});
    const std::vector<float> first = problem.run(machine::executions().front().stream);
    for (const machine::Execution& execution : machine::executions())
        CHECK(sameBits(problem.run(execution.stream), first));
}

TEST_CASE("Turned slots may be mixed rows, exact or codes", "[core.kernels.cuda.mixed]") {
    const auto check = [](const MixedShape& shape, AttentionCase problem) {
        INFO(shape.text());
        problem.mix(shape);
        checkAgainstTruth(problem);
    };
    for (MixedShape shape : mixedShapes()) {
        for (const int headDim : {32, 48, 256})
            for (const int group : {1, 3, 9})
                check(shape, turnedCase({ElementType::F32, 2, group, headDim, 70, 2, 24}, {0, 1, 2, 3}));
        for (const double share : {0., 1.}) {
            shape.exactShare = share;
            check(shape, turnedCase({ElementType::BF16, 2, 2, 64, 60, 1, 24}, {50, 2, 33}));
            check(shape, turnedCase({ElementType::F16, 1, 2, 64, 1, 1, 24}, {0})); // it is all there is
        }
        AttentionCase ragged = turnedCase({ElementType::F32, 3, 2, 64, 40, 2, 24}, {0, 1, 2, 3});
        ragged.slots = {40, 2, 1};
        ragged.softcap = 3;
        check(shape, ragged);
    }
}

TEST_CASE("A turned mixed row that nobody has, or of no numbers, reaches nobody else",
          "[core.kernels.cuda.mixed]") {
    for (const MixedShape& shape : mixedShapes())
        for (const bool keys : {true, false}) {
            INFO(shape.text() << (keys ? " key" : " value"));
            AttentionCase clean = turnedCase({ElementType::F32, 3, 2, 64, 60, 1, 24}, {0, 1});
            clean.slots = {60, 60, 0};
            clean.mix(shape);
            AttentionCase problem = clean;
            problem.spoil(keys, 1, 1);
            for (const machine::Execution& execution : machine::executions()) {
                const std::vector<float> out = problem.run(execution.stream),
                                         own = clean.run(execution.stream);
                const auto row = [](int head) { return head * 64; };
                CHECK(std::equal(out.begin(), out.begin() + row(2), own.begin()));
                CHECK(std::any_of(out.begin() + row(2), out.begin() + row(3),
                                  [](float x) { return std::isnan(x); }));
                CHECK(std::all_of(out.begin() + row(4), out.end(),
                                  [](float x) { return x == 0; })); // nothing is held
            }
        }
}

TEST_CASE("Turned mixed rows give the same bits in every order of execution", "[core.kernels.cuda.mixed]") {
    for (const MixedShape& shape : mixedShapes()) {
        INFO(shape.text());
        AttentionCase problem = turnedCase({ElementType::F16, 2, 4, 128, 133, 3, 32}, {0, 1, 2, 3, 4});
        problem.mix(shape);
        const std::vector<float> first = problem.run(machine::executions().front().stream);
        for (const machine::Execution& execution : machine::executions())
            CHECK(sameBits(problem.run(execution.stream), first));
    }
}

TEST_CASE("Turned slots that the kernel cannot take are refused with the reason", "[core.kernels.cuda]") {
    using Catch::Contains;
    alignas(16) float memory[64] = {};
    const void* block = memory;
    std::int64_t number = 1;
    const std::int64_t* const positions = &number;
    const HeadSight sight{};
    const std::int32_t slot = 0;
    const auto whyNot = [&](const auto& change) {
        AttendAll step;
        step.heads = step.kvHeads = 1, step.headDim = 16;
        step.q = step.out = memory, step.keys = step.values = &block, step.slots = &number;
        step.sights = &sight, step.positions = &positions;
        TurnedSlots turned{&slot, 1, memory, memory};
        change(step, turned);
        const std::string why = refusal(step, turned);
        if (!why.empty())
            CHECK_THROWS_AS(attendAll(step, turned, machine::executions().front().stream),
                            std::invalid_argument);
        return why;
    };
    CHECK(whyNot([](AttendAll&, TurnedSlots&) {}) == "");
    CHECK_THAT(whyNot([](AttendAll& s, TurnedSlots&) { s.heads = 0; }), Contains("multiple of the KV heads"));
    CHECK_THAT(whyNot([](AttendAll&, TurnedSlots& t) { t.q = nullptr; }), Contains("their queries"));
    CHECK_THAT(whyNot([](AttendAll&, TurnedSlots& t) { t.scratch = nullptr; }), Contains("scratch"));
    CHECK_THAT(whyNot([](AttendAll& s, TurnedSlots&) { s.sights = nullptr; }), Contains("sights that hide"));
    CHECK_THAT(whyNot([&](AttendAll& s, TurnedSlots&) { s.report.tops = memory; }), Contains("no report"));
}
