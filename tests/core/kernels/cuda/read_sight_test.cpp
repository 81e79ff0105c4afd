// The choices of reads where query heads of a group see different tokens, wherever machine.h says they run.

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/quest_case.h"
#include "tests/core/kernels/cuda/sparq_case.h"
#include "tests/core/kernels/cuda/topv_case.h"

using namespace fovea;
using namespace fovea::cuda;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

Stream firstStream() {
    return machine::executions().front().stream;
}

// Heads of every group look back by different lengths, the first not at all, with sinks in common; `apart` slots between.
ReadCase parted(const ReadGeometry& geometry, std::int64_t sinks, std::int64_t apart) {
    ReadCase problem(geometry);
    for (int head = 0; head < problem.heads(); ++head)
        problem.sights.push_back({sinks, geometry.slots - apart * (head % geometry.group)});
    return problem;
}

template <class Run, class Wrong>
void check(const ReadCase& problem, const Run& run, const Wrong& wrong) {
    INFO(problem.geometry.text());
    const auto first = run(firstStream());
    CHECK(wrong(first) == "");
    for (const machine::Execution& execution : machine::executions()) {
        INFO(execution.name);
        CHECK(run(execution.stream) == first);
    }
}

void checkSparq(const ReadCase& problem, const SparqSettings& settings = {}) {
    check(
        problem, [&](Stream stream) { return runSparq(problem, settings, stream); },
        [&](const SparqOutcome& outcome) { return wrongSparq(problem, settings, outcome); });
}
void checkTopv(const ReadCase& problem, int tokens) {
    check(
        problem, [&](Stream stream) { return runTopv(problem, tokens, stream); },
        [&](const TopvOutcome& outcome) { return wrongTopv(problem, tokens, outcome); });
}
void checkQuest(const ReadCase& problem, const QuestSettings& settings = {}) {
    check(
        problem, [&](Stream stream) { return runQuest(problem, settings, stream); },
        [&](const QuestOutcome& outcome) { return wrongQuest(problem, settings, outcome); });
}

// A text that has lost tokens, whose slots were used again: positions in no order, and the slots by their age.
std::vector<std::int32_t> shuffle(ReadCase& problem, int kvHead) {
    const auto slots = static_cast<std::size_t>(problem.geometry.slots);
    std::vector<std::int64_t> own(slots);
    for (std::size_t i = 0; i < slots; ++i)
        own[i] = static_cast<std::int64_t>(i < 4 ? i : 100 + 3 * i);
    std::mt19937 random(static_cast<unsigned>(7 + kvHead));
    std::shuffle(own.begin(), own.end(), random);
    std::copy(own.begin(), own.end(),
              problem.positions.begin() + static_cast<std::ptrdiff_t>(slots) * kvHead);
    std::vector<std::int32_t> ages(slots);
    std::iota(ages.begin(), ages.end(), 0);
    std::sort(ages.begin(), ages.end(), [&](std::int32_t a, std::int32_t b) {
        return own[static_cast<std::size_t>(a)] < own[static_cast<std::size_t>(b)];
    });
    return ages;
}

} // namespace

TEST_CASE("SparQ chooses by what each head sees", "[core.kernels.cuda]") {
    for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16})
        for (const int group : {1, 2, 7, 9})
            for (const std::int64_t sinks : {0, 3}) {
                checkSparq(parted({type, 2, group, 32, 131}, sinks, 16));
                checkSparq(parted({type, 2, group, 32, 131}, sinks, 16), {8, 16, 4, true, true, true});
            }
    checkSparq(parted({ElementType::F16, 1, 4, 64, 1500}, 4, 700), {13, 128, 32});
}

TEST_CASE("Where little is seen SparQ chooses all of that, and of the newest what is seen",
          "[core.kernels.cuda]") {
    for (const int group : {1, 3})
        for (const std::int64_t apart : {1, 3, 9}) {
            checkSparq(parted({ElementType::F32, 2, group, 32, 90}, 5, apart), {8, 16, 12});
            checkSparq(parted({ElementType::F32, 2, group, 32, 90}, 0, apart), {8, 16, 12});
        }
    ReadCase ragged = parted({ElementType::BF16, 4, 2, 32, 60}, 2, 30);
    ragged.slots = {60, 0, 1, 33};
    checkSparq(ragged);
}

TEST_CASE("What SparQ's heads see goes by positions, not by slots", "[core.kernels.cuda]") {
    for (const int group : {1, 3}) {
        ReadCase problem({ElementType::F32, 2, group, 32, 120});
        SparqSettings settings{8, 20, 6};
        for (int kvHead = 0; kvHead < 2; ++kvHead)
            settings.byAge.push_back(shuffle(problem, kvHead));
        for (int head = 0; head < problem.heads(); ++head)
            problem.sights.push_back({4, 100 + 3 * (120 - 3 - 20 * (head % group))});
        checkSparq(problem, settings);
        settings.local = 16; // more than the window of a single head: sinks are the newest of the rest
        checkSparq(problem, settings);
    }
}

TEST_CASE("Top-k V chooses by what each head sees", "[core.kernels.cuda]") {
    for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16})
        for (const int group : {1, 2, 7, 9})
            for (const std::int64_t sinks : {0, 3})
                for (const int tokens : {5, 16, 300})
                    checkTopv(parted({type, 2, group, 32, 131}, sinks, 20), tokens);
    ReadCase problem({ElementType::F32, 2, 3, 64, 300});
    for (int kvHead = 0; kvHead < 2; ++kvHead)
        shuffle(problem, kvHead);
    for (int head = 0; head < problem.heads(); ++head)
        problem.sights.push_back({4, 100 + 3 * (300 - 40 * (head % 3))});
    checkTopv(problem, 50);
}

TEST_CASE("A page's score is of the heads that see a row of it", "[core.kernels.cuda]") {
    for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16})
        for (const int headDim : {8, 64, 136, 256})
            for (const int group : {1, 3, 9})
                for (const std::int64_t sinks : {0, 3})
                    checkQuest(parted({type, 2, group, headDim, 131}, sinks, 16));
    for (const int page : {1, 3, 16, 50, 200})
        checkQuest(parted({ElementType::F16, 2, 3, 32, 150}, 4, 30), {page, 3, 4});
    ReadCase problem({ElementType::F32, 2, 3, 64, 300});
    for (int kvHead = 0; kvHead < 2; ++kvHead)
        shuffle(problem, kvHead);
    for (int head = 0; head < problem.heads(); ++head)
        problem.sights.push_back({4, 100 + 3 * (300 - 40 * (head % 3))});
    checkQuest(problem);
    problem.slots = {300, 0};
    checkQuest(problem);
}

TEST_CASE("A key that a head does not see cannot reach its weights, even no number", "[core.kernels.cuda]") {
    const ReadGeometry geometry{ElementType::F32, 1, 4, 32, 70};
    const ReadCase clean = parted(geometry, 2, 7);
    ReadCase problem = clean;
    for (int c = 0; c < 32; ++c)
        problem.setKey(0, 70 - 10, c, kNaN); // seen by heads 2 and 3
    const SparqOutcome sparq = runSparq(problem, {8, 40, 4}, firstStream()),
                       cleanSparq = runSparq(clean, {8, 40, 4}, firstStream());
    const TopvOutcome topv = runTopv(problem, 40, firstStream()),
                      cleanTopv = runTopv(clean, 40, firstStream());
    for (std::size_t h = 0; h < 2; ++h) {
        CHECK(sparq.tops[h] == cleanSparq.tops[h]);
        CHECK(sparq.sums[h] == cleanSparq.sums[h]);
        CHECK(topv.tops[h] == cleanTopv.tops[h]);
        CHECK(topv.sums[h] == cleanTopv.sums[h]);
    }
    for (std::size_t h = 2; h < 4; ++h)
        CHECK(std::isnan(topv.logits[h * static_cast<std::size_t>(problem.stride()) + 60]));
}

TEST_CASE("Sights that hide nothing change no choice", "[core.kernels.cuda]") {
    const ReadCase all({ElementType::BF16, 2, 4, 64, 130});
    ReadCase seen = all;
    seen.sights.assign(8, {0, 0});
    SparqOutcome sparq = runSparq(seen, {}, firstStream());
    CHECK(sparq.seenTokens == std::vector<std::int64_t>(8, 130));
    sparq.seenTokens.clear();
    CHECK(sparq == runSparq(all, {}, firstStream()));
    CHECK(runTopv(seen, 16, firstStream()) == runTopv(all, 16, firstStream()));
    CHECK(runQuest(seen, {}, firstStream()).pages == runQuest(all, {}, firstStream()).pages);
}
