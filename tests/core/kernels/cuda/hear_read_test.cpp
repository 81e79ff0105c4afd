// What H2O and Scissorhands remember of a read, wherever machine.h says it runs.

#include <algorithm>
#include <limits>
#include <stdexcept>

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/hear_case.h"

using namespace fovea;
using namespace fovea::cuda;
using Catch::Contains;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

Stream firstStream() {
    return machine::executions().front().stream;
}

void check(const HearCase& problem) {
    const std::vector<std::uint32_t> first = problem.run(firstStream());
    CHECK(problem.wrong(first) == "");
    for (const machine::Execution& execution : machine::executions()) {
        INFO(execution.name);
        CHECK(problem.run(execution.stream) == first);
    }
}

} // namespace

TEST_CASE("Scores hear every token, or those that were listed", "[core.kernels.cuda]") {
    for (const int history : {0, 1, 32, 100})
        for (const int group : {1, 4})
            for (const bool listed : {false, true})
                for (const bool alphas : {false, true})
                    for (const int readers : {1, 3}) {
                        INFO("history=" << history << " group=" << group << " listed=" << listed
                                        << " α=" << alphas << " readers=" << readers);
                        check(HearCase({3, group, {40, 1, 17}, history, listed, alphas, readers}));
                    }
}

TEST_CASE("A KV head without tokens hears nothing", "[core.kernels.cuda]") {
    for (const int history : {0, 40})
        check(HearCase({3, 2, {0, 5, 0}, history, true}));
}

TEST_CASE("Tokens that get the uniform weight are not below it", "[core.kernels.cuda]") {
    HearCase problem({1, 3, {39}, 64});
    std::fill(problem.logits[0].begin(), problem.logits[0].end(), 1.5f);
    std::fill(problem.tops[0].begin(), problem.tops[0].end(), 1.5f);
    std::fill(problem.sums[0].begin(), problem.sums[0].end(), 39.0f);
    std::fill(problem.scores.begin(), problem.scores.end(), 0xffffffffu);
    const std::vector<std::uint32_t> after = problem.run(firstStream());
    const std::int64_t place = problem.positions[static_cast<std::size_t>(problem.byAge[38])] % 64;
    for (std::size_t slot = 0; slot < 39; ++slot)
        CHECK((after[2 * slot + static_cast<std::size_t>(place / 32)] >> (place % 32) & 1u) == 0);
}

TEST_CASE("A head without a number gives nothing, and a logit without one nothing to its token",
          "[core.kernels.cuda]") {
    for (const int history : {0, 40}) {
        HearCase problem({2, 2, {40, 9}, history});
        problem.sums[0][0] = 0.0f; // none live
        problem.tops[0][0] = -kInfinity;
        check(problem);
        problem.sums[0][0] = kNaN;
        check(problem);
        problem.tops[0][0] = kInfinity;
        check(problem);
        problem.logits[0][static_cast<std::size_t>(problem.stride + 5)] = kNaN;
        problem.logits[0][static_cast<std::size_t>(problem.stride + 6)] = -kInfinity;
        check(problem);
    }
}

TEST_CASE("A report that cannot be heard is refused with the reason", "[core.kernels.cuda]") {
    float x[1];
    std::int64_t live[1];
    std::int32_t n[1];
    std::uint32_t bits[1];
    HeardRead valid;
    valid.kvHeads = valid.group = 1;
    valid.slots = {8, live, n, live, n};
    valid.scores.sums = x;
    valid.logits = valid.tops = valid.sums = x;
    valid.stride = 8;
    CHECK(refusal(valid) == "");
    const auto refusalAfter = [&](const auto& change) {
        HeardRead heard = valid;
        change(heard);
        const std::string why = refusal(heard);
        if (!why.empty())
            CHECK_THROWS_AS(hearRead(heard, firstStream()), std::invalid_argument);
        return why;
    };
    CHECK_THAT(refusalAfter([](HeardRead& h) { h.group = 0; }), Contains("at least one KV head"));
    CHECK_THAT(refusalAfter([](HeardRead& h) { h.slots.byAge = nullptr; }), Contains("tables are missing"));
    CHECK_THAT(refusalAfter([](HeardRead& h) { h.scores = {}; }), Contains("one of the two"));
    CHECK_THAT(refusalAfter([&](HeardRead& h) { h.scores = {nullptr, bits, 0}; }), Contains("1 to 4096"));
    CHECK_THAT(refusalAfter([](HeardRead& h) { h.tops = nullptr; }), Contains("null"));
    CHECK_THAT(refusalAfter([&](HeardRead& h) { h.listed = n; }), Contains("numbers of its entries"));
    CHECK_THAT(refusalAfter([](HeardRead& h) { h.reader = 1; }), Contains("reader 1 is none of 1"));
    CHECK_THAT(refusalAfter([&](HeardRead& h) {
                   h.scores = {nullptr, bits, 40}, h.readers = 2;
               }),
               Contains("no room"));
}
