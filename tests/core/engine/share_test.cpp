// Layers that read another's KV, through both backends: against the whole sequence at once, and every byte counted.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>

#include "core/engine/capture.h"
#include "core/engine/converted_models.h"
#include "core/engine/memory_estimate.h"
#include "core/engine/replay.h"
#include "core/engine/session.h"
#include "core/methods/keep/scored_keep.h"
#include "core/model/forward.h"
#include "core/model/parameters.h"
#include "core/plan/plan_prefill.h"
#include "tests/core/model/gguf_conversion.h"
#include "tests/support/dice.h"
#include "tests/support/random_model.h"
#include "tests/support/temporary_folder.h"

#include "tests/support/session_checks.h"

using namespace fovea;
using fovea::test::Dice;
using fovea::test::difference;
using fovea::test::kBackends;
using fovea::test::kGoOn;
using fovea::test::randomModel;
using fovea::test::RandomShape;
using fovea::test::randomTokens;
using fovea::test::requireSame;

namespace {

// Logits (T, V) of the whole text at once under the plan's share and keep: a mask in place of a cache.
at::Tensor masked(const std::shared_ptr<const Model>& model, const AttentionPlan& plan,
                  std::span<const int> tokens, std::int64_t decodeFrom) {
    const auto shared = convertedModel(model, plan.share);
    const ModelSpec& spec = shared->spec;
    const std::int64_t T = std::ssize(tokens);
    std::vector<at::Tensor> keys(static_cast<std::size_t>(spec.layers)), values(keys.size());
    const auto attention = [&](int layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
        const auto source = static_cast<std::size_t>(spec.kvSource(layer));
        if (spec.ownsKv(layer))
            keys[source] = k, values[source] = v;
        std::vector<at::Tensor> heads;
        for (int h = 0; h < spec.queryHeads; ++h) {
            at::Tensor scores = at::matmul(q[0][h], keys[source][0][h / spec.group()].t()) /
                                std::sqrt(static_cast<double>(spec.headDim));
            for (std::int64_t p = 0; p < T; ++p)
                for (std::int64_t j = 0; j < T; ++j)
                    if (j > p ||
                        !keepRule(plan, 0, p >= keepActsFrom(plan, decodeFrom), {layer, h}).sees(p, j))
                        scores[p][j].fill_(-std::numeric_limits<float>::infinity());
            heads.push_back(
                at::matmul(at::softmax(scores, -1), values[source][0][h / spec.group()]).unsqueeze(0));
        }
        return at::cat(heads).unsqueeze(0);
    };
    const std::vector<std::int64_t> ids(tokens.begin(), tokens.end());
    return logits(*shared, hiddenStates(*shared, at::tensor(ids).unsqueeze(0), 0, attention, at::kFloat))[0]
        .contiguous();
}

std::int64_t bytesOf(const Weight& w) {
    return w.defined() ? w.bytes() : 0;
}

} // namespace

TEST_CASE("A shared cache gives what the whole text at once gives, whatever leaves it, on both backends",
          "[core.engine]") {
    const RandomShape shape{.layers = 5, .queryHeads = 4, .kvHeads = 2, .headDim = 6};
    const auto model = randomModel(shape);
    const auto tokens = randomTokens(40, shape.vocabulary);
    const std::span<const int> all = tokens;
    for (
        const char* text :
        {"share=cla:2", "share=cla:3,convert=first", "share=cla:5 keep=streaming:sinks=2,window=6",
         "share=cla:2,pattern=dense-front,convert=first keep=streaming:sinks=0,window=4",
         "share=layers:0_0_2_0_2 keep=streaming:sinks=3,window=1",
         // Of spans that differ by layer a cache holds what any of its readers sees, and each sees its own of it.
         "share=cla:2 "
         "keep=moa:spans=5x4/4+0N*4/9+0N*2/2+0.3N*2/5+0N*4/12+0N*4/3+0.2N*4,sinks=2,block=1,min=1",
         "share=cla:5 keep=moa:spans=5x4/9+0N*4/4+0N*4/0+0.5N*4/2+0N*4/6+0N*4,sinks=0,block=2,min=1",
         "share=layers:0_0_2_0_2 keep=moa:spans=5x4/3+0N*4/9+0N/5+0N/7+0N*14,sinks=1,block=1,min=1 "
         "read=sparq:r=6,k=100,alpha=off",
         "share=cla:3 keep=moa:spans=5x4/3+0N*4/9+0N/5+0N/7+0N*14,sinks=1,block=1,min=1 read=topv:k=100"}) {
        const AttentionPlan plan = parsePlan(text);
        const at::Tensor whole = masked(model, plan, all, 25);
        for (const Backend backend : kBackends) {
            INFO(text << ", backend " << static_cast<int>(backend));
            Session session(model, plan, {.backend = backend});
            REQUIRE(session.prefill(all.first(20), kGoOn));
            for (std::int64_t p = 20; p < std::ssize(tokens); ++p) {
                session.step(tokens[static_cast<std::size_t>(p)], p >= 25);
                const at::Tensor row = whole[p];
                REQUIRE(difference(session.logits(), {row.data_ptr<float>(), 50}) < 2e-4);
            }
        }
    }
}

TEST_CASE(
    "Formula and counted are the same on every step of any share, keep, read and store, on both backends",
    "[core.engine]") {
    Dice dice;
    constexpr const char* kKeeps[] = {"",
                                      "keep=streaming:sinks=2,window=7 ",
                                      "keep=lm-infinite:sinks=1,window=5 ",
                                      "keep=streaming:sinks=3,window=4,positions=cache ",
                                      "keep=h2o:heavy=3,recent=4 ",
                                      "keep=scissorhands:budget=7,history=9,recent=2 ",
                                      "keep=snapkv:budget=9,window=3 "};
    constexpr const char* kReads[] = {"dense",
                                      "read=sparq:r=3,k=6",
                                      "read=sparq:r=2,k=5,alpha=off store=f16",
                                      "dense store=bf16",
                                      "read=topv:k=4",
                                      "read=quest:page=3,pages=2,skip=0",
                                      "read=quest:page=2,pages=2,skip=2",
                                      "read=quest:page=4,pages=1,skip=1"};
    for (int trial = 0; trial < 240; ++trial) {
        const RandomShape shape{.layers = dice.between(1, 6),
                                .queryHeads = 4,
                                .kvHeads = dice.coin() ? 4 : 2,
                                .headDim = 6,
                                .type = static_cast<ElementType>(dice.between(0, 2))};
        const auto model = randomModel(shape);
        AttentionPlan plan = parsePlan(std::string(kKeeps[dice.between(0, 6)]) + kReads[dice.between(0, 7)]);
        plan.share = dice.layerSources(shape.layers);
        const bool spans = trial % 4 == 3;
        if (spans)
            plan.keep = dice.moa(shape.layers, shape.queryHeads);
        if (refusal(plan, model->spec))
            continue;
        const int owners = sharedSpec(model->spec, plan.share).kvLayers();
        for (const Backend backend : kBackends) {
            INFO("trial " << trial << ", plan " << toText(plan) << ", backend " << static_cast<int>(backend));
            Session session(model, plan, {.backend = backend});
            REQUIRE(session.prefill(randomTokens(12, shape.vocabulary), kGoOn));
            for (int i = 0; i < 8; ++i) {
                const StepRecord step = session.step(i, i >= 2 && i != 5);
                INFO("step " << i);
                requireSame(step.formula, step.counted);
                requireSame(step.held.formula, step.held.counted);
                const std::int64_t row = shape.headDim * elementBytes(storedFloats(plan.store, shape.type));
                const std::int64_t kept =
                    rowsSeen(plan, 0, i >= 2 || masksPrefill(plan), 14, step.position + 1) - 1;
                if (!spans)
                    REQUIRE(step.liveSlots == kept * owners * shape.kvHeads);
                REQUIRE(step.held.counted[Component::Keys] == step.liveSlots * row);
            }
        }
    }
}

TEST_CASE(
    "The backends agree on what layers that share a cache make of keeps that rank, of spans and of pages",
    "[core.engine]") {
    const auto model = randomModel({.layers = 4, .queryHeads = 4, .kvHeads = 2, .headDim = 8});
    const auto tokens = randomTokens(60, 50);
    const std::span<const int> all = tokens;
    for (const char* text :
         {"share=cla:2 keep=h2o:heavy=6,recent=5",
          "share=cla:4 keep=scissorhands:budget=14,history=20,recent=3",
          "share=layers:0_1_0_0 keep=snapkv:budget=12,window=5",
          "share=cla:2 keep=h2o:heavy=6,recent=5 read=topv:k=7",
          "share=cla:2 keep=h2o:heavy=6,recent=5 read=quest:page=3,pages=2,skip=1",
          "share=cla:4 keep=scissorhands:budget=14,history=20,recent=3 read=quest:page=3,pages=2,skip=2",
          "share=layers:0_0_0_3 read=quest:page=4,pages=3,skip=2",
          "share=cla:3 read=quest:page=4,pages=3,skip=1",
          "share=cla:2 keep=streaming:sinks=2,window=20 read=quest:page=4,pages=2,skip=1",
          "share=cla:2 keep=moa:spans=4x4/8+0N*5/20+0N*6/5+0N*5,sinks=2,block=1,min=1 read=topv:k=6",
          "share=cla:4 keep=moa:spans=4x4/8+0N*5/20+0N*6/5+0N*5,sinks=2,block=1,min=1 "
          "read=sparq:r=4,k=6,local=3,alpha=off"}) {
        INFO(text);
        const AttentionPlan plan = parsePlan(text);
        Session cpu(model, plan, {}), reference(model, plan, {.backend = Backend::Reference});
        for (Session* session : {&cpu, &reference})
            REQUIRE(session->prefill(all.first(30), kGoOn));
        for (std::size_t p = 30; p < tokens.size(); ++p) {
            for (Session* session : {&cpu, &reference}) {
                const StepRecord step = session->step(tokens[p], p >= 32);
                requireSame(step.formula, step.counted);
                requireSame(step.held.formula, step.held.counted);
            }
            INFO("position " << p);
            REQUIRE(difference(cpu.logits(), reference.logits()) < 1e-4);
        }
    }
}

TEST_CASE("Real architectures run shared: biases, LayerNorm, key norms, fused projections, windows",
          "[core.engine]") {
    for (const char* name :
         {"llama", "llama_bf16", "llama_bias", "opt", "gpt_neox", "qwen2", "qwen3", "gemma2"}) {
        const auto model =
            loadModel(std::filesystem::path(FOVEA_SOURCE_DIR) / "tests/golden/checkpoints" / name);
        std::string list; // every layer that may reads the first's KV
        for (int layer = 0; layer < model->spec.layers; ++layer) {
            const bool alike = model->spec.window(layer) == model->spec.window(0) &&
                               model->spec.ropeOf(layer) == model->spec.ropeOf(0);
            list.append(layer ? "_" : "").append(std::to_string(alike ? 0 : layer));
        }
        for (const char* convert : {"mean", "first"}) {
            const AttentionPlan plan =
                parsePlan("share=layers:" + list + ",convert=" + convert + " store=f32");
            INFO(name << ", " << toText(plan));
            REQUIRE_FALSE(refusal(plan, model->spec));
            Session cpu(model, plan, {}), reference(model, plan, {.backend = Backend::Reference});
            for (const int token : {3, 14, 15, 9, 26}) {
                for (Session* session : {&cpu, &reference}) {
                    const StepRecord step = session->step(token, true);
                    requireSame(step.formula, step.counted);
                    requireSame(step.held.formula, step.held.counted);
                }
                CHECK(difference(cpu.logits(), reference.logits()) < 1e-3);
            }
        }
    }
}

TEST_CASE("Blocks of a GGUF file are decoded for what is converted, and read as they lie elsewhere",
          "[core.engine]") {
    const TemporaryFolder folder;
    const auto choose = [](const std::string& name, std::int64_t) {
        return name.find("attn_k") != name.npos   ? fovea::test::kQ4_K
               : name.find("attn_v") != name.npos ? fovea::test::kQ6_K
                                                  : fovea::test::kQ8_0;
    };
    std::ofstream(folder / "model.gguf", std::ios::binary)
        << fovea::test::randomGguf({.layers = 3}, choose).whole();
    const auto model = loadModel(folder / "model.gguf");
    REQUIRE(model->layers[1].key.weight.blocks() == BlockType::Q4_K);
    for (const char* text : {"share=cla:2 store=f32", "share=cla:3,convert=first store=f32"}) {
        INFO(text);
        const AttentionPlan plan = parsePlan(text);
        Session cpu(model, plan, {}), reference(model, plan, {.backend = Backend::Reference});
        for (const int token : {3, 14, 15, 9, 26}) {
            for (Session* session : {&cpu, &reference}) {
                const StepRecord step = session->step(token, true);
                requireSame(step.formula, step.counted);
            }
            CHECK(difference(cpu.logits(), reference.logits()) < 1e-3);
        }
    }
    const auto shared = convertedModel(model, parsePlan("share=cla:2").share);
    CHECK(shared->layers[1].key.weight.blocks() == BlockType::None);
    CHECK(shared->layers[1].key.weight.typeName() == elementName(model->spec.type));
    CHECK(shared->layers[0].key.weight.blocks() == BlockType::Q4_K); // shares with nobody
}

TEST_CASE("What a share will hold is foretold: cache, converted weights and captures", "[core.engine]") {
    const auto model = randomModel({.layers = 5, .context = 900});
    for (const char* text :
         {"share=cla:2", "share=cla:5 store=bf16", "share=cla:2,pattern=keep-ends,convert=first",
          "share=layers:0_0_2_0_2 read=sparq:r=3,k=16"}) {
        INFO(text);
        MemoryQuestion question;
        question.plans = {parsePlan(text)};
        question.prompt = 3;
        question.tokens = 300;
        question.captureBudget = 1 << 22;
        GenerateOptions options;
        options.tokens = 300;
        options.ignoreEnd = true;
        options.session.capacity = 303;
        options.session.captureBudget = question.captureBudget;
        const Run run = generate(model, question.plans.front(), randomTokens(3, 50), options, {}, kGoOn);
        const MemoryEstimate estimate = estimateMemory(model->spec, question);
        CHECK(estimate.cache == run.steps.back().held.reserved);
        CHECK(estimate.capture == run.capture->bytes());
        const auto shared = convertedModel(model, question.plans.front().share);
        std::int64_t made = 0;
        for (std::size_t i = 0; i < 5; ++i) {
            const LayerWeights& w = shared->layers[i];
            if (w.key.weight.defined() &&
                !w.key.weight.stored().is_same(model->layers[i].key.weight.stored()))
                made +=
                    bytesOf(w.key.weight) + bytesOf(w.value.weight) + bytesOf(Weight(w.keyValueNorm.gain));
        }
        CHECK(estimate.weights == model->spec.weightBytes + made);
    }
    // The same conversion of two plans is there once; another is another, and captures for itself.
    MemoryQuestion two;
    two.plans = {parsePlan("share=cla:2"), parsePlan("share=cla:2 read=sparq")};
    two.captureBudget = 1 << 20;
    const std::int64_t once = predictConvertedBytes(two.plans.front().share, model->spec);
    CHECK(estimateMemory(model->spec, two).weights == model->spec.weightBytes + once);
    CHECK_FALSE(captures(two, 1));
    CHECK(captureBudgetOf(two, 0) == two.captureBudget);
    two.plans.front().share = OwnKv{};
    CHECK(estimateMemory(model->spec, two).weights == model->spec.weightBytes + once);
    CHECK(captures(two, 1));
    CHECK(captureBudgetOf(two, 1) == two.captureBudget / 2);
}

TEST_CASE("A captured layer that borrows has its own queries and its owner's keys and values",
          "[core.engine]") {
    const auto model = randomModel({.layers = 3});
    for (const Backend backend : kBackends) {
        GenerateOptions options;
        options.tokens = 10;
        options.ignoreEnd = true;
        options.session = {.backend = backend, .captureBudget = 1 << 22, .recordSlots = true};
        const AttentionPlan plan = parsePlan("share=layers:0_1_0 keep=streaming:sinks=1,window=4");
        const Run run = generate(model, plan, randomTokens(9, 50), options, {}, kGoOn);
        const Capture& capture = *run.capture;
        REQUIRE(capture.layers() == 3);
        CHECK(capture.k(2, 1) == capture.k(0, 1));
        CHECK(capture.v(2, 0) == capture.v(0, 0));
        CHECK(capture.k(1, 0) != capture.k(0, 0));
        CHECK_FALSE(std::equal(capture.q(2, 0), capture.q(2, 0) + 8, capture.q(0, 0)));
        // A slot of the owner is a slot of who borrows it.
        CHECK(run.slots.of(2, 1).data() == run.slots.of(0, 1).data());
        CHECK(run.slots.of(2, 1).size() == run.slots.of(0, 1).size());
        CHECK(run.slots.alike());
        // Its map is drawn from its queries over the owner's keys.
        const HeadMap map = replayHead(capture, run.capturedTokens, 2, 3, plan, 9, kGoOn);
        const std::int64_t last = run.capturedTokens - 1;
        std::vector<double> expected;
        double sum = 0;
        for (std::int64_t j = 0; j <= last; ++j) {
            double dot = 0;
            for (int c = 0; c < 8; ++c)
                dot += static_cast<double>(capture.q(2, 3)[last * 8 + c]) * capture.k(0, 1)[j * 8 + c];
            expected.push_back(std::exp(dot / std::sqrt(8.)));
            sum += expected.back();
        }
        for (std::int64_t j = 0; j <= last; ++j)
            CHECK(map.weights[static_cast<std::size_t>(last * map.tokens + j)] ==
                  Approx(expected[static_cast<std::size_t>(j)] / sum).margin(1e-5));
    }
}

TEST_CASE("A conversion is made once per model and share, and let go with its model", "[core.engine]") {
    auto model = randomModel({.layers = 4});
    const Share two = parsePlan("share=cla:2").share, list = parsePlan("share=layers:0_0_2_2").share,
                first = parsePlan("share=cla:2,convert=first").share;
    CHECK(convertedModel(model, OwnKv{}) == model);
    CHECK_FALSE(isConverted(model, two));
    const std::weak_ptr<const Model> made = convertedModel(model, two);
    CHECK(isConverted(model, two));
    CHECK(convertedModel(model, list) == made.lock()); // the same layers, said otherwise
    CHECK(convertedModel(model, first) != made.lock());
    CHECK(convertedModel(randomModel({.layers = 4}), two) != made.lock());
    const std::atomic<bool> stop = true;
    CHECK_FALSE(convertedModel(model, parsePlan("share=cla:3").share, {}, stop));
    convertedModel(model, two);
    model.reset();
    forgetClosedModels();
    CHECK(made.expired());
}

TEST_CASE(
    "Nothing of an evicted token reaches a later one in a layer that borrows, even when it was infinite",
    "[core.engine]") {
    const auto model = randomModel({.layers = 2, .headDim = 8});
    const at::Tensor embedding = model->embedding.stored();
    embedding.select(1, 0).fill_(0);
    embedding[7].fill_(0);
    embedding[7][0] = 1;
    model->layers[0].key.weight.stored().select(1, 0).fill_(1e6);
    model->layers[0].value.weight.stored().select(1, 0).fill_(1e6);
    for (const Backend backend : kBackends) {
        Session session(model,
                        parsePlan("share=cla:2,convert=first keep=streaming:sinks=2,window=4 store=f16"),
                        {.backend = backend});
        auto tokens = randomTokens(20, 7);
        tokens[5] = 7;
        for (int p = 0; p < 20; ++p) {
            session.step(tokens[static_cast<std::size_t>(p)], true);
            const auto finite = [](float logit) { return std::isfinite(logit); };
            if (p == 5)
                REQUIRE(std::none_of(session.logits().begin(), session.logits().end(), finite));
            if (p > 5 + 4 + 4)
                REQUIRE(std::all_of(session.logits().begin(), session.logits().end(), finite));
        }
    }
}
