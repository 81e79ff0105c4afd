// Prompts on the GPU's backend: in several chunks, windowed, masked, through codes; and every architecture's checkpoint.

#include <ATen/Context.h>

#include <filesystem>
#include <set>
#include <string>

#include "core/engine/device/gpu_refusal.h"
#include "core/engine/session.h"
#include "core/kernels/cuda/device_memory.h"
#include "core/model/model.h"
#include "core/plan/attention_plan.h"
#include "tests/support/random_model.h"
#include "tests/support/simt/host_device.h"

#include "tests/support/session_checks.h"

using namespace fovea;
using fovea::test::difference;
using fovea::test::kGoOn;
using fovea::test::randomModel;
using fovea::test::randomTokens;

namespace {

// The prompt and then some steps on both, which must agree; rows that codes stand for may differ by one of them.
void requireSamePrompt(const std::shared_ptr<const Model>& model, const AttentionPlan& plan,
                       std::span<const int> prompt, double bound) {
    Session cpu(model, plan, {.captureBudget = 1 << 24}),
        gpu(model, plan, {.backend = Backend::Cuda, .captureBudget = 1 << 24});
    for (Session* session : {&cpu, &gpu})
        REQUIRE(session->prefill(prompt.first(prompt.size() - 1), kGoOn));
    REQUIRE(gpu.promptEvicted() == cpu.promptEvicted());
    int token = prompt.back();
    for (int step = 0; step < 3; ++step, token = (token + 1) % model->spec.vocabulary) {
        const StepRecord here = cpu.step(token, true), there = gpu.step(token, true);
        REQUIRE(difference(gpu.logits(), cpu.logits()) < bound);
        REQUIRE(there.held.counted == here.held.counted);
        REQUIRE(there.counted[Component::Keys] == here.counted[Component::Keys]);
    }
    REQUIRE(gpu.backend() == Backend::Cuda);
}

std::shared_ptr<const Model> windowedModel(bool windowed) {
    at::manual_seed(9);
    const auto model = std::const_pointer_cast<Model>(
        randomModel({.layers = 2, .queryHeads = 4, .kvHeads = 2, .headDim = 32, .ffn = 48, .context = 500}));
    if (windowed)
        model->spec.layerSpecs = {{.window = 21, .rope = {}}, {.window = 0, .rope = {}}};
    return model;
}

} // namespace

TEST_CASE("A prompt on the GPU is what it is on the CPU, in one chunk or several", "[core.engine.device]") {
    const auto tokens = randomTokens(301);
    for (const bool windowed : {false, true})
        for (const char* text :
             {"dense", "store=bf16", "store=rtn:bits=8,group=32", "store=rtn:bits=4,group=32",
              "read=sparq:r=4,k=9", "read=quest:page=4,pages=9,skip=0",
              "keep=streaming:sinks=2,window=40,positions=original prefill=masked",
              "keep=moa:alpha=30,beta=.25,sinks=2,block=4,min=1", "keep=h2o:heavy=30,recent=30",
              "keep=snapkv:budget=40,window=8,pool=3", "share=cla:2", "weights=rtn:bits=8,group=32"})
            for (const std::size_t length : {std::size_t{2}, std::size_t{66}, std::size_t{301}}) {
                INFO(text << (windowed ? ", windowed, " : ", ") << length << " tokens");
                const auto model = windowedModel(windowed);
                const AttentionPlan plan = parsePlan(text);
                if (refusal(plan, model->spec))
                    continue;
                const bool rounded = std::string_view(text).find("store=") != std::string_view::npos;
                requireSamePrompt(model, plan, std::span(tokens).first(length), rounded ? 5e-2 : 1e-4);
            }
}

TEST_CASE("A prompt that the GPU has no room for is read on by the CPU", "[core.engine.device][host]") {
    const auto model = windowedModel(true);
    const auto tokens = randomTokens(400);
    const std::span<const int> prompt = tokens;
    const std::size_t before = cuda::takenBytes();
    std::size_t most = 0;
    for (const double share : {1., .9, .7, 1.}) {
        if (most > 0)
            simt::limitMemory(before + static_cast<std::size_t>(static_cast<double>(most) * share));
        simt::mostTakenMemory();
        Session cpu(model, {}, {}), gpu(model, {}, {.backend = Backend::Cuda});
        for (Session* session : {&cpu, &gpu}) {
            REQUIRE(session->prefill(prompt.first(390), kGoOn));
            session->step(tokens[390], true);
        }
        most = std::max(most, simt::mostTakenMemory() - before);
        simt::limitMemory(~std::size_t{0});
        CHECK(difference(gpu.logits(), cpu.logits()) < 1e-4);
        CHECK((gpu.backend() == Backend::Cuda) == (share == 1));
    }
}

TEST_CASE("Every architecture runs on the GPU as on the CPU", "[core.engine.device]") {
    const auto folder = std::filesystem::path(FOVEA_SOURCE_DIR) / "tests/golden/checkpoints";
    std::set<std::string> taken, refused;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const auto model = loadModel(entry.path());
        INFO(entry.path().filename().string());
        if (gpuRefusal({}, *model)) {
            refused.insert(entry.path().filename().string());
            continue;
        }
        taken.insert(entry.path().filename().string());
        requireSamePrompt(model, {}, randomTokens(30, model->spec.vocabulary), 1e-3);
    }
    CAPTURE(refused.size());
    CHECK(taken.size() > 15);
}
