// SparQ's choice of tokens, wherever machine.h says it runs.

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/sparq_case.h"

using namespace fovea;
using namespace fovea::cuda;

namespace {

const ElementType kTypes[] = {ElementType::F32, ElementType::F16, ElementType::BF16};
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

void check(const ReadCase& problem, const SparqSettings& settings = {}) {
    INFO(problem.geometry.text() << " r=" << settings.components << " k=" << settings.tokens);
    const SparqOutcome first = runSparq(problem, settings, machine::executions().front().stream);
    CHECK(wrongSparq(problem, settings, first) == "");
    for (const machine::Execution& execution : machine::executions()) {
        INFO(execution.name);
        CHECK(runSparq(problem, settings, execution.stream) == first);
    }
}

// Each KV head's slots in an order of age of their own.
std::vector<std::vector<std::int32_t>> shuffledAges(const ReadCase& problem) {
    std::mt19937 random(5);
    std::vector<std::vector<std::int32_t>> ages;
    for (const std::int64_t live : problem.slots) {
        ages.emplace_back(static_cast<std::size_t>(live));
        std::iota(ages.back().begin(), ages.back().end(), 0);
        std::shuffle(ages.back().begin(), ages.back().end(), random);
    }
    return ages;
}

std::vector<std::int32_t> firstSlots(int n) {
    std::vector<std::int32_t> slots(static_cast<std::size_t>(n));
    std::iota(slots.begin(), slots.end(), 0);
    return slots;
}

} // namespace

TEST_CASE("SparQ's choice is the definition's for each type, width and sharing of heads",
          "[core.kernels.cuda]") {
    for (const ElementType type : kTypes)
        for (const int headDim : {8, 32, 96, 128, 256})
            for (const int group : {1, 2, 3, 8})
                check(ReadCase({type, 2, group, headDim, 131}), {std::min(headDim, 13), 16, 4});
}

TEST_CASE("SparQ's choice is the definition's for every number of tokens", "[core.kernels.cuda]") {
    for (const ElementType type : kTypes)
        for (const std::int64_t slots : {1, 3, 16, 17, 63, 64, 65, 511, 1023, 1025, 2049})
            check(ReadCase({type, 1, 2, 32, slots, slots % 2 == 0 ? 256 : 64}));
}

TEST_CASE("SparQ's choice is the definition's over a long context", "[core.kernels.cuda]") {
    check(ReadCase({ElementType::BF16, 1, 2, 32, 20011, 2048}), {8, 128, 32});
}

TEST_CASE("SparQ's choice is the definition's for every switch", "[core.kernels.cuda]") {
    const ReadCase problem({ElementType::F16, 2, 3, 64, 200});
    check(problem, {1, 16, 4});
    check(problem, {64, 16, 4});
    check(problem, {8, 1, 0});
    check(problem, {8, 1, 1});
    check(problem, {8, 16, 0});
    check(problem, {8, 16, 16});
    check(problem, {8, 199, 7});
    check(problem, {8, 200, 7});
    check(problem, {8, 300, 300});
    check(problem, {8, 16, 4, false});
    check(problem, {8, 16, 4, true, false});
    check(problem, {8, 16, 4, true, true, true});
    ReadCase capped({ElementType::F32, 1, 2, 64, 200});
    capped.softcap = 0.5f;
    check(capped);
}

TEST_CASE("Groups of more query heads than one block scores choose together", "[core.kernels.cuda]") {
    for (const int group : {9, 16, 17})
        check(ReadCase({ElementType::F16, 2, group, 32, 90}));
}

TEST_CASE("KV heads may hold different numbers of tokens to choose from, or none", "[core.kernels.cuda]") {
    for (const int group : {1, 4}) {
        ReadCase problem({ElementType::BF16, 5, group, 32, 1100});
        problem.slots = {1100, 1, 0, 16, 1025};
        check(problem);
        const SparqOutcome outcome = runSparq(problem, {}, machine::executions().front().stream);
        CHECK(outcome.chosen[2].empty());
        CHECK(outcome.alphas[static_cast<std::size_t>(2 * group)] == 0.0f);
    }
}

TEST_CASE("The newest tokens are chosen wherever their slots are", "[core.kernels.cuda]") {
    for (const int group : {1, 2}) {
        ReadCase problem({ElementType::F32, 2, group, 32, 333});
        problem.slots = {333, 70};
        for (const int local : {0, 1, 5, 16})
            check(problem, {8, 16, local, true, true, false, shuffledAges(problem)});
    }
}

TEST_CASE("Of tokens that weigh alike the first slots are chosen", "[core.kernels.cuda]") {
    for (const int group : {1, 4}) {
        ReadCase problem({ElementType::F32, 1, group, 32, 700});
        std::fill(problem.q.begin(), problem.q.end(), 0.0f); // no temperature either: logits are 0
        for (const machine::Execution& execution : machine::executions()) {
            const SparqOutcome outcome = runSparq(problem, {8, 40, 0}, execution.stream);
            CHECK(outcome.chosen[0] == firstSlots(40));
            CHECK(outcome.components == firstSlots(8));
        }
        std::vector<std::int32_t> withNewest = firstSlots(36);
        for (std::int32_t slot = 696; slot < 700; ++slot)
            withNewest.push_back(slot);
        CHECK(runSparq(problem, {8, 40, 4}, machine::executions().front().stream).chosen[0] == withNewest);
    }
}

TEST_CASE("Ties at the bar go to the first slots, with larger values on either side", "[core.kernels.cuda]") {
    ReadCase problem({ElementType::F32, 1, 1, 8, 600});
    problem.q = {1, 0, 0, 0, 0, 0, 0, 0};
    for (std::int64_t slot = 0; slot < 600; ++slot)
        problem.setKey(0, slot, 0, slot % 50 == 49 ? 2.0f : slot % 3 == 0 ? 1.0f : -1.0f);
    std::vector<std::int32_t> expected; // twelve of 2, and the first eight of 1
    for (std::int32_t slot = 0, ties = 8; slot < 600; ++slot)
        if (slot % 50 == 49 || (slot % 3 == 0 && ties-- > 0))
            expected.push_back(slot);
    for (const machine::Execution& execution : machine::executions())
        CHECK(runSparq(problem, {1, 20, 0}, execution.stream).chosen[0] == expected);
}

TEST_CASE("What no live slot owns cannot reach SparQ's choice", "[core.kernels.cuda]") {
    for (const ElementType type : kTypes)
        for (const std::int64_t slots : {1, 65, 127}) {
            ReadCase problem({type, 2, 2, 32, slots});
            problem.behindTheLastSlot = 0.0f;
            const Stream stream = machine::executions().front().stream;
            const SparqOutcome clean = runSparq(problem, {}, stream);
            for (const float behind : {kInfinity, -kInfinity, kNaN}) {
                problem.behindTheLastSlot = behind;
                CHECK(runSparq(problem, {}, stream) == clean);
            }
        }
}

TEST_CASE("A token whose guess is no number is chosen last", "[core.kernels.cuda]") {
    ReadCase problem({ElementType::F32, 1, 1, 8, 40});
    problem.q = {1, 0, 0, 0, 0, 0, 0, 0};
    for (std::int64_t slot = 0; slot < 40; ++slot)
        problem.setKey(0, slot, 0, static_cast<float>(slot));
    problem.setKey(0, 3, 0, kNaN);
    problem.setKey(0, 5, 0, -kInfinity);
    const Stream stream = machine::executions().front().stream;
    const SparqOutcome outcome = runSparq(problem, {1, 39, 0}, stream);
    std::vector<std::int32_t> expected = firstSlots(40);
    expected.erase(expected.begin() + 5); // as low as the other, and behind it
    CHECK(outcome.chosen[0] == expected);
    CHECK(outcome.alphas[0] == 0.0f); // its softmax is no number either

    ReadCase broken({ElementType::F32, 1, 2, 8, 40});
    broken.q[0] = kNaN;
    const SparqOutcome without = runSparq(broken, {7, 8, 0}, stream);
    CHECK(std::find(without.components.begin(), without.components.end(), 0) == without.components.end());
}
