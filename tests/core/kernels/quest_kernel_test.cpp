#include "core/kernels/cpu/attend_quest.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/methods/read/dense.h"
#include "core/methods/read/quest_stages.h"
#include "core/model/forward.h"
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
    std::int64_t last = 0;
    Traffic counted;

    at::Tensor output(int kvHead, int group, int d) {
        return at::from_blob(out.data() + kvHead * group * d, {group, d}, at::kFloat);
    }
    at::Tensor pages(std::int64_t kvHead, std::int64_t n) {
        return at::from_blob(scratch.pages.data() + kvHead * n, {n}, at::kInt).to(at::kLong);
    }
};

Step attend(const QuestParams& params, const LivedCache& cache, int group, const at::Tensor& q,
            const LogitRule& rule = {}) {
    Step step;
    step.out.assign(static_cast<std::size_t>(q.numel()), std::numeric_limits<float>::quiet_NaN());
    Ledger ledger;
    step.last = cpu::attendQuest(cache.views(), group, params, q.data_ptr<float>(), step.out.data(),
                                 step.scratch, ledger, rule);
    step.counted = ledger.take();
    return step;
}

at::Tensor rowsOf(const at::Tensor& pages, std::int64_t page, std::int64_t slots) {
    const at::Tensor rows = (pages.unsqueeze(1) * page + at::arange(page, at::kLong)).flatten();
    return rows.masked_select(rows < slots);
}

// The kernel's choice is a best one, up to rounding, and its output dense attention over the rows of that choice.
void check(const QuestParams& params, const LivedShape& shape, const LogitRule& rule) {
    INFO("S " << shape.tokens << ", d " << shape.headDim << ", group " << shape.group << ", type "
              << elementName(shape.type) << ", page " << params.page << ", pages " << params.pages);
    LivedCache cache(shape);
    cache.fill();
    const at::Tensor q = at::randn({shape.kvHeads * shape.group, shape.headDim});
    Step step = attend(params, cache, shape.group, q, rule);
    std::int64_t last = 0;
    for (int g = 0; g < shape.kvHeads; ++g) {
        CacheViewReader reader = cache.reader(g);
        const at::Tensor own = q.narrow(0, g * shape.group, shape.group);
        const QuestStages truth = questTruth(params, own, reader, rule);
        const std::int64_t N = truth.scores.size(-1), n = std::min<std::int64_t>(params.pages, N);
        const at::Tensor pages = step.pages(g, n), score = truth.scores.sum(0);
        const std::int64_t newest = reader.newest(1).item<std::int64_t>() / params.page;
        REQUIRE((pages.slice(0, 1) > pages.slice(0, 0, n - 1)).all().item<bool>());
        REQUIRE((pages == newest).any().item<bool>());
        last += (pages == N - 1).any().item<bool>();

        const at::Tensor rest = at::ones_like(score, at::kBool).index_fill(0, pages, false);
        const at::Tensor earned = pages.masked_select(pages != newest);
        if (n < N && n > 1)
            REQUIRE(score.index_select(0, earned).min().item<float>() >=
                    score.masked_select(rest).max().item<float>() -
                        1e-4f * score.abs().max().item<float>());
        const at::Tensor slots = rowsOf(pages, params.page, reader.slots());
        const at::Tensor logits =
            attentionLogits(at::matmul(own, reader.keyRows(slots).t()), rule, shape.headDim);
        const at::Tensor expected = at::matmul(at::softmax(logits, -1), reader.valueRows(slots));
        REQUIRE(at::allclose(step.output(g, shape.group, shape.headDim), expected, 1e-4, 1e-5));
    }
    REQUIRE(step.last == last);
}

} // namespace

TEST_CASE("Quest on the CPU is its truth, for every type, width, group, length and choice",
          "[core.kernels]") {
    int i = 0;
    for (const LivedShape& shape : livedShapes()) {
        const int pages[] = {1, 2, 5, 300};
        const LogitRule rules[] = {{}, {0.3f, 0}, {0, 2.f}};
        check({.page = shape.page, .pages = pages[i % 4]}, shape, rules[i % 3]);
        ++i;
    }
}

TEST_CASE("Quest with every page is dense attention on the CPU too", "[core.kernels]") {
    for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16}) {
        LivedCache cache({.tokens = 1300, .kvHeads = 2, .group = 4, .headDim = 64, .type = type, .page = 16});
        cache.fill();
        const at::Tensor q = at::randn({8, 64});
        Step step = attend({.page = 16, .pages = 82}, cache, 4, q);
        for (int g = 0; g < 2; ++g) {
            CacheViewReader reader = cache.reader(g);
            CHECK(at::allclose(step.output(g, 4, 64), denseTruth(q.narrow(0, g * 4, 4), reader), 1e-4, 1e-5));
        }
    }
}

TEST_CASE("A row of a page that is not read cannot reach the output of Quest, even infinite",
          "[core.kernels]") {
    for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16}) {
        LivedCache cache({.tokens = 700, .kvHeads = 2, .group = 3, .headDim = 32, .type = type, .page = 8});
        cache.fill();
        const at::Tensor q = at::randn({6, 32});
        const QuestParams params{.page = 8, .pages = 6};
        Step before = attend(params, cache, 3, q);
        for (int g = 0; g < 2; ++g) {
            const at::Tensor slots = rowsOf(before.pages(g, 6), 8, 700);
            for (std::int64_t slot = 0; slot < 700; ++slot)
                if (!(slots == slot).any().item<bool>())
                    cache.spoil(g, slot, true, true);
        }
        CHECK(attend(params, cache, 3, q).out == before.out);
    }
}

TEST_CASE("Pages that score the same are read from the first on, one without a score last, the newest always",
          "[core.kernels]") {
    LivedShape shape{.tokens = 300, .headDim = 32, .page = 10};
    LivedCache cache(shape);
    cache.keys().fill_(0.5);
    cache.fill();
    const QuestParams params{.page = 10, .pages = 3};
    CHECK(attend(params, cache, 1, at::full({1, 32}, 1.f)).scratch.pages ==
          std::vector<std::int32_t>{0, 1, 29});

    LivedCache broken(shape);
    broken.keys().fill_(0.5);
    broken.keys()[7].fill_(std::numeric_limits<float>::quiet_NaN());
    broken.fill(); // the nine other keys of its page bound it
    CHECK(attend(params, broken, 1, at::full({1, 32}, 1.f)).scratch.pages ==
          std::vector<std::int32_t>{0, 1, 29});
    LivedCache empty(shape);
    empty.keys().fill_(0.5);
    empty.keys().narrow(0, 0, 10).fill_(std::numeric_limits<float>::quiet_NaN());
    empty.fill();
    CHECK(attend(params, empty, 1, at::full({1, 32}, 1.f)).scratch.pages ==
          std::vector<std::int32_t>{1, 2, 29});
}

TEST_CASE("What Quest computes and counts does not depend on the number of threads", "[core.kernels]") {
    const int before = at::get_num_threads();
    LivedCache cache({.tokens = 20000, .kvHeads = 3, .group = 2, .headDim = 32, .page = 4});
    cache.fill();
    const at::Tensor q = at::randn({6, 32});
    at::set_num_threads(1);
    const Step one = attend({.page = 4, .pages = 50}, cache, 2, q);
    at::set_num_threads(4);
    const Step four = attend({.page = 4, .pages = 50}, cache, 2, q);
    at::set_num_threads(before);
    CHECK(one.out == four.out);
    CHECK(one.counted == four.counted);
    CHECK(one.last == four.last);
}
