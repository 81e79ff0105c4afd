// Where the kernels' arithmetic ends: logits that are infinite or no number, ties, weights that are none, slots that are met
// by another query. Everything ordinary is attention_cases_test.cpp's.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/kernels/cpu/attend_quest.h"
#include "core/kernels/cpu/attend_topv.h"
#include "core/kernels/cpu/group_weights.h"
#include "core/methods/read/topv_stages.h"
#include "tests/core/kernels/kv_blocks.h"
#include "tests/core/kernels/lived_cache.h"

#include <catch2/catch.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> attendAllOf(const KvBlocks& cache, const std::vector<float>& q) {
    std::vector<float> out(q.size(), std::numeric_limits<float>::quiet_NaN());
    cpu::AttentionScratch scratch;
    Ledger ledger;
    cpu::attendAll(cache.views(), cache.shape().group(), q.data(), out.data(), scratch, ledger);
    return out;
}

std::vector<std::int32_t> slotsOf(const TopvParams& params, const LivedCache& cache, const at::Tensor& q) {
    std::vector<float> out(static_cast<std::size_t>(q.numel()));
    cpu::AttentionScratch scratch;
    Ledger ledger;
    cpu::attendTopv(cache.views(), 1, params, q.data_ptr<float>(), out.data(), scratch, ledger);
    return scratch.slots;
}

std::vector<std::int32_t> pagesOf(const QuestParams& params, const LivedCache& cache, const at::Tensor& q) {
    std::vector<float> out(static_cast<std::size_t>(q.numel()));
    cpu::AttentionScratch scratch;
    Ledger ledger;
    cpu::attendQuest(cache.views(), 1, params, q.data_ptr<float>(), out.data(), scratch, ledger);
    return scratch.pages;
}

} // namespace

TEST_CASE("A token with logit -inf has no weight, and a head without any other attends to nothing",
          "[core.kernels]") {
    KvBlocks cache({1, 1, 16, 40});
    cache.fill(1);
    std::vector<float> q(16, 0.f);
    q[0] = 1;
    std::vector<float> key(16, 0.f);
    key[0] = -kInfinity;
    for (int s = 0; s < 39; ++s)
        cache.setKey(0, s, key);
    SECTION("one token is left") {
        CHECK(attendAllOf(cache, q) == cache.value(0, 39));
    }
    SECTION("the first span sees nothing") {
        KvBlocks longer({1, 1, 16, 3000});
        longer.fill(1);
        for (int s = 0; s < 2999; ++s)
            longer.setKey(0, s, key);
        CHECK(attendAllOf(longer, q) == longer.value(0, 2999));
    }
    SECTION("none is left") {
        cache.setKey(0, 39, key);
        CHECK(attendAllOf(cache, q) == std::vector<float>(16, 0.f));
    }
}

TEST_CASE("A key that is no number is not hidden by those that have no weight", "[core.kernels]") {
    for (const int broken : {0, 3, 17, 39})
        for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16}) {
            KvBlocks cache({1, 1, 16, 40, type});
            cache.fill(1);
            std::vector<float> q(16, 0.f), key(16, 0.f);
            q[0] = 1;
            for (int s = 0; s < 40; ++s) {
                key[0] = s == broken ? std::numeric_limits<float>::quiet_NaN() : -kInfinity;
                cache.setKey(0, s, key);
            }
            for (const float y : attendAllOf(cache, q))
                CHECK(std::isnan(y));
        }
}

TEST_CASE("Large logits do not overflow", "[core.kernels]") {
    KvBlocks cache({1, 1, 16, 600});
    cache.fill(2);
    std::vector<float> q(16, 0.f), key(16, 0.f);
    q[3] = 1e4f;
    for (int s = 0; s < 600; ++s) {
        key[3] = static_cast<float>(s); // the maximum moves with every token
        cache.setKey(0, s, key);
    }
    CHECK(attendAllOf(cache, q) == cache.value(0, 599));
}

TEST_CASE("A weight that is no number is reported as none", "[core.kernels]") {
    for (const float bad : {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
        const AttentionShape shape{.queryHeads = 2, .kvHeads = 1, .headDim = 16, .slots = 21};
        KvBlocks cache(shape);
        cache.fill(3);
        std::vector<float> row(16, 0.f);
        row[3] = bad;
        cache.setKey(0, 4, row);
        auto q = normals(32, 4);
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

TEST_CASE("Tokens that weigh the same are read from the first slot on, and a NaN weighs least",
          "[core.kernels]") {
    LivedShape shape{.tokens = 300, .headDim = 32};
    LivedCache cache(shape);
    cache.keys().fill_(0.5);
    cache.fill();
    CHECK(slotsOf({.tokens = 3}, cache, at::full({1, 32}, 1.f)) == std::vector<std::int32_t>{0, 1, 2});

    LivedCache broken(shape);
    broken.keys()[7].fill_(std::numeric_limits<float>::quiet_NaN());
    broken.fill();
    const std::vector<std::int32_t> slots = slotsOf({.tokens = 299}, broken, at::randn({1, 32}));
    CHECK(std::find(slots.begin(), slots.end(), 7) == slots.end());
}

TEST_CASE("Slots met by a query of their own are scored with it, wherever spans are cut", "[core.kernels]") {
    const LivedShape shape{.tokens = 2600, .kvHeads = 2, .group = 2, .headDim = 32};
    LivedCache cache(shape);
    cache.fill();
    const at::Tensor q = at::randn({4, 32}), other = at::randn({4, 32}), third = at::randn({4, 32});
    const std::vector<cpu::TurnedSlots> turned = {{0, 3, other.data_ptr<float>()},
                                                  {1000, 1500, third.data_ptr<float>()}};
    std::vector<float> out(4 * 32);
    cpu::AttentionScratch scratch;
    Ledger ledger;
    const TopvParams params{.tokens = 100};
    cpu::attendTopv(cache.views(), 2, params, q.data_ptr<float>(), out.data(), scratch, ledger, {}, turned);
    for (int g = 0; g < 2; ++g) {
        CacheViewReader reader = cache.reader(g);
        const at::Tensor keys = reader.keys() / std::sqrt(32.);
        const auto scored = [&](const at::Tensor& by) {
            return at::matmul(by.narrow(0, 2 * g, 2), keys.t());
        };
        at::Tensor logits = scored(q);
        logits.slice(1, 0, 3) = scored(other).slice(1, 0, 3);
        logits.slice(1, 1000, 1500) = scored(third).slice(1, 1000, 1500);
        const TopvStages truth = topvTruth(params, logits, reader);
        CHECK(
            at::allclose(at::from_blob(out.data() + g * 64, {2, 32}, at::kFloat), truth.output, 1e-4, 1e-5));
    }
}

TEST_CASE("Pages that score the same are read from the first on, one without a score last, the newest always",
          "[core.kernels]") {
    LivedShape shape{.tokens = 300, .headDim = 32, .page = 10};
    LivedCache cache(shape);
    cache.keys().fill_(0.5);
    cache.fill();
    const QuestParams params{.page = 10, .pages = 3};
    CHECK(pagesOf(params, cache, at::full({1, 32}, 1.f)) == std::vector<std::int32_t>{0, 1, 29});

    LivedCache broken(shape);
    broken.keys().fill_(0.5);
    broken.keys()[7].fill_(std::numeric_limits<float>::quiet_NaN());
    broken.fill(); // the nine other keys of its page bound it
    CHECK(pagesOf(params, broken, at::full({1, 32}, 1.f)) == std::vector<std::int32_t>{0, 1, 29});
    LivedCache empty(shape);
    empty.keys().fill_(0.5);
    empty.keys().narrow(0, 0, 10).fill_(std::numeric_limits<float>::quiet_NaN());
    empty.fill();
    CHECK(pagesOf(params, empty, at::full({1, 32}, 1.f)) == std::vector<std::int32_t>{1, 2, 29});
}
