// What models and plans make of weights and activations, on the GPU's backend: blocks of a file as they lie, rounded and
// calibrated rows, activations rounded token by token. Truth: the CPU's backend, which its own tests hold against libtorch.

#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/randint.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "core/calibrate/calibrated_folder.h"
#include "core/calibrate/calibrated_model.h"
#include "core/engine/session.h"
#include "core/kernels/cpu/kernels.h"
#include "core/kernels/cuda/device_memory.h"
#include "core/kernels/cuda/round_acts.h"
#include "core/model/model.h"
#include "core/plan/attention_plan.h"
#include "tests/core/model/gguf_conversion.h"
#include "tests/support/random_model.h"
#include "tests/support/simt/host_device.h"
#include "tests/support/temporary_folder.h"

#include "tests/core/engine/device/batch_checks.h"
#include "tests/support/session_checks.h"

using namespace fovea;
using namespace fovea::test;

namespace {

constexpr GgufType kBlocks[] = {kQ4_0, kQ4_1, kQ5_0, kQ5_1, kQ8_0, kQ2_K, kQ3_K, kQ4_K, kQ5_K, kQ6_K};

std::shared_ptr<const Model> ggufOf(const TemporaryFolder& folder, const RandomGguf& shape,
                                    const ChooseType& choose) {
    std::ofstream(folder / "model.gguf", std::ios::binary) << randomGguf(shape, choose).whole();
    return loadModel(folder / "model.gguf");
}

// A prompt and then steps on both backends. Returns how far logits are from the CPU's at worst.
double worstDifference(const std::shared_ptr<const Model>& model, const std::string& text,
                       std::size_t prompt = 12, std::size_t steps = 4) {
    const AttentionPlan plan = parsePlan(text);
    const auto tokens = randomTokens(static_cast<std::int64_t>(prompt + steps), model->spec.vocabulary);
    Session cpu(model, plan, {}), gpu(model, plan, {.backend = Backend::Cuda});
    for (Session* session : {&cpu, &gpu})
        REQUIRE(session->prefill(std::span(tokens).first(prompt), kGoOn));
    double worst = 0;
    for (std::size_t i = prompt; i < tokens.size(); ++i) {
        cpu.step(tokens[i], true);
        const StepRecord there = gpu.step(tokens[i], true);
        requireSame(there.formula, there.counted);
        requireSame(there.held.formula, there.held.counted);
        worst = std::max(worst, difference(gpu.logits(), cpu.logits()));
    }
    REQUIRE(gpu.backend() == Backend::Cuda);
    return worst;
}

// Every type somewhere, and q, k and v never alike.
GgufType mixed(const std::string& name, std::int64_t) {
    static const std::pair<const char*, GgufType> kTypes[] = {
        {"token_embd", kQ3_K},     {"output.weight", kQ6_K}, {"blk.0.attn_q.", kQ4_K},
        {"blk.0.attn_k.", kQ8_0},  {"blk.0.attn_v.", kQ6_K}, {"blk.0.attn_o", kQ5_K},
        {"blk.0.ffn_gate", kQ4_0}, {"blk.0.ffn_up", kQ4_1},  {"blk.0.ffn_down", kQ2_K},
        {"blk.1.attn_q.", kQ5_0},  {"blk.1.attn_k.", kQ5_1}, {"blk.1.attn_v.", kF16},
        {"blk.1.attn_o", kBF16},   {"blk.1.ffn_gate", kF32}};
    for (const auto& [part, type] : kTypes)
        if (name.starts_with(part))
            return type;
    return kQ4_K;
}

// A small model in a folder of its own, with what was calibrated of it beside.
struct Calibrated {
    explicit Calibrated(const char* name) : folder(scratch.path() / "model") {
        std::filesystem::copy(std::filesystem::path(FOVEA_SOURCE_DIR) / "tests/golden/checkpoints" / name,
                              folder);
        model = loadModel(folder);
    }
    void write(const WeightCalibration& calibration) const {
        at::manual_seed(61);
        const at::Tensor blocks = at::randint(model->spec.vocabulary, {12, 24}, at::kLong);
        const auto made = calibrateWeights(*model, blocks, calibration, {}, kGoOn);
        writeCalibratedFolder(
            calibratedFolder(folder, calibrationName(calibration)), *model, *made, calibration,
            {.model = "golden", .text = "book.txt", .textFingerprint = 1, .blocks = {}, .program = "fovea"});
    }
    TemporaryFolder scratch;
    std::filesystem::path folder;
    std::shared_ptr<const Model> model;
};

std::shared_ptr<const Model> floatModel() {
    at::manual_seed(7);
    return randomModel(
        {.layers = 2, .queryHeads = 4, .kvHeads = 2, .headDim = 32, .ffn = 300, .context = 100});
}

} // namespace

TEST_CASE("A file's blocks are computed with on the GPU as on the CPU, of every type",
          "[core.engine.device]") {
    for (const GgufType type : kBlocks)
        for (const bool tied : {false, true}) {
            INFO("type " << type << (tied ? ", tied" : ""));
            const TemporaryFolder folder;
            const auto model = ggufOf(folder, {.layers = 1, .tied = tied},
                                      [&](const std::string&, std::int64_t) { return type; });
            REQUIRE(model->layers[0].query.weight.blocks() != BlockType::None);
            REQUIRE(model->embedding.blocks() != BlockType::None);
            CHECK(worstDifference(model, "store=f32") < 1e-4);
        }
}

TEST_CASE("Matrices of one layer may be of blocks and floats of any type", "[core.engine.device]") {
    const TemporaryFolder folder;
    const auto model = ggufOf(folder, {}, mixed);
    for (const char* plan :
         {"store=f32", "store=f32 read=sparq:r=4,k=6", "store=f32 weights=rtn:bits=4,group=64"}) {
        INFO(plan);
        CHECK(worstDifference(model, plan) < 1e-4);
    }
}

TEST_CASE("The GPU rounds activations to the CPU's own codes", "[core.engine.device]") {
    const std::int64_t n = 300, vectors = 4;
    const std::int64_t inUnits = n / 128 * 128;
    std::vector<float> x;
    for (const int token : randomTokens(n * vectors, 4001))
        x.push_back(static_cast<float>(token - 1500) / 700);
    x[static_cast<std::size_t>(2 * n + 5)] = std::numeric_limits<float>::infinity();
    const cuda::OwnStream stream;
    for (const ActGrid grid : {ActGrid{8, false}, ActGrid{8, true}, ActGrid{4, false}, ActGrid{4, true}}) {
        std::vector<float> whole(x.size()), scales(vectors);
        cpu::roundActs(grid, x.data(), whole.data(), scales.data(), n, vectors);
        const cuda::DeviceBuffer from(x.size() * 4), rounded(x.size() * 4),
            codes(static_cast<std::size_t>(vectors * n)), zeros(vectors * 4), steps(vectors * 4);
        cuda::upload(from.data(), x.data(), x.size() * 4, stream.get());
        cuda::RoundActs step;
        step.bits = grid.bits;
        step.symmetric = grid.symmetric;
        step.x = from.as<float>();
        step.n = n;
        step.vectors = vectors;
        step.rounded = rounded.as<float>();
        step.whole = {codes.as<unsigned char>(), zeros.as<int>(), steps.as<float>()};
        cuda::roundActs(step, stream.get());
        std::vector<float> values(x.size()), s(vectors);
        std::vector<unsigned char> bytes(static_cast<std::size_t>(vectors * inUnits));
        std::vector<int> z(vectors);
        cuda::download(values.data(), rounded.data(), values.size() * 4, stream.get());
        cuda::download(bytes.data(), codes.data(), bytes.size(), stream.get());
        cuda::download(z.data(), zeros.data(), z.size() * 4, stream.get());
        cuda::download(s.data(), steps.data(), s.size() * 4, stream.get());
        cuda::wait(stream.get());
        for (std::int64_t v = 0; v < vectors; ++v) {
            const auto at = static_cast<std::size_t>(v);
            INFO("vector " << v << ", " << grid.bits << " bits" << (grid.symmetric ? ", symmetric" : ""));
            REQUIRE((s[at] == scales[at] || (v == 2 && std::isnan(s[at]) && std::isnan(scales[at]))));
            for (std::int64_t i = 0; i < n; ++i) {
                const auto c = static_cast<std::size_t>(v * n + i);
                if (v == 2)
                    REQUIRE(std::isnan(values[c]));
                else
                    REQUIRE(values[c] == whole[c] * scales[at]);
                if (i < inUnits)
                    REQUIRE(static_cast<float>(bytes[static_cast<std::size_t>(v * inUnits + i)] - z[at]) ==
                            whole[c]);
            }
        }
    }
}

TEST_CASE("Rounded activations on the GPU are those of the CPU, on every kind of weights",
          "[core.engine.device]") {
    const TemporaryFolder folder;
    const auto floats = floatModel();
    const auto blocks = ggufOf(folder, {.layers = 1}, [](const std::string&, std::int64_t) { return kQ8_0; });
    for (const char* acts : {"acts=rtn", "acts=rtn:bits=4"}) {
        for (const char* weights : {"", " weights=rtn:bits=8", " weights=rtn", " weights=rtn:bits=3,mode=sym",
                                    " weights=rtn:bits=2,zero=free", " weights=rtn:bits=8,group=32",
                                    " weights=rtn:bits=4,group=64"}) {
            INFO(acts << weights);
            const std::string plan = std::string("store=f32 ") + acts + weights;
            // A value that lies between two codes may fall to either side by a last bit of what came before.
            CHECK(worstDifference(floats, plan) < .05);
            Session rounded(floats, parsePlan(plan), {.backend = Backend::Cuda}),
                own(floats, parsePlan(std::string("store=f32") + weights), {.backend = Backend::Cuda});
            rounded.step(3, true);
            own.step(3, true);
            CHECK(difference(rounded.logits(), own.logits()) > 0);
        }
        CHECK(worstDifference(blocks, std::string("store=f32 ") + acts) < .05);
    }
}

TEST_CASE("What a text is given under rounded activations is its own on the GPU too",
          "[core.engine.device]") {
    const auto model = floatModel();
    for (const char* text : {"weights=rtn acts=rtn", "weights=rtn:bits=8,group=32 acts=rtn:bits=4"}) {
        const AttentionPlan plan = parsePlan(text);
        requireAsAlone(model, plan, promptsOf(3, 0, 0), 5, 0);
    }
}

TEST_CASE("Calibrated weights and smoothed activations run on the GPU", "[core.engine.device]") {
    for (const char* name : {"llama_gqa", "llama_bf16", "qwen2"}) {
        const Calibrated calibrated(name);
        calibrated.write({GptqParams{}, 4, 32});
        calibrated.write({AwqParams{.ratios = 3}, 4, 32});
        calibrated.write({GptqParams{}, 8, 128});
        calibrated.write({SmoothParams{.alpha = .5}});
        for (const char* plan : {"weights=gptq:group=32", "weights=awq:group=32", "weights=gptq:bits=8"}) {
            INFO(name << ", " << plan);
            CHECK(worstDifference(calibrated.model, std::string("store=f32 ") + plan) < 1e-3);
        }
        for (const char* plan : {"acts=smooth", "weights=rtn:bits=8 acts=smooth",
                                 "weights=rtn acts=smooth:bits=4", "weights=gptq:group=32 acts=rtn"}) {
            INFO(name << ", " << plan);
            CHECK(worstDifference(calibrated.model, std::string("store=f32 ") + plan) < .05);
        }
    }
}

TEST_CASE("Rounded activations and blocks go on in graphs, in any order of threads", "[core.engine.device][host]") {
    const TemporaryFolder folder;
    const auto blocks = ggufOf(folder, {.layers = 1}, mixed);
    for (const auto& [model, text] : {std::pair(floatModel(), "weights=rtn acts=rtn"),
                                      std::pair(blocks, "store=f32"), std::pair(blocks, "acts=rtn")}) {
        std::vector<std::vector<float>> logits;
        for (const auto order : {simt::Order::Forward, simt::Order::Reverse, simt::Order::Shuffled}) {
            simt::executeIn(order, 7);
            const std::size_t before = simt::recordedGraphs();
            Session gpu(model, parsePlan(text), {.backend = Backend::Cuda});
            for (const int token : randomTokens(8, model->spec.vocabulary))
                gpu.step(token, true);
            CHECK(simt::recordedGraphs() > before);
            logits.emplace_back(gpu.logits().begin(), gpu.logits().end());
        }
        simt::executeIn(simt::Order::Forward);
        CHECK(logits[0] == logits[1]);
        CHECK(logits[0] == logits[2]);
    }
}

TEST_CASE("A GPU without room for what is rounded hands the run to the CPU", "[core.engine.device][host]") {
    const auto model = floatModel();
    const AttentionPlan plan = parsePlan("weights=rtn acts=rtn:bits=4");
    const auto tokens = randomTokens(12);
    Session(model, plan, {.backend = Backend::Cuda}).step(1, true); // which leaves the weights there
    std::size_t most = 0;
    for (const double share : {1., .95, .5, 1.}) {
        const std::size_t before = cuda::takenBytes();
        simt::mostTakenMemory();
        if (most > 0)
            simt::limitMemory(before + static_cast<std::size_t>(static_cast<double>(most) * share));
        Session cpu(model, plan, {}), gpu(model, plan, {.backend = Backend::Cuda});
        for (const int token : tokens) {
            cpu.step(token, true);
            gpu.step(token, true);
        }
        simt::limitMemory(~std::size_t{0});
        if (most == 0)
            most = simt::mostTakenMemory() - before;
        CHECK(difference(gpu.logits(), cpu.logits()) < .05);
        CHECK((gpu.backend() == Backend::Cuda) == (share == 1));
    }
}
