// Sessions whose plan rounds weights: what both backends make of them, and what they read.

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "core/engine/check.h"
#include "core/engine/converted_models.h"
#include "core/engine/memory_estimate.h"
#include "core/methods/quantise/rtn_truth.h"
#include "core/plan/plan_note.h"
#include "tests/core/model/gguf_conversion.h"
#include "tests/support/random_model.h"
#include "tests/support/temporary_folder.h"

#include "tests/support/session_checks.h"

using namespace fovea;
using namespace fovea::test;

namespace {

const std::filesystem::path kCheckpoints =
    std::filesystem::path(FOVEA_SOURCE_DIR) / "tests/golden/checkpoints";

// The same model, its matrices rounded by the truth and held as floats.
std::shared_ptr<const Model> roundedByTruth(const Model& model, const RtnParams& rtn) {
    auto rounded = std::make_shared<Model>(model);
    for (LayerWeights& layer : rounded->layers)
        for (Linear* part :
             {&layer.query, &layer.key, &layer.value, &layer.output, &layer.gate, &layer.up, &layer.down})
            if (part->weight.defined())
                part->weight = rtnTruth(part->weight.to(at::kFloat), rtn, RtnScale::Held);
    return rounded;
}

const RtnParams& rtnOf(const AttentionPlan& plan) {
    return std::get<RtnParams>(plan.weights);
}

// Both backends over `tokens`, formula against counted at every step.
void runBoth(const std::shared_ptr<const Model>& model, const AttentionPlan& plan,
             std::span<const int> tokens, double within) {
    Session cpu(model, plan, {}), reference(model, plan, {.backend = Backend::Reference});
    for (const int token : tokens) {
        for (Session* session : {&cpu, &reference}) {
            const StepRecord step = session->step(token, true);
            requireSame(step.formula, step.counted);
        }
        REQUIRE(difference(cpu.logits(), reference.logits()) < within);
    }
}

} // namespace

TEST_CASE("A plan's rounded weights give what the truth's give as floats", "[core.engine]") {
    const auto model = randomModel({.headDim = 10, .ffn = 150, .type = ElementType::BF16, .tied = false});
    for (const char* text :
         {"weights=rtn", "weights=rtn:bits=8,group=32", "weights=rtn:bits=3,group=32,mode=sym",
          "weights=rtn:bits=2,group=64,zero=free", "share=cla:2 weights=rtn:group=32"}) {
        INFO(text);
        AttentionPlan plan = parsePlan(text);
        plan.store = ElementType::F32; // a row in bf16 would show the last bit of its key as a 256th of it
        AttentionPlan floats = plan;
        floats.weights = OwnWeights{};
        const auto truth = roundedByTruth(*convertedModel(model, plan.share), rtnOf(plan));
        floats.share = OwnKv{}; // made already
        for (const Backend backend : kBackends) {
            Session rounded(model, plan, {.backend = backend}), wanted(truth, floats, {.backend = backend});
            const std::vector<int> prompt = randomTokens(12);
            REQUIRE(rounded.prefill(prompt, kGoOn));
            REQUIRE(wanted.prefill(prompt, kGoOn));
            for (const int token : randomTokens(4, 50, 9)) {
                rounded.step(token, true);
                wanted.step(token, true);
                // A prompt may be multiplied on tiles of bf16, in two halves (tile_product.h): 2^-15 of a product.
                REQUIRE(difference(rounded.logits(), wanted.logits()) < 2e-4);
            }
        }
    }
}

// Over many tokens, as the squares' root: the largest difference of one token's logits is a matter of luck at two and
// three bits, which change a random model through and through.
TEST_CASE("Fewer bits change a model more", "[core.engine]") {
    const auto model = randomModel({.headDim = 16, .ffn = 160});
    const std::vector<int> tokens = randomTokens(32);
    const auto logitsUnder = [&](const AttentionPlan& plan) {
        Session session(model, plan, {});
        std::vector<float> all;
        for (const int token : tokens) {
            session.step(token, true);
            all.insert(all.end(), session.logits().begin(), session.logits().end());
        }
        return all;
    };
    const std::vector<float> own = logitsUnder({});
    double before = 0;
    for (const int bits : kRtnBits) {
        const std::vector<float> rounded = logitsUnder({.weights = RtnParams{.bits = bits}});
        double squares = 0, scale = 0;
        for (std::size_t i = 0; i < own.size(); ++i) {
            squares += std::pow(rounded[i] - own[i], 2);
            scale += std::pow(own[i], 2);
        }
        const double off = std::sqrt(squares / scale);
        INFO(bits << " bits are off by " << off);
        CHECK(off > 1.2 * before);
        before = off;
    }
}

TEST_CASE("What is read of rounded weights is foretold on every architecture, under other slots too",
          "[core.engine]") {
    std::int64_t seen = 0;
    for (const auto& entry : std::filesystem::directory_iterator(kCheckpoints)) {
        const auto model = loadModel(entry.path());
        for (const char* text :
             {"store=f32 weights=rtn:bits=4,group=32", "store=f32 weights=rtn:bits=3,group=64,zero=free",
              "store=f32 read=sparq:r=4,k=4 weights=rtn:bits=8,mode=sym",
              "share=cla:2 store=f32 weights=rtn:bits=2",
              "share=cla:2,convert=first store=f32 weights=rtn"}) {
            const AttentionPlan plan = parsePlan(text);
            if (refusal(plan, model->spec))
                continue; // layers that cannot share
            INFO(model->spec.name << " under " << text);
            runBoth(model, plan, std::vector<int>{1, 5, 9}, 1e-3);
            ++seen;
        }
    }
    CHECK(seen > 80);
}

TEST_CASE("Files that hold several types, and blocks, are rounded after they are decoded", "[core.engine]") {
    const TemporaryFolder folder;
    const auto choose = [](const std::string& name, std::int64_t) {
        return name.find("attn_k") != std::string::npos   ? kQ4_K
               : name.find("ffn_up") != std::string::npos ? kF32
                                                          : kQ8_0;
    };
    std::ofstream(folder / "model.gguf", std::ios::binary) << randomGguf({.layers = 3}, choose).whole();
    const auto model = loadModel(folder / "model.gguf");
    for (const char* text :
         {"store=f32 weights=rtn:bits=4", "share=cla:2 store=f32 weights=rtn:bits=3,group=64"}) {
        INFO(text);
        const AttentionPlan plan = parsePlan(text);
        runBoth(model, plan, std::vector<int>{3, 14, 15}, 1e-3);
        const auto note = planNote(plan, model->spec);
        REQUIRE(note);
        CHECK(note->find("Q") != std::string::npos);
        CHECK(note->find("rounded twice") != std::string::npos);
    }
    CHECK_FALSE(planNote(parsePlan("weights=rtn"), randomModel()->spec));
}

TEST_CASE("Weights are rounded once per model and plan, and let go with it", "[core.engine]") {
    auto model = randomModel();
    const AttentionPlan four = parsePlan("weights=rtn"), sparse = parsePlan("read=topv weights=rtn"),
                        shared = parsePlan("share=cla:2 weights=rtn");
    CHECK(modelUnder(model, parsePlan("dense")) == model);
    CHECK_FALSE(isThere(model, four));
    const std::weak_ptr<const Model> made = modelUnder(model, four);
    CHECK(isThere(model, four));
    CHECK(modelUnder(model, sparse) == made.lock());
    CHECK_FALSE(isThere(model, shared));
    const auto both = modelUnder(model, shared);
    CHECK(both != made.lock());
    CHECK(isThere(model, shared));
    CHECK(both->head.stored().is_same(model->head.stored()));
    CHECK(both->layers[0].query.weight.rtn());
    CHECK_FALSE(both->embedding.rtn());
    const std::atomic<bool> stop = true;
    CHECK_FALSE(modelUnder(model, parsePlan("weights=rtn:bits=2"), {}, stop));
    model.reset();
    forgetClosedModels();
    CHECK(made.expired());
}

TEST_CASE("Rounding says how far it is, and can be cancelled between two matrices", "[core.engine]") {
    const auto model = randomModel({.layers = 3});
    std::vector<int> told;
    std::atomic<bool> cancel = false;
    const auto none = roundWeights(
        *model, {},
        [&](int done, int all) {
            CHECK(all == 3 * 7);
            told.push_back(done);
            cancel = done == 5;
        },
        cancel);
    CHECK_FALSE(none);
    CHECK(told == std::vector<int>{1, 2, 3, 4, 5});
}

TEST_CASE("Weights that no code stands for are refused in one sentence that names their place",
          "[core.engine]") {
    for (const bool infinite : {true, false}) {
        auto model = std::make_shared<Model>(*randomModel());
        at::Tensor up = model->layers[1].up.weight.stored().clone();
        float* const values = up.data_ptr<float>();
        values[7] = infinite ? std::numeric_limits<float>::infinity() : 3e38f;
        values[8] = -3e38f;
        model->layers[1].up.weight = up;
        try {
            Session(model, parsePlan("weights=rtn:bits=3"), {});
            FAIL("it was rounded");
        } catch (const PlanError& error) {
            const std::string message = error.what();
            INFO(message);
            CHECK(message.find("weights=rtn:bits=3") != message.npos);
            CHECK(message.find("random") != message.npos);
            CHECK(message.find("layer 1's up") != message.npos);
            CHECK(message.find(infinite ? "finite" : "16 bits") != message.npos);
            CHECK(message.find("weights=own") != message.npos);
        }
    }
}

TEST_CASE("What rounded weights will hold is foretold", "[core.engine]") {
    const auto model = randomModel({.layers = 4, .type = ElementType::BF16});
    const auto bytesOf = [](const Model& rounded) {
        std::int64_t bytes = 0;
        for (const LayerWeights& w : rounded.layers)
            for (const Linear* part : {&w.query, &w.key, &w.value, &w.output, &w.gate, &w.up, &w.down})
                bytes += part->weight.defined() && part->weight.rtn() ? part->weight.bytes() : 0;
        return bytes;
    };
    const AttentionPlan four = parsePlan("weights=rtn"), shared = parsePlan("share=cla:2 weights=rtn:bits=3");
    const std::int64_t bytes = bytesOf(*modelUnder(model, four)), own = model->spec.weightBytes;
    CHECK(estimateMemory(model->spec, {.plans = {four}}).weights == own + bytes);
    CHECK(
        estimateMemory(model->spec, {.plans = {parsePlan("dense"), four, parsePlan("read=topv weights=rtn")}})
            .weights == own + bytes);
    CHECK(estimateMemory(model->spec, {.plans = {shared}}).weights ==
          own + predictConvertedBytes(shared.share, model->spec) + bytesOf(*modelUnder(model, shared)));
    // What attends over other q, k and v than A's captures them for itself.
    CHECK(captures({.plans = {parsePlan("dense"), four}}, 1));
    CHECK_FALSE(captures({.plans = {four, parsePlan("read=topv weights=rtn")}}, 1));
}

TEST_CASE("Two backends agree on rounded weights", "[core.engine]") {
    const auto model = randomModel({.headDim = 16, .ffn = 96});
    CheckOptions options;
    options.tokens = 6;
    const CheckReport report =
        checkBackends(model, parsePlan("read=sparq:r=4,k=8 weights=rtn:bits=2,group=32"), randomTokens(20),
                      options, {}, kGoOn);
    CHECK(report.within());
    CHECK(report.sameBytes());
}
