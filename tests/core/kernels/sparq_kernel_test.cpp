// SparQ's decode attention on the CPU in worked examples, and where its choice is no matter of course.

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

#include "core/kernels/cpu/attention.h"
#include "tests/core/kernels/kv_blocks.h"

using namespace fovea;
using namespace fovea::test;
using Select = SparqParams::Select;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Step {
    cpu::AttentionScratch scratch;
    std::vector<float> out;

    std::vector<std::int32_t> slots(const KvBlocks& cache, int kvHead) const {
        const auto n = static_cast<std::ptrdiff_t>(scratch.slots.size()) / cache.shape().kvHeads;
        return {scratch.slots.begin() + kvHead * n, scratch.slots.begin() + (kvHead + 1) * n};
    }
    std::vector<std::int32_t> components(const KvBlocks& cache, int kvHead) const {
        const auto r = static_cast<std::ptrdiff_t>(scratch.components.size()) / cache.shape().kvHeads;
        return {scratch.components.begin() + kvHead * r, scratch.components.begin() + (kvHead + 1) * r};
    }
};

Step sparq(const SparqParams& params, const KvBlocks& cache, const std::vector<float>& q) {
    Step step;
    step.out.assign(q.size(), kNaN);
    Ledger ledger;
    cpu::attendSparq(cache.views(), cache.shape().group(), params, q.data(), step.out.data(), step.scratch,
                     ledger);
    return step;
}

SparqParams plain(int r, int k) { return {r, k, 0, false, false, Select::Softmax}; }

}  // namespace

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
