// Attention over listed rows alone, and what stands in for the others.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "tests/core/kernels/cuda/attention_checks.h"

using namespace fovea;
using namespace fovea::cuda;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

const RowCodes kForms[] = {{}, {8, 64, 1}, {4, 128, 1}, {3, 128, 0}, {2, 32, 2}};

// `owners` lists of `n` of the first `slots`, ascending.
std::vector<std::vector<std::int32_t>> madeUpLists(int owners, std::int64_t slots, std::size_t n) {
    std::mt19937 random(3);
    std::vector<std::vector<std::int32_t>> lists;
    for (int owner = 0; owner < owners; ++owner) {
        std::vector<std::int32_t> all(static_cast<std::size_t>(slots));
        std::iota(all.begin(), all.end(), 0);
        std::shuffle(all.begin(), all.end(), random);
        all.resize(n);
        std::sort(all.begin(), all.end());
        lists.push_back(all);
    }
    return lists;
}

AttentionCase listed(const Geometry& geometry, std::size_t n, bool perQueryHead = false) {
    AttentionCase problem(geometry);
    problem.lists = madeUpLists(perQueryHead ? problem.heads() : geometry.kvHeads, geometry.slots, n);
    return problem;
}

} // namespace

TEST_CASE("Attention over lists of KV heads agrees with the definition", "[core.kernels.cuda]") {
    for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16})
        for (const int group : {1, 2, 4, 9})
            for (const int splits : {1, 3})
                for (const int headDim : {32, 96, 256})
                    checkAgainstTruth(listed({type, 2, group, headDim, 150, splits, 24}, 61));
}

TEST_CASE("Attention over lists of query heads agrees with the definition", "[core.kernels.cuda]") {
    for (const RowCodes& codes : kForms)
        for (const int group : {2, 4})
            for (const int splits : {1, 3})
                checkAgainstTruth(
                    listed({ElementType::BF16, 2, group, 64, 150, splits, 32, codes}, 40, true));
}

TEST_CASE("Lists work over rows of codes", "[core.kernels.cuda]") {
    for (const RowCodes& codes : kForms)
        for (const int group : {1, 4, 8})
            for (const int headDim : {32, 96, 128, 160})
                checkAgainstTruth(listed({ElementType::F16, 2, group, headDim, 90, 2, 64, codes}, 33));
}

TEST_CASE("Lists may be of any length, each its own, or empty", "[core.kernels.cuda]") {
    for (const std::size_t n : {1, 2, 31, 32, 33, 128, 300})
        checkAgainstTruth(listed({ElementType::F32, 1, 2, 64, 300, n > 100 ? 5 : 2}, n));
    for (const int splits : {1, 3}) {
        AttentionCase problem = listed({ElementType::F32, 4, 2, 64, 100, splits}, 50);
        problem.lists[1].clear();
        problem.lists[2].resize(1);
        problem.lists[3].resize(7);
        checkAgainstTruth(problem);
    }
}

TEST_CASE("A list of all slots gives what attention over all gives", "[core.kernels.cuda]") {
    AttentionCase problem = listed({ElementType::F32, 2, 4, 128, 200, 3}, 200);
    for (const machine::Execution& execution : machine::executions()) {
        const std::vector<float> byList = problem.run(execution.stream);
        AttentionCase all = problem;
        all.lists.clear();
        CHECK(sameBits(byList, all.run(execution.stream)));
    }
}

TEST_CASE("A list need not ascend", "[core.kernels.cuda]") {
    AttentionCase problem = listed({ElementType::F16, 1, 2, 64, 100, 2}, 70);
    std::shuffle(problem.lists[0].begin(), problem.lists[0].end(), std::mt19937(5));
    checkAgainstTruth(problem);
}

TEST_CASE("A row that is not listed cannot reach the output", "[core.kernels.cuda]") {
    for (const RowCodes& codes : kForms) {
        const AttentionCase clean = listed({ElementType::F32, 1, 4, 64, 120, 2, 32, codes}, 30);
        AttentionCase problem = clean;
        for (int slot = 0; slot < 120; ++slot)
            if (std::find(clean.lists[0].begin(), clean.lists[0].end(), slot) == clean.lists[0].end()) {
                problem.setKey(0, slot, 3, kNaN);
                problem.setValue(0, slot, 40, kNaN);
            }
        for (const machine::Execution& execution : machine::executions())
            CHECK(sameBits(problem.run(execution.stream), clean.run(execution.stream)));
    }
}

TEST_CASE("The mean value stands in for what a list leaves out", "[core.kernels.cuda]") {
    for (const int splits : {1, 3})
        for (const bool perQueryHead : {false, true}) {
            AttentionCase problem = listed({ElementType::F32, 2, 4, 64, 140, splits}, 32, perQueryHead);
            problem.slots = {140, 133}; // lists name slots below
            for (auto& list : problem.lists)
                while (list.back() >= 133)
                    list.pop_back();
            problem.alphas = {0.0f, 0.25f, 0.5f, 1.0f, 0.9f, 0.1f, 0.75f, 0.333f};
            checkAgainstTruth(problem);
        }
}

TEST_CASE("Where heads see different tokens, so do their lists and their means", "[core.kernels.cuda]") {
    for (const RowCodes& codes : kForms)
        for (const int splits : {1, 2}) {
            AttentionCase problem = listed({ElementType::F16, 2, 4, 64, 140, splits, 32, codes}, 50);
            for (int head = 0; head < 8; ++head)
                problem.sights.push_back({3, 140 - 17 * (head % 4 + 1)});
            problem.alphas.assign(8, 0.7f);
            problem.meanPerQueryHead = true;
            checkAgainstTruth(problem);
        }
}

TEST_CASE("Listed values are summed by logits that are known already", "[core.kernels.cuda]") {
    for (const RowCodes& codes : kForms)
        for (const auto known : {AttentionCase::Known::ShareOfAll, AttentionCase::Known::ShareOfListed})
            for (const int splits : {1, 3})
                for (const bool perQueryHead : {false, true}) {
                    AttentionCase problem =
                        listed({ElementType::F16, 2, 3, 96, 110, splits, 32, codes}, 45, perQueryHead);
                    problem.known = known;
                    checkAgainstTruth(problem);
                    for (int head = 0; head < 6; ++head) // a logit of −∞ is a row that is not seen
                        problem.sights.push_back({1, 110 - 30 * (head % 3)});
                    for (auto& list : problem.lists)
                        list[0] = 0; // seen by all
                    checkAgainstTruth(problem);
                }
}

TEST_CASE("Where logits are known no key is read, and no value that a head does not see",
          "[core.kernels.cuda]") {
    for (const RowCodes& codes : kForms) {
        AttentionCase clean = listed({ElementType::F32, 1, 4, 64, 80, 2, 32, codes}, 20);
        clean.known = AttentionCase::Known::ShareOfAll;
        for (int head = 0; head < 4; ++head)
            clean.sights.push_back({0, 40 + 10 * head});
        clean.lists[0].back() = 79;
        AttentionCase problem = clean;
        for (int slot = 0; slot < 40; ++slot) // whose logits are −∞ then
            for (int c = 0; c < 64; ++c) {
                problem.setKey(0, slot, c, kNaN);
                problem.setValue(0, slot, c, kNaN);
            }
        for (const machine::Execution& execution : machine::executions())
            CHECK(sameBits(problem.run(execution.stream), clean.run(execution.stream)));
    }
}

TEST_CASE("A report over a list is of its entries", "[core.kernels.cuda]") {
    for (const int splits : {1, 3})
        for (const bool perQueryHead : {false, true}) {
            AttentionCase problem = listed({ElementType::F32, 2, 2, 64, 140, splits}, 50, perQueryHead);
            problem.reported = true;
            for (const machine::Execution& execution : machine::executions()) {
                const Attended attended = problem.attend(execution.stream);
                for (int head = 0; head < 4; ++head) {
                    const std::vector<std::int32_t> list = problem.attended(head);
                    double sum = 0;
                    for (std::size_t i = 0; i < 50; ++i) {
                        const auto h = static_cast<std::size_t>(head);
                        REQUIRE(std::abs(attended.logits[h * 50 + i] - problem.logit(head, list[i])) <=
                                kTolerance);
                        sum += std::exp(problem.logit(head, list[i]) - double{attended.tops[h]});
                    }
                    CHECK(std::abs(attended.sums[static_cast<std::size_t>(head)] / sum - 1) <= 1e-5);
                }
            }
        }
}

TEST_CASE("Lists give the same bits in every order of execution", "[core.kernels.cuda]") {
    AttentionCase problem = listed({ElementType::BF16, 2, 4, 128, 333, 3}, 100);
    problem.alphas.assign(8, 0.6f);
    const std::vector<float> first = problem.run(machine::executions().front().stream);
    for (const machine::Execution& execution : machine::executions())
        CHECK(sameBits(problem.run(execution.stream), first));
}
