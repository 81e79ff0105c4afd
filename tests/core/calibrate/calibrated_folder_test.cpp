// What a calibration saves opens again as what it made, whatever the architecture, and a plan finds it.

#include "core/calibrate/calibrated_folder.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randint.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/calibrate/calibrated_model.h"
#include "core/engine/converted_models.h"
#include "core/engine/session.h"
#include "core/model/forward.h"
#include "core/model/safetensors.h"
#include "core/plan/attention_plan.h"
#include "tests/support/temporary_folder.h"

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

const std::atomic<bool> kGoOn = false;

std::filesystem::path golden(const std::string& name) {
    return std::filesystem::path(FOVEA_SOURCE_DIR) / "tests/golden/checkpoints" / name;
}

at::Tensor someBlocks(const Model& model) {
    at::manual_seed(61);
    return at::randint(model.spec.vocabulary, {12, 24}, at::kLong);
}

at::Tensor scores(const Model& model, const at::Tensor& blocks) {
    return logits(model, hiddenStates(model, blocks, 0, causalAttentionOf(model.spec), at::kFloat));
}

nlohmann::json jsonIn(const std::filesystem::path& file) {
    std::ifstream in(file);
    return nlohmann::json::parse(in);
}

const Provenance kProvenance{.model = "golden",
                             .text = "book.txt",
                             .textFingerprint = 0x123456789abcdef0,
                             .blocks = {.blocks = 12, .length = 24, .seed = 3},
                             .program = "fovea 0"};

// A small model in a folder of its own, to be calibrated beside.
struct Copied {
    explicit Copied(const std::string& name) : folder(scratch.path() / "model") {
        std::filesystem::copy(golden(name), folder);
        model = loadModel(folder);
    }
    std::filesystem::path write(const WeightCalibration& calibration) const {
        const auto made = calibrateWeights(*model, someBlocks(*model), calibration, {}, kGoOn);
        const std::filesystem::path to = calibratedFolder(folder, calibrationName(calibration));
        writeCalibratedFolder(to, *model, *made, calibration, kProvenance);
        return to;
    }
    TemporaryFolder scratch;
    std::filesystem::path folder;
    std::shared_ptr<const Model> model;
};

} // namespace

TEST_CASE("A calibrated folder opens as what was made", "[core.calibrate]") {
    for (const char* name : {"llama", "llama_bf16", "llama_gqa", "llama_bias", "llama_sharded", "llama_tied",
                             "mistral", "qwen2", "qwen3", "gpt_neox", "opt", "gemma2", "gemma3"})
        for (WeightCalibration calibration :
             {WeightCalibration{GptqParams{}, 4, 32}, WeightCalibration{AwqParams{.ratios = 4}, 4, 32},
              WeightCalibration{SmoothParams{.alpha = .6}}}) {
            if (std::string_view(name) == "llama_bias")
                calibration.bits = 8; // its one KV head of 12 fills no whole words at 4
            INFO(name << ", " << calibrationName(calibration));
            const TemporaryFolder scratch;
            const auto model = loadModel(golden(name));
            REQUIRE_FALSE(calibrationRefusal(*model, calibration));
            const at::Tensor blocks = someBlocks(*model);
            const auto made = calibrateWeights(*model, blocks, calibration, {}, kGoOn);
            writeCalibratedFolder(scratch.path() / "made", *model, *made, calibration, kProvenance);
            const auto opened = loadModel(scratch.path() / "made");
            const at::Tensor wanted = scores(*made, blocks);
            CHECK(at::allclose(scores(*opened, blocks), wanted, 1e-5, 1e-5));
            CHECK(opened->layers[0].down.weight.rtn() == made->layers[0].down.weight.rtn());
            CHECK_FALSE(at::equal(wanted, scores(*model, blocks)));
            if (std::holds_alternative<SmoothParams>(calibration.method) &&
                model->spec.type == ElementType::F32)
                CHECK(at::allclose(wanted, scores(*model, blocks), 1e-3, 1e-3));
        }
}

TEST_CASE("A calibrated folder says what it was made of", "[core.calibrate]") {
    const Copied copied("llama_gqa");
    const std::filesystem::path folder = copied.write({GptqParams{}, 8, 32});
    CHECK(folder.filename() == "model-gptq-8bit-g32");
    const auto config = jsonIn(folder / "config.json")["quantization_config"];
    CHECK(config["quant_method"] == "gptq");
    CHECK(config["bits"] == 8);
    CHECK(config["group_size"] == 32);
    CHECK(config["desc_act"] == false);
    const auto from = jsonIn(folder / "calibration.json");
    CHECK(from["method"] == "gptq");
    CHECK(from["text"] == "book.txt");
    CHECK(from["text_fingerprint"] == "123456789abcdef0");
    CHECK(from["blocks"] == 12);
    CHECK(from["seed"] == 3);
    CHECK(from["program"] == "fovea 0");
    // Version 1 where it can say every zero, which others read without doubt; else version 2.
    bool none = false;
    const auto made = loadModel(folder);
    for (const LayerWeights& layer : made->layers)
        for (const LayerMatrix& part : kLayerMatrices)
            none = none || (takeApart((layer.*part.matrix).weight).zeros == 0).any().item<bool>();
    CHECK(config["checkpoint_format"] == (none ? "gptq_v2" : "gptq"));
}

TEST_CASE("weights=gptq and awq run on what lies beside the model", "[core.calibrate]") {
    const Copied copied("llama_gqa");
    const AttentionPlan gptq = parsePlan("weights=gptq:group=32"), awq = parsePlan("weights=awq:group=32");
    CHECK(toText(gptq) == "weights=gptq:group=32");
    CHECK(toText(parsePlan("weights=awq:bits=3,group=128")) == "weights=awq:bits=3");
    const std::string missing = "weights=gptq:group=32 is not there: ";
    CHECK_THROWS_WITH(modelUnder(copied.model, gptq),
                      Catch::StartsWith(missing) &&
                          Catch::Contains("`fovea calibrate --weights gptq:bits=4,group=32 --model " +
                                          copied.folder.string()));
    CHECK_FALSE(isThere(copied.model, gptq));
    copied.write({GptqParams{}, 4, 32});
    const auto made = modelUnder(copied.model, gptq);
    REQUIRE(made);
    CHECK(made->layers[0].query.weight.rtn() == packedRows(gptq.weights));
    CHECK(isThere(copied.model, gptq));
    CHECK(modelUnder(copied.model, gptq) == made);
    CHECK_THROWS_WITH(modelUnder(copied.model, awq), Catch::Contains("model-awq-4bit-g32 is made by"));
    CHECK(refusal(parsePlan("share=cla:2 weights=gptq"), copied.model->spec).value_or("").find("share=own") !=
          std::string::npos);
    // Bytes of a step are those of the codes, as the formula has them.
    std::int64_t bytes = 0;
    for (const LayerWeights& layer : made->layers)
        for (const LayerMatrix& part : kLayerMatrices)
            bytes += (layer.*part.matrix).weight.bytes();
    CHECK(bytes == predictRoundedBytes(gptq.weights, OwnKv{}, copied.model->spec));
}

TEST_CASE("acts=smooth runs on the smoothed checkpoint beside the model, rounded as the plan says", "[core.calibrate]") {
    const Copied copied("llama_gqa");
    const AttentionPlan smooth = parsePlan("acts=smooth:alpha=0.25"), eight = parsePlan("weights=rtn:bits=8 acts=smooth:alpha=0.25");
    CHECK_THROWS_WITH(modelUnder(copied.model, smooth),
                      Catch::StartsWith("acts=smooth:alpha=0.25 is not there: ") &&
                          Catch::Contains("model-smooth-0.25 is made by `fovea calibrate --weights smooth:alpha=0.25"));
    CHECK_FALSE(isThere(copied.model, smooth));
    copied.write({SmoothParams{.alpha = .25}});
    const auto made = modelUnder(copied.model, smooth), rounded = modelUnder(copied.model, eight);
    REQUIRE(made);
    CHECK(made->layers[0].query.weight.isFloats());
    CHECK_FALSE(at::equal(made->layers[0].query.weight.to(at::kFloat), copied.model->layers[0].query.weight.to(at::kFloat)));
    CHECK(isThere(copied.model, smooth));
    CHECK(isThere(copied.model, eight));
    CHECK_FALSE(isThere(copied.model, parsePlan("acts=smooth:alpha=0.5")));
    // Rounded from the smoothed matrices, not the model's own.
    const RtnParams form{.bits = 8};
    const std::atomic<bool> goOn = false;
    const auto wanted = roundWeights(*made, form, {}, goOn);
    CHECK(at::equal(rounded->layers[0].up.weight.stored(), wanted->layers[0].up.weight.stored()));
    const Run run = generate(copied.model, eight, std::vector<int>{1, 5, 9}, {.tokens = 2, .ignoreEnd = true}, {}, kGoOn);
    REQUIRE(run.steps.size() == 2);
    for (const StepRecord& step : run.steps)
        CHECK(step.counted[Component::Weights] == step.formula[Component::Weights]);
}

TEST_CASE("A step on calibrated weights moves what the formula says", "[core.calibrate]") {
    for (const char* name : {"llama_bf16", "qwen2", "gemma2", "gpt_neox"}) {
        const Copied copied(name);
        for (const char* text : {"weights=gptq:bits=4,group=32", "weights=awq:bits=4,group=32"}) {
            INFO(name << ", " << text);
            const AttentionPlan plan = parsePlan(text);
            const auto& learnt = std::get<CalibratedWeights>(plan.weights);
            copied.write(learnt.method == CalibratedWeights::Method::Awq
                             ? WeightCalibration{AwqParams{.ratios = 3}, 4, 32}
                             : WeightCalibration{GptqParams{}, 4, 32});
            const Run run = generate(copied.model, plan, std::vector<int>{1, 5, 9},
                                     {.tokens = 2, .ignoreEnd = true}, {}, kGoOn);
            REQUIRE(run.steps.size() == 2);
            for (const StepRecord& step : run.steps)
                CHECK(step.counted[Component::Weights] == step.formula[Component::Weights]);
        }
    }
}

TEST_CASE("A folder made of another model is not run", "[core.calibrate]") {
    const Copied copied("llama_gqa"), other("llama");
    const AttentionPlan gptq = parsePlan("weights=gptq:group=32");
    copied.write({GptqParams{}, 4, 32});
    std::filesystem::rename(copied.scratch.path() / "model-gptq-4bit-g32",
                            other.scratch.path() / "model-gptq-4bit-g32");
    CHECK_THROWS_WITH(modelUnder(other.model, gptq), Catch::Contains("made of another model"));
    // Of the same shape, but not the same weights.
    const Copied same("llama_gqa");
    same.write({GptqParams{}, 4, 32});
    Model changed = *same.model;
    changed.embedding = Weight(same.model->embedding.to(at::kFloat) + 1);
    CHECK_THROWS_WITH(openCalibrated(changed, *calibrationOf(gptq)),
                      Catch::Contains("made of another model"));
}

TEST_CASE("What cannot be calibrated is said", "[core.calibrate]") {
    const Copied copied("llama_gqa");
    const auto rounded = loadModel(copied.write({GptqParams{}, 4, 32}));
    CHECK(calibrationRefusal(*rounded, {GptqParams{}, 4, 32}).value_or("").find("rounded already") !=
          std::string::npos);
    Model made = *copied.model;
    made.origin.clear();
    // A feed-forward of 40 fills no words at 3 bits, and writing it in spite of that is refused, not attempted.
    const WeightCalibration three{GptqParams{}, 3, 32};
    CHECK(calibrationRefusal(*copied.model, three).value_or("").find("at 3 bits; choose 8, 4 or 2") !=
          std::string::npos);
    CHECK_THROWS_AS(copied.write(three), std::invalid_argument);
    CHECK(calibrationRefusal(made, {}).value_or("").find("only Hugging Face folders") != std::string::npos);
}

TEST_CASE("Folders are named after what is in them", "[core.calibrate]") {
    CHECK(calibratedFolder("/models/small/", "awq-3bit-g64") == "/models/small-awq-3bit-g64");
    CHECK(calibratedFolder("small", "awq-3bit-g64") == "small-awq-3bit-g64");
    CHECK(calibrationName(WeightCalibration{SmoothParams{.alpha = .85}}) == "smooth-0.85");
    CHECK(calibrationName(WeightCalibration{AwqParams{}, 3, 64}) == "awq-3bit-g64");
}
