// Tokens that the GPU's backend chooses where their logits are: the CPU's, by the same draws, and as surprising, while the
// logits stay there.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/engine/batch.h"
#include "core/engine/session.h"
#include "core/kernels/cuda/device_memory.h"
#include "core/plan/attention_plan.h"
#include "tests/support/simt/host_device.h"

#include "tests/core/engine/device/batch_checks.h"
#include "tests/core/engine/device/device_checks.h"

using namespace fovea;
using fovea::test::kGoOn;
using fovea::test::promptsOf;
using fovea::test::randomTokens;
using fovea::test::smallModel;

namespace {

const SamplerOptions kSamplers[] = {
    {}, {.temperature = 1, .seed = 3}, {.temperature = .7f, .topK = 12, .topP = .9f, .seed = 11}};

GenerateOptions optionsOf(Backend backend, const SamplerOptions& sampler, std::int64_t tokens = 20) {
    GenerateOptions options;
    options.tokens = tokens;
    options.ignoreEnd = true;
    options.sampler = sampler;
    options.session.backend = backend;
    return options;
}

Run textOf(const std::shared_ptr<const Model>& model, const std::string& plan, const GenerateOptions& options) {
    return generate(model, parsePlan(plan), randomTokens(30), options, {}, kGoOn);
}

void requireSameText(const Run& a, const Run& b, double most) {
    REQUIRE(a.tokens == b.tokens);
    REQUIRE(a.steps.size() == b.steps.size());
    for (std::size_t i = 0; i < a.steps.size(); ++i) {
        INFO("step " << i << ": " << a.steps[i].surprise << ", " << b.steps[i].surprise);
        REQUIRE(a.steps[i].token == b.steps[i].token);
        REQUIRE(std::fabs(a.steps[i].surprise - b.steps[i].surprise) < most);
    }
}

} // namespace

TEST_CASE("Text that the GPU chooses is the CPU's, greedy and by every draw", "[core.engine.device.choice]") {
    const auto model = smallModel();
    for (const char* plan : {"dense", "read=sparq:r=4,k=20", "keep=h2o:heavy=8,recent=20"})
        for (const SamplerOptions& sampler : kSamplers) {
            INFO(plan << ", temperature " << sampler.temperature);
            const Run cpu = textOf(model, plan, optionsOf(Backend::Cpu, sampler));
            for (const bool graphs : {true, false}) {
                GenerateOptions options = optionsOf(Backend::Cuda, sampler);
                options.session.graphs = graphs;
                const Run gpu = textOf(model, plan, options);
                REQUIRE(gpu.whyLeft.empty());
                requireSameText(gpu, cpu, 1e-4);
            }
        }
}

TEST_CASE("Whether logits are kept is no part of a GPU's text", "[core.engine.device.choice]") {
    const auto model = smallModel();
    for (const SamplerOptions& sampler : kSamplers) {
        GenerateOptions options = optionsOf(Backend::Cuda, sampler);
        const Run chosenThere = textOf(model, "dense", options);
        options.keepLogits = true;
        const Run chosenHere = textOf(model, "dense", options);
        requireSameText(chosenThere, chosenHere, 1e-5);
        CHECK_FALSE(chosenThere.logits);
        CHECK(std::ssize(*chosenHere.logits) == 20 * model->spec.vocabulary);
    }
}

TEST_CASE("A text that is given surprises the GPU as it does the CPU", "[core.engine.device.choice]") {
    const auto model = smallModel();
    GenerateOptions options = optionsOf(Backend::Cpu, {});
    options.forced = randomTokens(20, 50, 9);
    const Run cpu = textOf(model, "store=bf16", options);
    options.session.backend = Backend::Cuda;
    const Run gpu = textOf(model, "store=bf16", options);
    requireSameText(gpu, cpu, 1e-2); // a rounded row may fall to the other side
    CHECK(std::equal(options.forced.begin(), options.forced.end(), gpu.tokens.end() - 20));
    options.keepLogits = true;
    requireSameText(textOf(model, "store=bf16", options), gpu, 1e-5);
    options.forced.back() = model->spec.vocabulary;
    CHECK_THROWS_AS(textOf(model, "dense", options), EngineError);
}

TEST_CASE("Texts at once are each chosen by draws of their own", "[core.engine.device.choice]") {
    const auto model = smallModel();
    for (const int texts : {1, 2, 4})
        for (const SamplerOptions& sampler : kSamplers) {
            INFO(texts << " texts, temperature " << sampler.temperature);
            const auto prompts = promptsOf(texts, 20, 3);
            const auto run = [&](Backend backend) {
                return generateBatch(model, parsePlan("dense"), prompts, optionsOf(backend, sampler, 12), {}, kGoOn);
            };
            const BatchRun cpu = run(Backend::Cpu), gpu = run(Backend::Cuda);
            for (std::size_t i = 0; i < prompts.size(); ++i) {
                REQUIRE(gpu.texts[i].tokens == cpu.texts[i].tokens);
                REQUIRE(gpu.texts[i].surprises.size() == 12);
                for (std::size_t t = 0; t < 12; ++t)
                    REQUIRE(std::fabs(gpu.texts[i].surprises[t] - cpu.texts[i].surprises[t]) < 1e-4);
            }
        }
}

TEST_CASE("A step that keeps no logits has none sent", "[core.engine.device.choice][host]") {
    const auto model = smallModel();
    const auto tokens = randomTokens(12);
    Session gpu(model, parsePlan("read=sparq:r=4,k=6"), {.backend = Backend::Cuda});
    const SamplerOptions greedy;
    std::size_t told[2] = {};
    for (const bool keeps : {true, false, true, false})
        for (int i = 0; i < 3; ++i) {
            simt::takeDownloaded();
            gpu.step(tokens[static_cast<std::size_t>(i)], true, &greedy, {}, keeps);
            told[keeps] = simt::takeDownloaded();
            CHECK(gpu.logits().size() == (keeps ? static_cast<std::size_t>(model->spec.vocabulary) : 0));
        }
    const auto logits = static_cast<std::size_t>(model->spec.vocabulary) * sizeof(float);
    CHECK(told[true] - told[false] == logits - sizeof(int) - sizeof(float));
}

TEST_CASE("A GPU that runs out of memory half way leaves the CPU the same draws, and gives back what it took",
          "[core.engine.device.choice][host]") {
    const auto model = smallModel();
    const SamplerOptions sampler = kSamplers[1];
    const Run cpu = textOf(model, "dense", optionsOf(Backend::Cpu, sampler, 300));
    const std::size_t before = cuda::takenBytes();
    std::size_t atFirst = 0;
    std::vector<std::int64_t> onDevice;
    const auto observe = [&](const Run& run) {
        onDevice.push_back(run.steps.back().held.onDevice);
        if (run.steps.size() == 20)
            simt::limitMemory(atFirst = cuda::takenBytes());
        return true;
    };
    const Run gpu = generate(model, parsePlan("dense"), randomTokens(30),
                             optionsOf(Backend::Cuda, sampler, 300), observe, kGoOn);
    simt::limitMemory(~std::size_t{0});
    CHECK_FALSE(gpu.whyLeft.empty());
    CHECK(gpu.backend.find("cpu from") != std::string::npos);
    requireSameText(gpu, cpu, 1e-4);
    CHECK(atFirst > before);
    CHECK(onDevice.front() > 0);
    CHECK(onDevice.back() == 0);
}
