// Spans that differ and grow: the sheet's numbers, and what a window may and may not do.

#include "core/methods/keep/moa.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <random>
#include <set>
#include <utility>

#include "core/plan/attention_plan.h"
#include "core/plan/moa_file.h"
#include "tests/support/tensor_reader.h"

using namespace fovea;
using fovea::test::TensorReader;

namespace {

const std::filesystem::path kPlans = std::filesystem::path(FOVEA_SOURCE_DIR) / "../shared/data/moa_plans";

MoaParams fixedAt(int length, MoaSpan span = {}) {
    MoaParams params;
    params.all = span;
    params.length = length;
    return params;
}

// Random spans whose blocks and minimum are small, so that short texts meet every case.
MoaParams randomParams(std::mt19937& random) {
    const auto upTo = [&](int n) { return std::uniform_int_distribution<int>(0, n)(random); };
    MoaParams params;
    params.sinks = upTo(8);
    params.block = 1 + upTo(12);
    params.minimum = 1 + upTo(24);
    params.all.alpha = upTo(3) == 0 ? upTo(80) - 40 : 0.37 * upTo(200) - 30;
    params.all.beta = upTo(4) == 0 ? upTo(1) : upTo(1000) / 1000.0;
    return params;
}

} // namespace

TEST_CASE("A span is cut to the text and the minimum and rounded up to blocks", "[core.methods]") {
    const MoaParams params;
    CHECK(moaTokens(params, {0, 0.5}, 4096) == 2048);
    CHECK(moaTokens(params, {0, 0.5}, 4097) == 2048); // ⌊2048.5⌋
    CHECK(moaTokens(params, {0, 0.5}, 4098) == 2112);
    CHECK(moaTokens(params, {-2048, 0.25}, 4096) == 128); // negative
    CHECK(moaTokens(params, {8192, 1}, 1000) == 1024);    // beyond N
    CHECK(moaTokens(params, {0, 0}, 7) == 128);
    MoaParams small;
    small.block = 8, small.minimum = 1, small.sinks = 3;
    CHECK(moaTokens(small, {0, 0}, 50) == 8); // the sinks and one token, in a block
    small.block = 1;
    CHECK(moaTokens(small, {0, 0}, 50) == 4);
    CHECK(moaTokens(small, {0.75, 0.3}, 50) == 15);
}

TEST_CASE("A span of a fixed length sees the sinks and the newest tokens, S together", "[core.methods]") {
    MoaParams params = fixedAt(100, {4, 0.25});
    params.sinks = 5, params.block = 8, params.minimum = 16;
    const KeepRule rule = moaRule(params, 0, 0);
    CHECK_FALSE(rule.growth);
    for (const std::int64_t p : {0, 4, 15, 31, 32, 33, 99, 5000}) {
        INFO("query " << p);
        CHECK(rule.seen(p) == std::min<std::int64_t>(p + 1, 32));
        for (std::int64_t j = 0; j <= p; ++j)
            REQUIRE(rule.sees(p, j) == (j < 5 || j > p - 27));
    }
}

TEST_CASE("A window that grows moves forward only, sees all it may, and no formula of it needs a loop",
          "[core.methods]") {
    std::mt19937 random(5);
    for (int trial = 0; trial < 400; ++trial) {
        const MoaParams params = randomParams(random);
        const KeepRule rule = moaRule(params, 0, 0);
        INFO("alpha " << params.all.alpha << " beta " << params.all.beta << " sinks " << params.sinks
                      << " block " << params.block << " min " << params.minimum);
        // Written out: a token is dropped at the first query whose span ends before it, for good.
        std::vector<bool> dropped(160, false);
        std::int64_t most = 0;
        for (std::int64_t p = 0; p < 160; ++p) {
            const std::int64_t span = moaTokens(params, params.all, p + 1);
            std::int64_t seen = 0;
            for (std::int64_t j = 0; j <= p; ++j) {
                const auto index = static_cast<std::size_t>(j);
                dropped[index] = dropped[index] || (j >= params.sinks && j <= p - (span - params.sinks));
                if (dropped[index] && rule.unseenFrom(j) == p)
                    REQUIRE_FALSE(rule.sees(p, j));
                REQUIRE(rule.sees(p, j) == !dropped[index]);
                REQUIRE((p < rule.unseenFrom(j)) == !dropped[index]);
                REQUIRE(rule.at(p).sees(p, j) == !dropped[index]);
                seen += !dropped[index];
            }
            REQUIRE(rule.seen(p) == seen);
            REQUIRE(rule.at(p).seen(p) == seen);
            REQUIRE(seen <= span);
            REQUIRE(seen >= most); // so the last step holds the most
            most = seen;
        }
    }
}

TEST_CASE("A plan's heads hold what the longest of their group sees, and say when they differ",
          "[core.methods]") {
    AttentionPlan plan = parsePlan("keep=moa:spans=1x4/0+0N/0+0.5N/24+0N/0+1N,sinks=2,block=4,min=8");
    const LayerKeep keep(plan, 0, 0, true, 4, 2);
    CHECK_FALSE(keep.same());
    for (const std::int64_t p : {3, 7, 8, 20, 40, 47, 48, 49, 100}) {
        INFO("query " << p);
        CHECK(keep.held(0, p).seen(p) == std::max(keep.of(0).seen(p), keep.of(1).seen(p)));
        CHECK(keep.held(1, p).seen(p) == p + 1);
        CHECK(keep.parted(0, p) == (keep.of(0).seen(p) != keep.of(1).seen(p)));
        for (std::int64_t j = 0; j <= p; ++j)
            REQUIRE(keep.held(0, p).sees(p, j) == (keep.of(0).sees(p, j) || keep.of(1).sees(p, j)));
    }
    CHECK(keep.of(0).seen(100) == 8);
    CHECK(keep.of(2).seen(100) == 24);
    // Without the plan's keep, and with the model's own window, heads are alike.
    CHECK(LayerKeep(plan, 0, 0, false, 4, 2).same());
    CHECK(LayerKeep(plan, 0, 6, true, 4, 2).held(1, 50).seen(50) == 6);
    CHECK(LayerKeep(parsePlan("keep=moa:beta=0.25"), 0, 0, true, 4, 2).same());
}

TEST_CASE("The published plan for Vicuna-7B holds what its authors' code does", "[core.methods]") {
    if (!std::filesystem::exists(kPlans / "vicuna-7b.json")) {
        WARN("the published plan files are not here: " << kPlans.string());
        return;
    }
    const MoaSpans spans = readMoaFile(kPlans / "vicuna-7b.json");
    REQUIRE(spans.layers == 32);
    REQUIRE(spans.heads == 32);
    MoaParams params;
    const auto cached = [&](std::int64_t n) {
        std::int64_t sum = 0;
        for (const MoaSpan& span : spans.spans)
            sum += moaTokens(params, span, n);
        return sum;
    };
    CHECK(cached(4096) == 2'031'616);
    CHECK(cached(8192) == 4'128'768);
    CHECK(cached(16384) == 8'323'072);

    std::set<std::pair<double, double>> all;
    for (int layer = 0; layer < 32; ++layer) {
        std::set<std::pair<double, double>> own;
        for (int head = 0; head < 32; ++head)
            own.emplace(spans.of(layer, head).alpha, spans.of(layer, head).beta);
        CHECK(own.size() <= 2);
        all.merge(own);
    }
    CHECK(all.size() == 9);
    // What the rule sees at that length is what is counted.
    params.spans = std::make_shared<const MoaSpans>(spans);
    params.length = 8192;
    std::int64_t seen = 0;
    for (int layer = 0; layer < 32; ++layer)
        for (int head = 0; head < 32; ++head)
            seen += moaRule(params, layer, head).seen(8191);
    CHECK(seen == 4'128'768);
}

TEST_CASE("The longest span of a group is what a plan costs under GQA", "[core.methods]") {
    if (!std::filesystem::exists(kPlans / "llama-3.2-1b.json")) {
        WARN("the published plan files are not here: " << kPlans.string());
        return;
    }
    const MoaSpans spans = readMoaFile(kPlans / "llama-3.2-1b.json");
    AttentionPlan plan;
    MoaParams params;
    params.spans = std::make_shared<const MoaSpans>(spans);
    params.length = 8192;
    plan.keep = params;
    std::int64_t mean = 0, held = 0;
    for (int layer = 0; layer < spans.layers; ++layer) {
        const LayerKeep keep(plan, layer, 0, true, 32, 8);
        for (int head = 0; head < 32; ++head)
            mean += keep.of(head).seen(8191);
        for (int head = 0; head < 8; ++head)
            held += keep.held(head, 8191).seen(8191);
    }
    // .484 and .659 of 8192 tokens per head, as the sheet has it.
    CHECK(static_cast<double>(mean) / (8192.0 * 32 * spans.layers) == Approx(.484).margin(.0006));
    CHECK(static_cast<double>(held) / (8192.0 * 8 * spans.layers) == Approx(.659).margin(.0006));
}

TEST_CASE("The truth of a group gives each head what it sees alone, and nothing of the rest",
          "[core.methods]") {
    const std::int64_t n = 40;
    const KeepRule rules[] = {
        {.sinks = 2, .window = 5}, {.sinks = 2, .window = 30}, {.sinks = 2, .window = 0}};
    at::Tensor k = at::randn({n, 8}), v = at::randn({n, 8});
    const at::Tensor q = at::randn({3, 8}), positions = at::arange(n, at::kLong);
    k[20].fill_(std::numeric_limits<float>::infinity()); // seen by the second head alone
    v[20].fill_(std::numeric_limits<float>::infinity());
    TensorReader rows(k, v);
    const at::Tensor out = moaTruth(rules, q, rows, positions);
    CHECK(at::isfinite(out[0]).all().item<bool>());
    CHECK_FALSE(at::isfinite(out[1]).any().item<bool>());
    CHECK(at::isfinite(out[2]).all().item<bool>());
    // By hand: the first head sees 0, 1 and 34 to 39.
    std::vector<at::Tensor> parts = {k.narrow(0, 0, 2), k.narrow(0, 34, 6)};
    const at::Tensor logits = at::matmul(q[0], at::cat(parts).t()) / std::sqrt(8.0);
    const at::Tensor expected =
        at::matmul(at::softmax(logits, -1), at::cat({v.narrow(0, 0, 2), v.narrow(0, 34, 6)}));
    CHECK(at::allclose(out[0], expected, 1e-5, 1e-6));
}
