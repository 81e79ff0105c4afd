// The weights a plan uses are those whose sum over the values is the method's own output.
#include <catch2/catch.hpp>

#include <atomic>
#include <cmath>
#include <random>

#include "core/engine/capture.h"
#include "core/engine/replay.h"
#include "core/engine/used_weights.h"
#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"

namespace fovea {
namespace {

constexpr std::int64_t kTokens = 70, kDecodeFrom = 20;
const std::atomic<bool> kNever{false};

Capture randomCapture(unsigned seed) {
    const ModelSpec spec{.layers = 2, .queryHeads = 4, .kvHeads = 2, .headDim = 16, .context = 128};
    Capture capture(spec, kTokens, 1 << 30);
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> q(4 * 16), k(2 * 16), v(2 * 16);
    for (int layer = 0; layer < spec.layers; ++layer)
        for (std::int64_t t = 0; t < kTokens; ++t) {
            for (auto* row : {&q, &k, &v})
                for (float& x : *row)
                    x = normal(random);
            capture.write(layer, t, q.data(), k.data(), v.data());
        }
    return capture;
}

std::vector<float> used(const Capture& capture, int head, const AttentionPlan& plan) {
    const HeadMap map = replayHead(capture, kTokens, 1, head, plan, kDecodeFrom, kNever);
    return usedWeights(capture, map, plan, kNever);
}

} // namespace

TEST_CASE("Used weights times the values are the output of a read's truth, whichever it is",
          "[core.engine]") {
    const Capture capture = randomCapture(3);
    const std::string text = GENERATE(
        as<std::string>{}, "read=sparq:r=4,k=8", "read=sparq:r=4,k=8,alpha=off",
        "read=sparq:r=3,k=9,tau=off,select=logits", "read=sparq:r=16,k=200", "read=sparq:r=2,k=5,local=5",
        "read=topv:k=6", "read=topv:k=6,renormalise=on", "read=quest:page=4,pages=3,skip=0",
        "read=quest:page=4,pages=3,skip=2", "keep=streaming:sinks=2,window=20 read=topv:k=6",
        "keep=streaming:sinks=2,window=20 read=quest:page=4,pages=3,skip=0", "keep=h2o:heavy=4,recent=6",
        "keep=scissorhands:budget=12,history=20,recent=2", "keep=snapkv:budget=9,window=4",
        "keep=h2o:heavy=9,recent=6 read=sparq:r=4,k=8", "keep=streaming:sinks=2,window=20 prefill=masked",
        "keep=streaming:sinks=2,window=20 read=sparq:r=4,k=8 prefill=masked",
        "keep=streaming:sinks=2,window=20 read=topv:k=6 prefill=masked",
        "keep=moa:spans=2x4/0+0N*5/0+0.5N/30+0N/9+0.2N,sinks=2,block=3,min=5 read=sparq:r=4,k=9",
        "keep=moa:spans=2x4/0+0N*5/0+0.5N/30+0N/9+0.2N,sinks=2,block=3,min=5 prefill=dense",
        "keep=h2o:heavy=9,recent=6 read=topv:k=8",
        "keep=h2o:heavy=9,recent=6 read=quest:page=3,pages=3,skip=0",
        "keep=moa:spans=2x4/9+0N*5/0+0.5N/30+0N/9+0.2N,sinks=2,block=3,min=5 read=topv:k=9",
        "keep=moa:spans=2x4/9+0N*5/0+0.5N/30+0N/9+0.2N,sinks=2,block=3,min=5 "
        "read=quest:page=4,pages=3,skip=0");
    CAPTURE(text);
    const AttentionPlan plan = parsePlan(text);
    for (int head = 0; head < 4; ++head) {
        const std::vector<float> weights = used(capture, head, plan);
        for (std::int64_t query = 0; query < kTokens; ++query) {
            CAPTURE(head, query);
            const QueryStages stages = replayQuery(capture, query, 1, head, plan, kDecodeFrom);
            std::vector<double> output(16, 0);
            double sum = 0;
            for (std::int64_t j = 0; j < kTokens; ++j) {
                const float w = weights[static_cast<std::size_t>(query * kTokens + j)];
                REQUIRE(w >= 0);
                if (j > query)
                    REQUIRE(w == 0);
                sum += static_cast<double>(w);
                for (int c = 0; c < 16; ++c)
                    output[static_cast<std::size_t>(c)] += static_cast<double>(w * capture.v(1, head / 2)[j * 16 + c]);
            }
            const bool shares = stages.method == QueryStages::Method::Topv && !stages.renormalised;
            REQUIRE(sum == Approx(shares ? static_cast<double>(stages.alpha) : 1).margin(1e-5));
            for (int c = 0; c < 16; ++c)
                REQUIRE(output[static_cast<std::size_t>(c)] ==
                        Approx(stages.output[static_cast<std::size_t>(c)]).margin(2e-5));
        }
    }
}

TEST_CASE("A plan that reads everything uses the dense weights", "[core.engine]") {
    const Capture capture = randomCapture(4);
    const HeadMap map = replayHead(capture, kTokens, 1, 2, {}, kDecodeFrom, kNever);
    const std::vector<float> weights = usedWeights(capture, map, {}, kNever);
    for (std::size_t i = 0; i < weights.size(); ++i)
        REQUIRE(weights[i] == Approx(map.weights[i]).margin(1e-6));
}

TEST_CASE("What was evicted weighs nothing, and the rest as if it were all there is", "[core.engine]") {
    const Capture capture = randomCapture(5);
    const AttentionPlan plan = parsePlan("keep=streaming:sinks=2,window=10");
    const HeadMap dense = replayHead(capture, kTokens, 1, 1, {}, kDecodeFrom, kNever);
    const std::vector<float> weights = used(capture, 1, plan);
    for (std::int64_t query = 0; query < kTokens; ++query) {
        double kept = 0;
        const auto sees = [&](std::int64_t j) { return query < kDecodeFrom || j < 2 || query - j <= 10; };
        for (std::int64_t j = 0; j <= query; ++j)
            kept += sees(j) ? static_cast<double>(dense.weights[static_cast<std::size_t>(query * kTokens + j)]) : 0;
        for (std::int64_t j = 0; j <= query; ++j) {
            const auto at = static_cast<std::size_t>(query * kTokens + j);
            CAPTURE(query, j);
            REQUIRE(weights[at] == Approx(sees(j) ? static_cast<double>(dense.weights[at]) / kept : 0).margin(1e-5));
        }
    }
}

} // namespace fovea
