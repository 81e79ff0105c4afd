// Quest's choice of pages, wherever machine.h says it runs.

#include <algorithm>
#include <limits>

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/quest_case.h"

using namespace fovea;
using namespace fovea::cuda;

namespace {

const ElementType kTypes[] = {ElementType::F32, ElementType::F16, ElementType::BF16};
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
using Numbers = std::vector<std::int32_t>;

Stream firstStream() {
    return machine::executions().front().stream;
}

void check(const ReadCase& problem, const QuestSettings& settings = {}) {
    INFO(problem.geometry.text() << " P=" << settings.page << " n=" << settings.pages);
    const QuestOutcome first = runQuest(problem, settings, firstStream());
    CHECK(wrongQuest(problem, settings, first) == "");
    for (const machine::Execution& execution : machine::executions()) {
        INFO(execution.name);
        CHECK(runQuest(problem, settings, execution.stream) == first);
    }
}

} // namespace

TEST_CASE("Quest's choice is the definition's for each type, width and sharing of heads",
          "[core.kernels.cuda]") {
    for (const ElementType type : kTypes)
        for (const int headDim : {8, 32, 40, 128, 136, 256})
            for (const int group : {1, 3, 9})
                check(ReadCase({type, 2, group, headDim, 131}));
}

TEST_CASE("Quest's choice is the definition's for every number of tokens", "[core.kernels.cuda]") {
    for (const std::int64_t slots : {1, 7, 8, 9, 31, 32, 33, 34, 511, 513, 520})
        for (const int pages : {1, 4, 100})
            check(ReadCase({ElementType::F16, 1, 2, 32, slots}), {8, pages, 5});
    check(ReadCase({ElementType::BF16, 1, 2, 32, 9001}), {4, 600, 64}); // a block of threads chooses of many
}

TEST_CASE("Quest's choice is the definition's for any size of page and of block", "[core.kernels.cuda]") {
    for (const int page : {1, 3, 16, 200})
        for (const int perBlock : {1, 4, 64})
            check(ReadCase({ElementType::F32, 2, 2, 32, 150}), {page, 3, perBlock});
}

TEST_CASE("KV heads may hold different numbers of pages, or none", "[core.kernels.cuda]") {
    ReadCase problem({ElementType::F32, 5, 2, 32, 1100});
    problem.slots = {1100, 1, 0, 16, 1025};
    check(problem);
    CHECK(runQuest(problem, {}, firstStream()).slots[2].empty());
}

TEST_CASE("The page of the newest token is chosen wherever its slot is", "[core.kernels.cuda]") {
    const ReadCase problem({ElementType::F32, 1, 1, 32, 100});
    for (const std::int32_t newest : {0, 40, 99}) {
        QuestSettings settings;
        settings.pages = 1;
        for (std::int32_t slot = 0; slot < 100; ++slot)
            settings.byAge.resize(1), settings.byAge[0].push_back((slot + newest + 1) % 100);
        check(problem, settings);
        CHECK(runQuest(problem, settings, firstStream()).pages[0] == Numbers{newest / 8});
    }
}

TEST_CASE("Of pages with equal bounds the first are chosen", "[core.kernels.cuda]") {
    ReadCase problem({ElementType::F32, 1, 2, 32, 100});
    for (std::int64_t slot = 0; slot < 100; ++slot)
        for (int c = 0; c < 32; ++c)
            problem.setKey(0, slot, c, slot / 8 == 7 ? -1.0f : 1.0f);
    std::fill(problem.q.begin(), problem.q.end(), 1.0f);
    for (const machine::Execution& execution : machine::executions()) {
        const QuestOutcome outcome = runQuest(problem, {}, execution.stream);
        CHECK(outcome.pages[0] == Numbers{0, 1, 2, 12});
        CHECK(outcome.slots[0].size() == 28); // the newest token's page is short
    }
}

TEST_CASE("What no live page owns cannot reach Quest's choice", "[core.kernels.cuda]") {
    for (const ElementType type : kTypes) {
        ReadCase problem({type, 2, 2, 32, 100});
        problem.slots = {100, 9};
        problem.behindTheLastSlot = 0.0f;
        const QuestOutcome clean = runQuest(problem, {}, firstStream());
        for (const float behind : {kInfinity, kNaN}) {
            problem.behindTheLastSlot = behind;
            CHECK(runQuest(problem, {}, firstStream()) == clean);
        }
    }
}

TEST_CASE("A page whose score is no number is chosen last", "[core.kernels.cuda]") {
    ReadCase problem({ElementType::F32, 1, 1, 32, 64});
    for (std::int64_t slot = 16; slot < 24; ++slot) // all of it: a page's bounds are of its numbers
        problem.setKey(0, slot, 3, kNaN);
    CHECK(runQuest(problem, {8, 7, 3}, firstStream()).pages[0] == Numbers{0, 1, 3, 4, 5, 6, 7});
}
