// What leaves the cache at the end of a step, wherever machine.h says it runs, against the definition and the CPU's table of
// slots.

#include <algorithm>
#include <limits>
#include <stdexcept>

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/drop_case.h"

using namespace fovea;
using namespace fovea::cuda;
using Catch::Contains;

namespace {

const ElementType kTypes[] = {ElementType::F32, ElementType::F16, ElementType::BF16};

Stream firstStream() {
    return machine::executions().front().stream;
}

// Steps of one token each, compared after every drop.
void check(const CacheGeometry& geometry, const DropRule& rule, int prompt = 0, int steps = 14) {
    INFO(geometry.text() << " budget=" << rule.budget << " stay=" << rule.stay << " window=" << rule.window);
    for (const machine::Execution& execution : machine::executions()) {
        INFO(execution.name);
        DropCase problem(filledCache(geometry, prompt), rule);
        std::string wrong;
        for (int step = 0; step < steps && wrong.empty(); ++step) {
            problem.append(execution.stream);
            wrong = problem.drop(execution.stream);
            INFO("step " << step);
            REQUIRE(wrong == "");
        }
    }
}

} // namespace

TEST_CASE("H2O's lowest token leaves every step, of each KV head its own", "[core.kernels.cuda]") {
    for (const ElementType type : kTypes)
        for (const int bits : {0, 8, 3})
            check({type, {bits, 32, 1}, 3, 40}, {8, 3, 8});
}

TEST_CASE("Scissorhands drops many at once, and their places are filled", "[core.kernels.cuda]") {
    for (const int bits : {0, 4})
        for (const int history : {1, 32, 70})
            check({ElementType::F16, {bits, 32, 2}, 2, 32}, {12, 2, 7, 0, history}, 9, 16);
}

TEST_CASE("A prompt is cut as the plan takes over", "[core.kernels.cuda]") {
    for (const int prompt : {7, 8, 9, 13, 18})
        check({ElementType::BF16, {}, 2, 16}, {8, 3, 8}, prompt, 2);
    CacheGeometry wide{ElementType::F32, {}, 2, 8, 64, 20};
    wide.pagesPerBlock = 16;
    check(wide, {100, 30, 100}, 1200, 2); // more than the block has threads
    check(wide, {100, 30, 100, 0, 40}, 1200, 2);
}

TEST_CASE("What falls out of the model's own window leaves first", "[core.kernels.cuda]") {
    const CacheGeometry geometry{ElementType::F32, {}, 2, 16};
    check(geometry, {100, 3, 100, 6});     // the window alone
    check(geometry, {8, 3, 8, 12}, 5, 14); // now one, now the other
    check(geometry, {8, 0, 5, 9, 33}, 15, 4);
}

TEST_CASE("Whoever keeps neither sums nor bounds drops all the same", "[core.kernels.cuda]") {
    CacheGeometry geometry{ElementType::F16, {4, 32, 0}, 2, 40};
    geometry.valueSums = false;
    check(geometry, {6, 2, 4, 0, 50}, 3);
    geometry.page = 0;
    geometry.keyColumns = false;
    check(geometry, {6, 2, 6}, 3);
}

TEST_CASE("Pages of any size follow what moves", "[core.kernels.cuda]") {
    for (const int page : {1, 2, 5, 30}) {
        CacheGeometry geometry{ElementType::F32, {}, 2, 16};
        geometry.page = page;
        check(geometry, {12, 2, 5, 0, 20}, 9, 20);
    }
}

TEST_CASE("Within the budget nobody leaves, and an empty head has nobody to lose", "[core.kernels.cuda]") {
    DropCase within(filledCache({ElementType::F32}, 8), {8, 3, 8});
    CHECK(within.drop(firstStream()) == "");
    CHECK(within.counts[0].dropped == 0);
    DropCase empty(filledCache({ElementType::F32}, 0), {8, 3, 8, 4});
    CHECK(empty.drop(firstStream()) == "");
}

TEST_CASE("KV heads that hold different numbers drop different numbers", "[core.kernels.cuda]") {
    CacheModel ragged = filledCache({ElementType::F32, {}, 3, 16}, 17);
    ragged.evict(1, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
    ragged.evict(2, {0, 4, 5, 6});
    for (const machine::Execution& execution : machine::executions()) {
        DropCase problem(ragged, {8, 3, 8});
        CHECK(problem.drop(execution.stream) == "");
        CHECK(problem.counts[0].dropped == 9);
        CHECK(problem.counts[1].dropped == 0);
        CHECK(problem.counts[2].dropped == 5);
    }
}

TEST_CASE("A value that is no number leaves the sum as if it had never been", "[core.kernels.cuda]") {
    const CacheGeometry geometry{ElementType::F32, {}, 1, 16};
    const std::vector<float> key(16, 0.5f);
    std::vector<float> value(16, 0.25f);
    value[3] = std::numeric_limits<float>::infinity();
    for (const machine::Execution& execution : machine::executions()) {
        DropCase problem(filledCache(geometry, 0), {100, 0, 100, 3}); // of which the window rids it
        problem.append(key, value, execution.stream);
        int resummed = 0;
        for (int step = 0; step < 4; ++step) {
            problem.append(execution.stream);
            CHECK(problem.drop(execution.stream) == "");
            resummed += problem.counts[0].resummed;
        }
        CHECK(resummed == 2);
        CHECK(problem.model.sums[3] < 100.0f);
    }
}

TEST_CASE("What cannot be dropped is refused with the reason", "[core.kernels.cuda]") {
    const DeviceCache device(filledCache({ElementType::F32}, 3));
    float sums[1];
    std::uint32_t bits[1];
    std::int32_t scratch[1];
    SlotCounts counts[1];
    const auto refusalAfter = [&](const auto& change) {
        DropLowest drop{device.blocks(), {sums}, 8, 3, 8, 0, scratch, counts};
        change(drop);
        const std::string why = refusal(drop);
        if (!why.empty())
            CHECK_THROWS_AS(dropLowest(drop, firstStream()), std::invalid_argument);
        return why;
    };
    CHECK(refusal(DropLowest{device.blocks(), {sums}, 8, 3, 8, 0, scratch, counts}) == "");
    CHECK_THAT(refusalAfter([](DropLowest& d) { d.cache.keys = nullptr; }), Contains("null"));
    CHECK_THAT(refusalAfter([](DropLowest& d) { d.scores = {}; }), Contains("one of the two"));
    CHECK_THAT(refusalAfter([&](DropLowest& d) { d.scores.below = bits; }), Contains("not both"));
    CHECK_THAT(refusalAfter([&](DropLowest& d) { d.scores = {nullptr, bits, 4097}; }), Contains("1 to 4096"));
    CHECK_THAT(refusalAfter([](DropLowest& d) { d.recent = 9; }), Contains("recent ones stay"));
    CHECK_THAT(refusalAfter([](DropLowest& d) { d.budget = 0; }), Contains("budget of at least one"));
    CHECK_THAT(refusalAfter([](DropLowest& d) { d.counts = nullptr; }), Contains("null"));
    CHECK(scratchNumbers(DropLowest{device.blocks(), {sums}, 8, 3, 8, 0, scratch, counts}) == 2 * 4 * 20);
}
