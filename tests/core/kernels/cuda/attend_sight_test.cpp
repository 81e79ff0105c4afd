// What the attention kernels do beside attending: logits that are capped, told of, or not for every head to see.

#include <cmath>
#include <limits>
#include <vector>

#include "tests/core/kernels/cuda/attention_checks.h"

using namespace fovea;
using namespace fovea::cuda;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// One of each kind of rows.
const RowCodes kForms[] = {{}, {4, 128, 1}, {3, 32, 2}};

// Heads of every group look back by different lengths, with sinks in common; the last one sees nothing but these.
AttentionCase partedCase(const Geometry& geometry, std::int64_t sinks) {
    AttentionCase problem(geometry);
    for (int head = 0; head < problem.heads(); ++head)
        problem.sights.push_back({sinks, geometry.slots - 7 * (head % geometry.group)});
    return problem;
}

} // namespace

TEST_CASE("Each query head attends to what it sees alone", "[core.kernels.cuda]") {
    for (const RowCodes& codes : kForms)
        for (const int group : {2, 4, 7, 9})
            for (const int splits : {1, 3})
                for (const std::int64_t sinks : {0, 1, 4}) {
                    const Geometry geometry{ElementType::F16, 2, group, 64, 100, splits, 32, codes};
                    INFO(geometry.text() << " sinks=" << sinks);
                    checkAgainstTruth(
                        partedCase(geometry, sinks)); // whose first heads see nothing without sinks
                }
}

TEST_CASE("What a head sees goes by positions, not by slots", "[core.kernels.cuda]") {
    AttentionCase problem = partedCase({ElementType::F32, 2, 4, 64, 90, 2}, 3);
    for (std::int64_t& position :
         problem.positions) // a text that has lost tokens, whose slots were used again
        position = (position * 37 + 11) % 90 + 1000 * (position % 2);
    for (HeadSight& sight : problem.sights)
        sight = {20, sight.oldest + 900};
    const AttentionCase bySlot = partedCase({ElementType::F32, 2, 4, 64, 90, 2}, 3);
    CHECK(problem.truth() != bySlot.truth());
    checkAgainstTruth(problem);
}

TEST_CASE("A row that a head does not see cannot reach its output, even infinite", "[core.kernels.cuda]") {
    for (const RowCodes& codes : kForms)
        for (const float bad : {std::numeric_limits<float>::infinity(), kNaN}) {
            const Geometry geometry{ElementType::F32, 1, 4, 64, 70, 2, 32, codes};
            const AttentionCase clean = partedCase(geometry, 2);
            AttentionCase problem = clean;
            for (int c = 0; c < 64; ++c) { // seen by heads 2 and 3
                problem.setKey(0, 70 - 10, c, bad);
                problem.setValue(0, 70 - 10, c, bad);
            }
            for (const machine::Execution& execution : machine::executions()) {
                const std::vector<float> out = problem.run(execution.stream),
                                         expected = clean.run(execution.stream);
                for (std::size_t i = 0; i < out.size(); ++i) {
                    if (i < 2 * 64)
                        REQUIRE(out[i] == expected[i]);
                    else
                        REQUIRE(std::isnan(out[i]));
                }
            }
        }
}

TEST_CASE("Sights that hide nothing change no bit", "[core.kernels.cuda]") {
    const AttentionCase all({ElementType::BF16, 2, 4, 128, 130, 3});
    AttentionCase seen = all;
    seen.sights.assign(8, {0, 0});
    for (const machine::Execution& execution : machine::executions())
        CHECK(sameBits(seen.run(execution.stream), all.run(execution.stream)));
}

TEST_CASE("Capped logits agree with the definition", "[core.kernels.cuda]") {
    for (const RowCodes& codes : kForms)
        for (const float cap : {50.0f, 5.0f, 0.5f})
            for (const float scale : {0.125f, 4.0f}) { // beside the cap, and far beyond it
                AttentionCase problem({ElementType::F32, 2, 2, 64, 150, 2, 64, codes});
                problem.softcap = cap;
                problem.scale = scale;
                const std::vector<double> truth = problem.truth();
                INFO(cap << " " << scale);
                for (const machine::Execution& execution : machine::executions())
                    // An error of the cap's 1e-7, or of 2^-24 in a score of about 30.
                    CHECK(worstError(problem.run(execution.stream), truth) <= 4 * kTolerance);
            }
}

TEST_CASE("A report tells every logit, and the softmax that was made of them", "[core.kernels.cuda]") {
    for (const RowCodes& codes : kForms)
        for (const int splits : {1, 4})
            for (const float cap : {0.0f, 3.0f}) {
                AttentionCase problem({ElementType::BF16, 3, 3, 64, 130, splits, 32, codes});
                problem.slots = {130, 1, 77};
                problem.softcap = cap;
                problem.reported = true;
                for (const machine::Execution& execution : machine::executions()) {
                    const Attended attended = problem.attend(execution.stream);
                    CHECK(worstError(attended.out, problem.truth()) <= kTolerance);
                    for (int head = 0; head < 9; ++head) {
                        const auto h = static_cast<std::size_t>(head);
                        const float* logits = &attended.logits[h * 130];
                        double sum = 0;
                        for (std::int64_t slot = 0; slot < 130; ++slot) {
                            const bool live = slot < problem.slots[h / 3];
                            REQUIRE(std::isnan(logits[slot]) == !live); // of the dead nothing is written
                            if (!live)
                                continue;
                            REQUIRE(std::abs(logits[slot] - problem.logit(head, slot)) <= kTolerance);
                            sum += std::exp(problem.logit(head, slot) - double{attended.tops[h]});
                        }
                        CHECK(std::abs(attended.sums[h] / sum - 1) <= 1e-5);
                    }
                }
            }
}

TEST_CASE("A report of nothing says so", "[core.kernels.cuda]") {
    for (const int splits : {1, 2}) {
        AttentionCase problem({ElementType::F32, 1, 2, 32, 40, splits});
        problem.slots = {0};
        problem.reported = true;
        for (const machine::Execution& execution : machine::executions()) {
            const Attended attended = problem.attend(execution.stream);
            for (const float top : attended.tops)
                CHECK(top == -std::numeric_limits<float>::infinity());
            for (const float sum : attended.sums)
                CHECK(sum == 0.0f);
            for (const float x : attended.out)
                CHECK(x == 0.0f);
        }
    }
}
