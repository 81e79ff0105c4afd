#include "core/kernels/cpu/attend_topv.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/methods/read/dense.h"
#include "core/methods/read/topv_stages.h"
#include "tests/core/kernels/lived_cache.h"

#include <catch2/catch.hpp>

using namespace fovea;
using fovea::test::LivedCache;
using fovea::test::LivedShape;
using fovea::test::livedShapes;

namespace {

struct Step {
    std::vector<float> out;
    cpu::AttentionScratch scratch;
    Traffic counted;

    at::Tensor output(int kvHead, int group, int d) {
        return at::from_blob(out.data() + kvHead * group * d, {group, d}, at::kFloat);
    }
    at::Tensor slots(std::int64_t kvHead, std::int64_t n) {
        return at::from_blob(scratch.slots.data() + kvHead * n, {n}, at::kInt).to(at::kLong);
    }
};

Step attend(const TopvParams& params, const LivedCache& cache, int group, const at::Tensor& q,
            const LogitRule& rule = {}) {
    Step step;
    step.out.assign(static_cast<std::size_t>(q.numel()), std::numeric_limits<float>::quiet_NaN());
    Ledger ledger;
    cpu::attendTopv(cache.views(), group, params, q.data_ptr<float>(), step.out.data(), step.scratch, ledger,
                    rule);
    step.counted = ledger.take();
    return step;
}

// The kernel's choice is a best one, up to rounding, and its output what the truth makes of that choice.
void check(const TopvParams& params, const LivedShape& shape, const LogitRule& rule) {
    INFO("S " << shape.tokens << ", d " << shape.headDim << ", group " << shape.group << ", type "
              << elementName(shape.type) << ", k " << params.tokens);
    LivedCache cache(shape);
    cache.fill();
    const at::Tensor q = at::randn({shape.kvHeads * shape.group, shape.headDim});
    Step step = attend(params, cache, shape.group, q, rule);
    for (int g = 0; g < shape.kvHeads; ++g) {
        CacheViewReader reader = cache.reader(g);
        const TopvStages truth = topvTruth(params, q.narrow(0, g * shape.group, shape.group), reader, rule);
        const std::int64_t S = reader.slots(), n = std::min<std::int64_t>(params.tokens, S);
        const at::Tensor slots = step.slots(g, n), weight = truth.all.sum(0);
        REQUIRE((slots.slice(0, 1) > slots.slice(0, 0, n - 1)).all().item<bool>());
        const at::Tensor rest = at::ones_like(weight, at::kBool).index_fill(0, slots, false);
        if (n < S)
            REQUIRE(weight.index_select(0, slots).min().item<float>() >=
                    weight.masked_select(rest).max().item<float>() - 1e-5f);
        at::Tensor kept = truth.all.index_select(-1, slots);
        if (params.renormalise)
            kept = kept / kept.sum(-1, true);
        const at::Tensor expected = at::matmul(kept, reader.valueRows(slots));
        REQUIRE(at::allclose(step.output(g, shape.group, shape.headDim), expected, 1e-4, 1e-5));
    }
}

} // namespace

TEST_CASE("Top-k V on the CPU is its truth, for every type, width, group, length and choice",
          "[core.kernels]") {
    int i = 0;
    for (const LivedShape& shape : livedShapes()) {
        const int ks[] = {1, 5, 64, 3000};
        const LogitRule rules[] = {{}, {0.3f, 0}, {0, 2.f}};
        check({.tokens = ks[i % 4], .renormalise = i % 3 == 0}, shape, rules[i % 3]);
        ++i;
    }
}

TEST_CASE("Top-k V of every token is dense attention on the CPU too", "[core.kernels]") {
    for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16}) {
        LivedCache cache({.tokens = 1300, .kvHeads = 2, .group = 4, .headDim = 64, .type = type});
        cache.fill();
        const at::Tensor q = at::randn({8, 64});
        Step step = attend({.tokens = 1300}, cache, 4, q);
        for (int g = 0; g < 2; ++g) {
            CacheViewReader reader = cache.reader(g);
            CHECK(at::allclose(step.output(g, 4, 64), denseTruth(q.narrow(0, g * 4, 4), reader), 1e-4, 1e-5));
            for (int h = 0; h < 4; ++h)
                CHECK(step.scratch.alphas[static_cast<std::size_t>(g * 4 + h)] == Approx(1));
        }
    }
}

TEST_CASE("A value that no head reads cannot reach the output of top-k V, even infinite", "[core.kernels]") {
    for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16}) {
        LivedCache cache({.tokens = 700, .kvHeads = 2, .group = 3, .headDim = 32, .type = type});
        cache.fill();
        const at::Tensor q = at::randn({6, 32});
        Step before = attend({.tokens = 40}, cache, 3, q);
        for (int g = 0; g < 2; ++g) {
            const at::Tensor slots = before.slots(g, 40);
            for (std::int64_t slot = 0; slot < 700; ++slot)
                if (!(slots == slot).any().item<bool>())
                    cache.spoil(g, slot, false, true);
        }
        CHECK(attend({.tokens = 40}, cache, 3, q).out == before.out);
    }
}

TEST_CASE("Tokens that weigh the same are read from the first slot on, and a NaN weighs least",
          "[core.kernels]") {
    LivedShape shape{.tokens = 300, .headDim = 32};
    LivedCache cache(shape);
    cache.keys().fill_(0.5);
    cache.fill();
    Step step = attend({.tokens = 3}, cache, 1, at::full({1, 32}, 1.f));
    CHECK(std::vector<std::int32_t>(step.scratch.slots) == std::vector<std::int32_t>{0, 1, 2});

    LivedCache broken(shape);
    broken.keys()[7].fill_(std::numeric_limits<float>::quiet_NaN());
    broken.fill();
    Step second = attend({.tokens = 299}, broken, 1, at::randn({1, 32}));
    CHECK(std::find(second.scratch.slots.begin(), second.scratch.slots.end(), 7) ==
          second.scratch.slots.end());
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

TEST_CASE("What top-k V computes and counts does not depend on the number of threads", "[core.kernels]") {
    const int before = at::get_num_threads();
    LivedCache cache({.tokens = 5000, .kvHeads = 3, .group = 2, .headDim = 64});
    cache.fill();
    const at::Tensor q = at::randn({6, 64});
    at::set_num_threads(1);
    const Step one = attend({.tokens = 50}, cache, 2, q);
    at::set_num_threads(4);
    const Step four = attend({.tokens = 50}, cache, 2, q);
    at::set_num_threads(before);
    CHECK(one.out == four.out);
    CHECK(one.counted == four.counted);
}
