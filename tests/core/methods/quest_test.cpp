#include "core/methods/read/quest.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/methods/read/dense.h"
#include "core/methods/read/page_bounds.h"
#include "core/methods/read/quest_stages.h"
#include "tests/support/tensor_reader.h"

using namespace fovea;
using fovea::test::TensorReader;

namespace {

using Slots = std::vector<std::int64_t>;

Slots list(const at::Tensor& t) {
    return {t.data_ptr<std::int64_t>(), t.data_ptr<std::int64_t>() + t.numel()};
}

} // namespace

TEST_CASE("A page's bounds are the least and the greatest of its keys, the last page's too",
          "[core.methods]") {
    const at::Tensor keys = at::tensor({1.f, -2.f, 3.f, 4.f, -5.f, 6.f}).view({3, 2});
    const at::Tensor bounds = boundsOfRows(keys, 2);
    CHECK(bounds.equal(at::tensor({1.f, -2.f, 3.f, 4.f, -5.f, 6.f, -5.f, 6.f}).view({2, 2, 2})));
}

TEST_CASE("A page's score is at least what any of its keys scores, whatever the query", "[core.methods]") {
    for (int trial = 0; trial < 200; ++trial) {
        const std::int64_t S = 1 + trial % 70, d = 1 + trial % 19, P = 1 + trial % 23;
        TensorReader cache(at::randn({S, d}) * 3, at::randn({S, d}));
        const at::Tensor q = at::randn({1 + trial % 4, d});
        const at::Tensor scores = questTruth({.page = static_cast<int>(P)}, q, cache).scores;
        const at::Tensor exact = at::matmul(q, cache.K.t()) / std::sqrt(static_cast<double>(d));
        for (std::int64_t s = 0; s < S; ++s)
            REQUIRE((exact.select(1, s) <= scores.select(1, s / P) + 1e-5).all().item<bool>());
        // And with one key in a page it is what that key scores.
        const at::Tensor single = questTruth({.page = 1}, q, cache).scores;
        REQUIRE(at::allclose(single, exact, 1e-4, 1e-5));
    }
}

TEST_CASE("Quest by hand: two pages of four, the newest among them", "[core.methods]") {
    // Pages of two keys: their greatest possible scores with q = (1, -1), times √2, are 3, 12, 5 and 1.
    const at::Tensor K =
        at::tensor({1.f, 0.f, 2.f, -1.f, 0.f, -6.f, 6.f, 0.f, 5.f, 0.f, 3.f, 0.f, 1.f, 0.f}).view({7, 2});
    TensorReader cache(K, at::randn({7, 2}));
    const at::Tensor q = at::tensor({1.f, -1.f}).unsqueeze(0);
    const QuestStages stages = questTruth({.page = 2, .pages = 2}, q, cache);
    CHECK(at::allclose(stages.scores * std::sqrt(2.), at::tensor({3.f, 12.f, 5.f, 1.f}).unsqueeze(0)));
    CHECK(list(stages.pages) == Slots{1, 3}); // the newest scores least
    CHECK(list(stages.slots) == Slots{2, 3, 6});
    CHECK(list(questTruth({.page = 2, .pages = 1}, q, cache).pages) == Slots{3});
    CHECK(list(questTruth({.page = 2, .pages = 3}, q, cache).pages) == Slots{1, 2, 3});
}

TEST_CASE("The heads of a group choose together, by the sum of their scores", "[core.methods]") {
    const at::Tensor K = at::tensor({5.f, 0.f, 0.f, 5.f, 3.f, 3.f, 0.f, 0.f}).view({4, 2});
    TensorReader cache(K, at::randn({4, 2}));
    const at::Tensor q = at::tensor({1.f, 0.f, 0.f, 1.f}).view({2, 2});
    CHECK(list(questTruth({.page = 1, .pages = 2}, q, cache).pages) ==
          Slots{2, 3}); // 5, 5, 6, and the newest
    CHECK(list(questTruth({.page = 1, .pages = 2}, q.narrow(0, 0, 1), cache).pages) == Slots{0, 3});
}

TEST_CASE("Quest with every page is dense attention", "[core.methods]") {
    TensorReader cache(at::randn({45, 16}), at::randn({45, 16}));
    const at::Tensor q = at::randn({3, 16});
    for (const int page : {1, 7, 16, 45, 46, 1 << 30})
        CHECK(at::allclose(questTruth({.page = page, .pages = 45}, q, cache).output, denseTruth(q, cache),
                           1e-5, 1e-6));
    const LogitRule capped{0.5f, 3.f};
    CHECK(at::allclose(questTruth({}, q, cache, capped).output, denseTruth(q, cache, capped), 1e-5, 1e-6));
}

TEST_CASE("A row of a page that is not read cannot reach the output, even infinite", "[core.methods]") {
    const at::Tensor q = at::randn({2, 8});
    TensorReader cache(at::randn({50, 8}), at::randn({50, 8}));
    const QuestParams params{.page = 4, .pages = 5};
    const QuestStages stages = questTruth(params, q, cache);
    CHECK(stages.slots.numel() == 4 * 4 + 2); // the newest page has two rows
    for (int slot = 0; slot < 50; ++slot)
        if (!(stages.slots == slot).any().item<bool>())
            cache.V[slot] = std::numeric_limits<float>::infinity();
    CHECK(questTruth(params, q, cache).output.equal(stages.output));
}

TEST_CASE("Pages that score the same are chosen from the first on, one whose score is no number last",
          "[core.methods]") {
    TensorReader cache(at::ones({12, 4}), at::randn({12, 4}));
    CHECK(list(questTruth({.page = 2, .pages = 3}, at::ones({1, 4}), cache).pages) == Slots{0, 1, 5});
    cache.K[1][2] = std::numeric_limits<float>::quiet_NaN(); // the page's other key bounds it
    CHECK(list(questTruth({.page = 2, .pages = 3}, at::ones({1, 4}), cache).pages) == Slots{0, 1, 5});
    cache.K[0][2] = std::numeric_limits<float>::quiet_NaN();
    CHECK(list(questTruth({.page = 2, .pages = 3}, at::ones({1, 4}), cache).pages) == Slots{1, 2, 5});
    TensorReader one(at::ones({1, 4}), at::randn({1, 4}));
    CHECK(questTruth({}, at::ones({1, 4}), one).output[0].equal(one.V[0]));
}
