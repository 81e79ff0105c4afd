// SparQ's decode attention on the CPU, stage by stage, against the paper's equations.

#include <ATen/Parallel.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/kernels/cpu/attention.h"
#include "tests/core/kernels/attention_reference.h"

using namespace fovea;
using namespace fovea::test;
using Select = SparqParams::Select;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Step {
    cpu::AttentionScratch scratch;
    std::vector<float> out;
    Traffic moved;

    std::vector<std::int32_t> slots(const KvBlocks& cache, int kvHead) const {
        const auto n = static_cast<std::ptrdiff_t>(scratch.slots.size()) / cache.shape().kvHeads;
        return {scratch.slots.begin() + kvHead * n, scratch.slots.begin() + (kvHead + 1) * n};
    }
    std::vector<std::int32_t> components(const KvBlocks& cache, int kvHead) const {
        const auto r = static_cast<std::ptrdiff_t>(scratch.components.size()) / cache.shape().kvHeads;
        return {scratch.components.begin() + kvHead * r, scratch.components.begin() + (kvHead + 1) * r};
    }
    std::vector<float> head(const KvBlocks& cache, int queryHead) const {
        const int d = cache.shape().headDim;
        return {out.begin() + queryHead * d, out.begin() + (queryHead + 1) * d};
    }
};

Step sparq(const SparqParams& params, const KvBlocks& cache, const std::vector<float>& q) {
    Step step;
    step.out.assign(q.size(), kNaN);
    Ledger ledger;
    cpu::attendSparq(cache.views(), cache.shape().group(), params, q.data(), step.out.data(), step.scratch, ledger);
    step.moved = ledger.take();
    return step;
}

std::vector<float> queriesOf(const AttentionShape& shape, std::uint32_t seed) {
    return normals(static_cast<std::size_t>(shape.queryHeads) * static_cast<std::size_t>(shape.headDim), seed);
}

SparqParams plain(int r, int k) { return {r, k, 0, false, false, Select::Softmax}; }

Traffic expectedTraffic(const SparqParams& params, const AttentionShape& shape) {
    const std::int64_t e = elementBytes(shape.type), n = std::min<std::int64_t>(params.tokens, shape.slots);
    Traffic one;
    one[Component::KeyColumns] = params.components * shape.slots * e;
    one[Component::Scores] = 2 * 4 * shape.slots * shape.group();
    one[Component::Indices] = 2 * 4 * n;
    one[Component::Keys] = one[Component::Values] = n * shape.headDim * e;
    one[Component::Mean] = params.alpha ? 4 * shape.headDim : 0;
    return one * shape.kvHeads;
}

// The chosen are distinct, sorted, hold the local window, and no other token is worth more than the worst of them
// by more than rounding can explain.
void checkChosen(const SparqParams& params, const Approximation& truth, const std::vector<std::int32_t>& chosen) {
    const auto slots = static_cast<std::int64_t>(truth.value.size());
    const std::int64_t n = std::min<std::int64_t>(params.tokens, slots);
    const std::int64_t local = std::min<std::int64_t>(params.localTokens(), n);
    REQUIRE(static_cast<std::int64_t>(chosen.size()) == n);
    REQUIRE(std::adjacent_find(chosen.begin(), chosen.end(), std::greater_equal<>()) == chosen.end());
    REQUIRE(chosen.front() >= 0);
    REQUIRE(chosen.back() < slots);
    for (std::int64_t i = 0; i < local; ++i)
        REQUIRE(chosen[static_cast<std::size_t>(n - 1 - i)] == slots - 1 - i);
    double worstKept = kInfinity, bestLeft = -kInfinity;
    for (std::int64_t s = 0; s < slots - local; ++s) {
        const double value = truth.value[static_cast<std::size_t>(s)];
        if (std::binary_search(chosen.begin(), chosen.end(), static_cast<std::int32_t>(s)))
            worstKept = std::min(worstKept, value);
        else
            bestLeft = std::max(bestLeft, value);
    }
    REQUIRE(bestLeft <= worstKept + 2 * truth.bound);
}

void checkSparq(const SparqParams& params, const AttentionShape& shape) {
    INFO(elementName(shape.type) << " H=" << shape.queryHeads << " G=" << shape.kvHeads << " d=" << shape.headDim
                                 << " S=" << shape.slots << " r=" << params.components << " k=" << params.tokens
                                 << " local=" << params.localTokens() << " alpha=" << params.alpha
                                 << " tau=" << params.tau << " logits=" << (params.select == Select::Logits));
    KvBlocks cache(shape);
    cache.fill(static_cast<std::uint32_t>(shape.slots + 77));
    const std::vector<float> q = queriesOf(shape, 15);
    const Step step = sparq(params, cache, q);
    for (int h = 0; h < shape.queryHeads; ++h) {
        const int kv = h / shape.group(), inGroup = h % shape.group();
        INFO("query head " << h);
        const Approximation truth =
            approximate(params, cache, kv, q.data() + kv * shape.group() * shape.headDim);
        REQUIRE(step.components(cache, kv) == truth.components);
        REQUIRE(step.scratch.taus[static_cast<std::size_t>(h)] ==
                Approx(truth.tau[static_cast<std::size_t>(inGroup)]).epsilon(1e-5));
        const std::vector<std::int32_t> chosen = step.slots(cache, kv);
        checkChosen(params, truth, chosen);
        double alpha = 0;
        for (const std::int32_t s : chosen)
            alpha += truth.shares[static_cast<std::size_t>(inGroup)][static_cast<std::size_t>(s)];
        if (!params.alpha)
            alpha = 1;
        REQUIRE(step.scratch.alphas[static_cast<std::size_t>(h)] == Approx(alpha).epsilon(2e-5));

        const Attended exact = attend(cache, kv, q.data() + h * shape.headDim, chosen);
        double worst = 0, meanSize = 0;
        for (std::size_t i = 0; i < static_cast<std::size_t>(shape.headDim); ++i) {
            const double mean = cache.valueSum(kv)[i] / static_cast<double>(shape.slots);
            const double y = alpha * exact.output[i] + (1 - alpha) * mean;
            const double error = std::fabs(step.head(cache, h)[i] - y);
            worst = std::isnan(error) ? kInfinity : std::max(worst, error);
            meanSize = std::max({meanSize, std::fabs(mean), std::fabs(exact.output[i])});
        }
        REQUIRE(worst <= exact.bound + 4e-5 * meanSize);
    }
    REQUIRE(step.moved == expectedTraffic(params, shape));
}

}  // namespace

TEST_CASE("SparQ's kernels follow the paper for every type, shape, length and switch", "[core.kernels]") {
    const auto type = GENERATE(ElementType::F32, ElementType::F16, ElementType::BF16);
    const auto heads = GENERATE(table<int, int, int>(
        {{1, 1, 32}, {8, 8, 128}, {8, 2, 64}, {4, 2, 32}, {6, 1, 96}, {4, 4, 16}, {2, 1, 8}, {3, 1, 5}}));
    const auto slots = GENERATE(1, 2, 3, 17, 255, 256, 257, 1000, 4099);
    const AttentionShape shape{std::get<0>(heads), std::get<1>(heads), std::get<2>(heads), slots, type};
    const int d = shape.headDim;
    checkSparq({std::max(1, d / 4), 16, {}, true, true, Select::Softmax}, shape);
    checkSparq({std::max(1, d / 2), 128, {}, true, true, Select::Logits}, shape);
    checkSparq({d, 3, 3, true, false, Select::Softmax}, shape);
    checkSparq({1, 1, 0, false, true, Select::Softmax}, shape);
    checkSparq({std::min(7, d), 40, 5, false, false, Select::Logits}, shape);
}

TEST_CASE("SparQ with every component and every token is dense attention", "[core.kernels]") {
    const auto type = GENERATE(ElementType::F32, ElementType::BF16);
    const auto slots = GENERATE(1, 17, 256, 1000);
    KvBlocks cache({8, 2, 64, slots, type});
    cache.fill(21);
    const std::vector<float> q = queriesOf(cache.shape(), 22);
    std::vector<float> dense(q.size(), kNaN);
    cpu::AttentionScratch scratch;
    Ledger ledger;
    cpu::attendAll(cache.views(), 4, q.data(), dense.data(), scratch, ledger);
    const Step step = sparq({64, slots + 3, {}, false, true, Select::Softmax}, cache, q);
    REQUIRE(step.slots(cache, 0) == everySlot(cache));
    for (int h = 0; h < 8; ++h) {
        const double bound = attend(cache, h / 4, q.data() + h * 64, everySlot(cache)).bound;
        for (std::size_t i = 0; i < 64; ++i)
            CHECK(std::fabs(step.out[static_cast<std::size_t>(h) * 64 + i] -
                            dense[static_cast<std::size_t>(h) * 64 + i]) <= bound);
    }
}

TEST_CASE("SparQ's temperatures and grouped components are those of the worked example", "[core.kernels]") {
    KvBlocks cache({4, 2, 2, 1});
    cache.setKey(0, 0, {1, 10});
    cache.setKey(1, 0, {20, 2});
    cache.setValue(0, 0, {0, 0});
    cache.setValue(1, 0, {0, 0});
    cache.sumValues();
    const Step step = sparq({1, 1, 0, true, true, Select::Softmax}, cache, {1, 10, -20, 2, 30, 3, 4, 40});
    CHECK(step.components(cache, 0) == std::vector<std::int32_t>{0});
    CHECK(step.components(cache, 1) == std::vector<std::int32_t>{1});
    const double shares[] = {1 / 11., 20 / 22., 3 / 33., 40 / 44.}, products[] = {1, -20, 6, 80};
    for (std::size_t h = 0; h < 4; ++h) {
        CHECK(step.scratch.taus[h] == Approx(std::sqrt(2 * shares[h])));
        CHECK(step.scratch.scores[h * static_cast<std::size_t>(step.scratch.scoreStride)] ==
              Approx(products[h] / std::sqrt(2 * shares[h])));
    }
}

TEST_CASE("The column copy decides what is chosen, and nothing else", "[core.kernels]") {
    KvBlocks cache({1, 1, 2, 4});
    cache.setKey(0, 0, {1, 0});
    cache.setKey(0, 1, {4, -10});
    cache.setKey(0, 2, {2, 5});
    cache.setKey(0, 3, {-3, 10});
    for (int s = 0; s < 4; ++s)
        cache.setValue(0, s, {2.f * static_cast<float>(s) + 1, 2.f * static_cast<float>(s) + 2});
    const std::vector<float> q{1, -.5f};
    SECTION("as published") {
        const Step step = sparq(plain(1, 2), cache, q);
        CHECK(step.slots(cache, 0) == std::vector<std::int32_t>{1, 2});
        CHECK(step.out[0] == Approx(3.0024).margin(5e-5));
        CHECK(step.out[1] == Approx(4.0024).margin(5e-5));
    }
    SECTION("a wrong entry in the copy") {
        cache.setKeyColumn(0, 0, 0, 50);
        const Step step = sparq(plain(1, 2), cache, q);
        CHECK(step.slots(cache, 0) == std::vector<std::int32_t>{0, 1});
        const double weight = 1 / (1 + std::exp(8 / std::sqrt(2.)));  // of token 0: logits 1/√2 and 9/√2
        CHECK(step.out[0] == Approx(weight * 1 + (1 - weight) * 3));
        CHECK(step.out[1] == Approx(weight * 2 + (1 - weight) * 4));
    }
}

TEST_CASE("What SparQ does not read cannot reach the output, even infinite", "[core.kernels]") {
    const auto type = GENERATE(ElementType::F32, ElementType::F16, ElementType::BF16);
    const auto alpha = GENERATE(false, true);
    KvBlocks cache({8, 2, 64, 1000, type});
    cache.fill(31);
    const std::vector<float> q = queriesOf(cache.shape(), 32);
    const SparqParams params{16, 64, {}, alpha, true, Select::Softmax};
    const Step before = sparq(params, cache, q);
    for (int kv = 0; kv < 2; ++kv) {
        const std::vector<std::int32_t> chosen = before.slots(cache, kv);
        for (std::int32_t s = 0; s < 1000; ++s)
            if (!std::binary_search(chosen.begin(), chosen.end(), s)) {
                cache.setKeyRow(kv, s, std::vector<float>(64, kNaN));
                cache.setValue(kv, s, std::vector<float>(64, s % 2 ? kInfinity : kNaN));
            }
    }
    CHECK(sparq(params, cache, q).out == before.out);
}

TEST_CASE("Among equal scores the oldest tokens are chosen, beside the local window", "[core.kernels]") {
    const auto select = GENERATE(Select::Softmax, Select::Logits);
    const auto heads = GENERATE(1, 4);
    KvBlocks cache({heads, 1, 16, 2000});
    cache.fill(41);
    const Step step = sparq({4, 12, 3, true, true, select}, cache, std::vector<float>(static_cast<std::size_t>(heads) * 16, 0.f));
    CHECK(step.components(cache, 0) == std::vector<std::int32_t>{0, 1, 2, 3});
    CHECK(step.slots(cache, 0) == std::vector<std::int32_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 1997, 1998, 1999});
    CHECK(step.scratch.alphas[0] == Approx(12 / 2000.));
    const float mean = cache.valueSum(0)[0] / 2000;
    double kept = 0;
    for (const std::int32_t s : step.slots(cache, 0))
        kept += cache.value(0, s)[0] / 12.0;
    CHECK(step.out[0] == Approx(0.006 * kept + 0.994 * mean).margin(1e-6));
}

TEST_CASE("Rising scores are chosen as well as falling ones", "[core.kernels]") {
    const auto rising = GENERATE(true, false);
    KvBlocks cache({1, 1, 8, 4000});
    cache.fill(51);
    std::vector<float> key(8, 0.f), q(8, 0.f);
    q[2] = 1;
    for (int s = 0; s < 4000; ++s) {
        key[2] = static_cast<float>(rising ? s : -s) / 64;
        cache.setKey(0, s, key);
    }
    const std::vector<std::int32_t> chosen = sparq(plain(1, 100), cache, q).slots(cache, 0);
    CHECK(chosen.front() == (rising ? 3900 : 0));
    CHECK(chosen.back() == (rising ? 3999 : 99));
}

TEST_CASE("Tokens of logit -inf or NaN are chosen last, and a head that sees nothing gives the mean",
          "[core.kernels]") {
    KvBlocks cache({1, 1, 8, 500});
    cache.fill(61);
    std::vector<float> q(8, 0.f);
    q[0] = 1;
    for (int s = 0; s < 500; ++s)
        cache.setKeyColumn(0, s, 0, s % 2 ? -kInfinity : kNaN);
    SECTION("but one") {
        cache.setKeyColumn(0, 321, 0, 1.f);
        const Step step = sparq({1, 4, 0, false, true, Select::Logits}, cache, q);
        CHECK(step.slots(cache, 0) == std::vector<std::int32_t>{0, 1, 2, 321});
        CHECK(std::isfinite(step.out[0]));
    }
    SECTION("all of them -inf") {
        for (int s = 0; s < 500; ++s)
            cache.setKeyColumn(0, s, 0, -kInfinity);
        const Step step = sparq({1, 4, 0, true, true, Select::Softmax}, cache, q);
        CHECK(step.slots(cache, 0) == std::vector<std::int32_t>{0, 1, 2, 3});
        CHECK(step.scratch.alphas[0] == 0);
        for (std::size_t i = 0; i < 8; ++i)
            CHECK(step.out[i] == Approx(cache.valueSum(0)[i] / 500).margin(1e-6));
    }
}

TEST_CASE("A warm SparQ step takes no memory and gives the same on any number of threads", "[core.kernels]") {
    KvBlocks cache({8, 4, 64, 4099, ElementType::BF16});
    cache.fill(71);
    const std::vector<float> q = queriesOf(cache.shape(), 72);
    const SparqParams params;
    const int threads = at::get_num_threads();
    at::set_num_threads(1);
    Step step = sparq(params, cache, q);
    at::set_num_threads(3);
    const float* const scores = step.scratch.scores.data();
    const float* const partials = step.scratch.partials.data();
    const float* const kept = step.scratch.candidates[3].logits.data();
    std::vector<float> again(q.size(), kNaN);
    Ledger ledger;
    cpu::attendSparq(cache.views(), 2, params, q.data(), again.data(), step.scratch, ledger);
    at::set_num_threads(threads);
    CHECK(again == step.out);
    CHECK(step.scratch.scores.data() == scores);
    CHECK(step.scratch.partials.data() == partials);
    CHECK(step.scratch.candidates[3].logits.data() == kept);
}
