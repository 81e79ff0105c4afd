// What a read reports of its weights, against the equations.

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/kernels/cpu/attention.h"
#include "core/kernels/cpu/group_weights.h"
#include "tests/core/kernels/attention_reference.h"

using namespace fovea;
using namespace fovea::test;

namespace {

std::vector<float> queriesOf(const AttentionShape& shape, std::uint32_t seed) {
    return normals(static_cast<std::size_t>(shape.queryHeads) * static_cast<std::size_t>(shape.headDim),
                   seed);
}

// Softmax weights of one query head over `slots`, in double.
std::vector<double> weightsOf(const KvBlocks& cache, int kvHead, const float* q,
                              const std::vector<std::int32_t>& slots) {
    std::vector<double> weights;
    const int d = cache.shape().headDim;
    double top = -std::numeric_limits<double>::infinity(), sum = 0;
    for (const std::int32_t slot : slots) {
        const auto key = cache.key(kvHead, slot);
        double dot = 0;
        for (int c = 0; c < d; ++c)
            dot += static_cast<double>(q[c]) * static_cast<double>(key[static_cast<std::size_t>(c)]);
        weights.push_back(dot / std::sqrt(static_cast<double>(d)));
        top = std::max(top, weights.back());
    }
    for (double& w : weights)
        sum += w = std::exp(w - top);
    for (double& w : weights)
        w /= sum;
    return weights;
}

const AttentionShape kShapes[] = {
    {.queryHeads = 1, .kvHeads = 1, .headDim = 32, .slots = 1},
    {.queryHeads = 2, .kvHeads = 2, .headDim = 64, .slots = 1031},
    {.queryHeads = 8,
     .kvHeads = 2,
     .headDim = 40,
     .slots = 777,
     .type = ElementType::BF16,
     .slotsPerBlock = 100},
    {.queryHeads = 6,
     .kvHeads = 2,
     .headDim = 128,
     .slots = 2049,
     .type = ElementType::F16,
     .slotsPerBlock = 1024},
    {.queryHeads = 70, .kvHeads = 1, .headDim = 16, .slots = 301},
};

} // namespace

TEST_CASE("A dense read reports the softmax of every row, summed over the group, and changes nothing else",
          "[core.kernels]") {
    for (const AttentionShape& shape : kShapes) {
        KvBlocks cache(shape);
        cache.fill(5);
        const auto q = queriesOf(shape, 9);
        const int g = shape.group();
        cpu::AttentionScratch scratch;
        cpu::ReadReport report;
        Ledger ledger;
        std::vector<float> out(q.size()), plain(q.size());
        cpu::attendAll(cache.views(), g, q.data(), plain.data(), scratch, ledger);
        const Traffic alone = ledger.take();
        cpu::attendAll(cache.views(), g, q.data(), out.data(), scratch, ledger, {}, {}, {}, &report);
        Traffic told = ledger.take();
        CHECK(out == plain);
        CHECK(told[Component::Scores] == 4 * shape.slots * shape.queryHeads);
        told[Component::Scores] = 0;
        CHECK(told == alone);

        REQUIRE(report.rows ==
                std::vector<std::int64_t>(static_cast<std::size_t>(shape.kvHeads), shape.slots));
        std::vector<float> weights(static_cast<std::size_t>(cpu::kWeightSpan), -1);
        for (int head = 0; head < shape.kvHeads; ++head) {
            std::vector<double> expected(static_cast<std::size_t>(shape.slots));
            for (int h = 0; h < g; ++h) {
                const auto own =
                    weightsOf(cache, head, q.data() + (head * g + h) * shape.headDim, everySlot(cache));
                for (std::size_t i = 0; i < own.size(); ++i)
                    expected[i] += own[i];
            }
            for (std::int64_t first = 0; first < shape.slots; first += cpu::kWeightSpan) {
                const std::int64_t last = std::min(shape.slots, first + cpu::kWeightSpan);
                Traffic read;
                cpu::groupWeights(report, head, g, first, last, weights.data(), read);
                CHECK(read.total() == 4 * g * (last - first));
                for (std::int64_t i = first; i < last; ++i)
                    REQUIRE(static_cast<double>(weights[static_cast<std::size_t>(i - first)]) ==
                            Approx(expected[static_cast<std::size_t>(i)]).epsilon(1e-4).margin(1e-7));
            }
        }
    }
}

TEST_CASE("SparQ reports what it read, by alpha, or what it guessed", "[core.kernels]") {
    for (const AttentionShape& shape : kShapes)
        for (const bool estimate : {false, true})
            for (const bool alpha : {false, true}) {
                const SparqParams params{.components = 8, .tokens = 40, .alpha = alpha};
                KvBlocks cache(shape);
                cache.fill(6);
                const auto q = queriesOf(shape, 10);
                const int g = shape.group();
                cpu::AttentionScratch scratch;
                cpu::ReadReport report;
                report.estimate = estimate;
                Ledger ledger;
                std::vector<float> out(q.size()), plain(q.size());
                cpu::attendSparq(cache.views(), g, params, q.data(), plain.data(), scratch, ledger);
                const Traffic alone = ledger.take();
                cpu::attendSparq(cache.views(), g, params, q.data(), out.data(), scratch, ledger, {}, {},
                                 &report);
                CHECK(out == plain);
                const std::int64_t n = std::min<std::int64_t>(40, shape.slots);
                CHECK(ledger.take()[Component::Scores] - alone[Component::Scores] ==
                      (estimate ? 0 : 4 * n * shape.queryHeads));
                REQUIRE(report.rows.front() == (estimate ? shape.slots : n));

                std::vector<float> weights(static_cast<std::size_t>(report.rows.front()));
                for (int head = 0; head < shape.kvHeads; ++head) {
                    const float* own = q.data() + head * g * shape.headDim;
                    std::vector<double> expected(weights.size());
                    const Approximation guess = approximate(params, cache, head, own);
                    for (int h = 0; h < g; ++h) {
                        std::vector<double> one = guess.shares[static_cast<std::size_t>(h)];
                        if (!estimate) {
                            const std::vector<std::int32_t> chosen(report.slots + head * n,
                                                                   report.slots + head * n + n);
                            one = weightsOf(cache, head, own + h * shape.headDim, chosen);
                        }
                        const double by =
                            estimate
                                ? 1
                                : static_cast<double>(scratch.alphas[static_cast<std::size_t>(head * g + h)]);
                        for (std::size_t i = 0; i < expected.size(); ++i)
                            expected[i] += by * one[i];
                    }
                    Traffic read;
                    cpu::groupWeights(report, head, g, 0, report.rows.front(), weights.data(), read);
                    for (std::size_t i = 0; i < weights.size(); ++i)
                        REQUIRE(static_cast<double>(weights[i]) ==
                                Approx(expected[i]).epsilon(1e-3).margin(1e-6));
                }
            }
}

TEST_CASE("A weight that is no number is reported as none", "[core.kernels]") {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    for (const float bad : {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
        const AttentionShape shape{.queryHeads = 2, .kvHeads = 1, .headDim = 16, .slots = 21};
        KvBlocks cache(shape);
        cache.fill(3);
        std::vector<float> row(16, 0.f);
        row[3] = bad;
        cache.setKey(0, 4, row);
        auto q = queriesOf(shape, 4);
        q[3] = 1, q[16 + 3] = 0.5f;
        cpu::AttentionScratch scratch;
        cpu::ReadReport report;
        Ledger ledger;
        std::vector<float> out(q.size()), weights(21);
        cpu::attendAll(cache.views(), 2, q.data(), out.data(), scratch, ledger, {}, {}, {}, &report);
        Traffic read;
        cpu::groupWeights(report, 0, 2, 0, 21, weights.data(), read);
        for (const float w : weights)
            CHECK((w >= 0 && w <= 2));
        CHECK(weights[4] == 0);
    }
}
