// Attention over rows of which some are exact and the others codes: KIVI's, KVQuant's and Coupled Quantisation's. The truth
// reads what their definitions make of made-up codes, scales, levels and centroids.

#include <cmath>
#include <limits>
#include <vector>

#include "tests/core/kernels/cuda/attention_checks.h"

using namespace fovea;
using namespace fovea::cuda;

namespace {

// Positions are no slots' numbers, and beyond what one row of the far angles covers.
AttentionCase mixed(const MixedShape& shape, const Geometry& geometry) {
    AttentionCase problem(geometry);
    for (std::int64_t i = 0; i < std::ssize(problem.positions); ++i)
        problem.positions[static_cast<std::size_t>(i)] = i * 37 % 1499;
    problem.mix(shape);
    return problem;
}

void check(const MixedShape& shape, const AttentionCase& problem) {
    INFO(shape.text());
    checkAgainstTruth(problem);
}

Geometry rowsOf(int headDim, int group = 1, std::int64_t slots = 60, int splits = 1,
                ElementType type = ElementType::F32) {
    return {type, 2, group, headDim, slots, splits, 24};
}

// Of each KV head every third slot and the first.
std::vector<std::vector<std::int32_t>> someLists(int owners, std::int64_t slots) {
    std::vector<std::vector<std::int32_t>> lists(static_cast<std::size_t>(owners), {0});
    for (int owner = 0; owner < owners; ++owner)
        for (std::int64_t slot = 1 + owner % 3; slot < slots; slot += 3)
            lists[static_cast<std::size_t>(owner)].push_back(static_cast<std::int32_t>(slot));
    return lists;
}

} // namespace

TEST_CASE("Attention over mixed rows agrees with the definition in every store and width",
          "[core.kernels.cuda.mixed]") {
    for (const MixedShape& shape : mixedShapes())
        for (const int headDim : {32, 48, 64, 96, 128, 144, 256})
            check(shape, mixed(shape, rowsOf(headDim)));
    for (const MixedShape& shape : mixedShapes())
        for (const int headDim : {8, 24, 40, 72, 120, 232}) {
            if (headDim % shape.headMultiple() != 0)
                continue;
            MixedShape narrow = shape;
            narrow.half = std::min(shape.half, headDim / 2);
            check(narrow, mixed(narrow, rowsOf(headDim)));
        }
}

TEST_CASE("All components of a key may turn, or none", "[core.kernels.cuda.mixed]") {
    for (const MixedKind kind : {MixedKind::Kvquant, MixedKind::Cq})
        for (const int headDim : {32, 64, 96, 128, 256})
            for (const int half : {0, 4, headDim / 2}) {
                const MixedShape shape{.kind = kind, .bits = 4, .channels = 2, .outliers = 2, .half = half};
                check(shape, mixed(shape, rowsOf(headDim, 4)));
            }
}

TEST_CASE("Attention over mixed rows serves any group, any split and exact rows of any type",
          "[core.kernels.cuda.mixed]") {
    for (const MixedShape& shape : mixedShapes()) {
        for (const int group : {2, 3, 4, 7, 8, 9})
            check(shape, mixed(shape, rowsOf(64, group, 150, group % 2 == 0 ? 3 : 1)));
        for (const ElementType type : {ElementType::F16, ElementType::BF16})
            check(shape, mixed(shape, rowsOf(96, 4, 90, 2, type)));
    }
}

TEST_CASE("Rows may all be exact, or all codes, or only one, or none", "[core.kernels.cuda.mixed]") {
    for (MixedShape shape : mixedShapes())
        for (const double share : {0., 1.}) {
            shape.exactShare = share;
            check(shape, mixed(shape, rowsOf(64, 4, 70, 2)));
            check(shape, mixed(shape, rowsOf(64, 2, 1)));
            AttentionCase problem = mixed(shape, rowsOf(64, 2, 40, 2));
            problem.slots = {0, 33};
            check(shape, problem);
        }
}

TEST_CASE("Lists, sights, caps, means and known logits work over mixed rows", "[core.kernels.cuda.mixed]") {
    for (const MixedShape& shape : mixedShapes())
        for (const int splits : {1, 2}) {
            const AttentionCase plain = mixed(shape, rowsOf(64, 4, 130, splits));
            AttentionCase capped = plain;
            capped.softcap = 3;
            check(shape, capped);
            AttentionCase seen = plain;
            for (int head = 0; head < 8; ++head)
                seen.sights.push_back({90, 1200 - 100 * head});
            check(shape, seen);
            AttentionCase listed = plain;
            listed.lists = someLists(2, 130);
            check(shape, listed);
            listed.alphas = {0.0f, 0.25f, 0.5f, 1.0f, 0.9f, 0.1f, 0.75f, 0.333f};
            check(shape, listed);
            AttentionCase perHead = plain;
            perHead.lists = someLists(8, 130);
            check(shape, perHead);
            perHead.known = AttentionCase::Known::ShareOfAll;
            check(shape, perHead);
        }
}

TEST_CASE("What is told of mixed rows is their logits", "[core.kernels.cuda.mixed]") {
    for (const MixedShape& shape : mixedShapes())
        for (const bool byList : {false, true}) {
            INFO(shape.text());
            AttentionCase problem = mixed(shape, rowsOf(64, 4, 70, 2));
            problem.reported = true;
            if (byList)
                problem.lists = someLists(2, 70);
            for (const machine::Execution& execution : machine::executions()) {
                const Attended attended = problem.attend(execution.stream);
                for (int head = 0; head < 8; ++head) {
                    const auto h = static_cast<std::size_t>(head);
                    const auto slots = problem.attended(head);
                    const std::size_t stride = attended.logits.size() / 8;
                    double sum = 0;
                    for (std::size_t i = 0; i < slots.size(); ++i) {
                        const double logit = problem.logit(head, slots[i]);
                        REQUIRE(std::abs(attended.logits[h * stride + i] - logit) <= 4 * kTolerance);
                        sum += std::exp(logit - double{attended.tops[h]});
                    }
                    CHECK(std::abs(attended.sums[h] / sum - 1) <= 2e-5);
                }
            }
        }
}

TEST_CASE("What lies behind the last mixed row cannot reach the output", "[core.kernels.cuda.mixed]") {
    for (const MixedShape& shape : mixedShapes()) {
        INFO(shape.text());
        AttentionCase problem = mixed(shape, rowsOf(64, 4, 100, 2));
        problem.slots = {65, 1};
        for (const machine::Execution& execution : machine::executions()) {
            problem.behindTheLastSlot = 0.0f;
            const std::vector<float> clean = problem.run(execution.stream);
            problem.behindTheLastSlot = std::numeric_limits<float>::quiet_NaN();
            CHECK(sameBits(problem.run(execution.stream), clean));
        }
    }
}

TEST_CASE("What is no number in a mixed row reaches those who read it, and nobody else",
          "[core.kernels.cuda.mixed]") {
    for (const MixedShape& shape : mixedShapes())
        for (const bool keys : {true, false})
            for (const std::int64_t slot : {0, 7, 41}) {
                INFO(shape.text() << (keys ? " key " : " value ") << slot);
                const AttentionCase clean = mixed(shape, rowsOf(64, 4, 90, 2));
                AttentionCase problem = clean;
                problem.spoil(keys, 1, slot);
                AttentionCase listed = problem, unspoilt = clean;
                listed.lists = {{0, 1, 2}, {}};
                for (std::int32_t other = 0; other < 90; ++other)
                    if (!problem.sharesSide(1, other, slot))
                        listed.lists[1].push_back(other);
                unspoilt.lists = listed.lists;
                for (const machine::Execution& execution : machine::executions()) {
                    const std::vector<float> out = problem.run(execution.stream);
                    for (std::size_t i = 0; i < out.size(); ++i)
                        if (i < 4 * 64)
                            REQUIRE_FALSE(std::isnan(out[i]));
                    CHECK(
                        std::any_of(out.begin() + 4 * 64, out.end(), [](float x) { return std::isnan(x); }));
                    CHECK(sameBits(listed.run(execution.stream), unspoilt.run(execution.stream)));
                }
            }
}

TEST_CASE("Mixed rows give the same bits in every order of execution", "[core.kernels.cuda.mixed]") {
    for (const MixedShape& shape : mixedShapes()) {
        const AttentionCase problem = mixed(shape, rowsOf(128, 4, 233, 3));
        const std::vector<float> first = problem.run(machine::executions().front().stream);
        for (const machine::Execution& execution : machine::executions())
            CHECK(sameBits(problem.run(execution.stream), first));
    }
}
