// Every architecture against Python transformers: tests/golden says how the files were made.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <vector>

#include "core/engine/session.h"
#include "core/model/forward.h"
#include "core/model/safetensors.h"

// After everything of libtorch, whose logging defines a CHECK of its own.
#include <catch2/catch.hpp>

using namespace fovea;

namespace {

const std::filesystem::path kGolden = std::filesystem::path(FOVEA_SOURCE_DIR) / "tests/golden";
const std::atomic<bool> kGoOn = false;
constexpr double kTolerance = 1e-4;

std::vector<std::string> goldenNames() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(kGolden / "checkpoints"))
        names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

struct Golden {
    explicit Golden(const std::string& name)
        : file(kGolden / "outputs" / (name + ".safetensors")),
          model(loadModel(kGolden / "checkpoints" / name)), tokens(integers("tokens")),
          greedy(integers("greedy")) {}

    std::vector<int> integers(const char* name) const {
        const at::Tensor values = file.read(name);
        const float* data = values.data_ptr<float>();
        return {data, data + values.numel()};
    }
    at::Tensor ids() const { return file.read("tokens").to(at::kLong).unsqueeze(0); }

    SafetensorsFile file;
    std::shared_ptr<const Model> model;
    std::vector<int> tokens, greedy;
};

double relative(const at::Tensor& ours, const at::Tensor& theirs) {
    return ((ours - theirs).norm() / theirs.norm()).item<double>();
}

double relative(std::span<const float> ours, const at::Tensor& theirs) {
    return relative(at::from_blob(const_cast<float*>(ours.data()), {std::ssize(ours)}, at::kFloat), theirs);
}

int best(std::span<const float> logits) {
    return static_cast<int>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

// f32 rows, whatever the checkpoint's type: the goldens know no other.
AttentionPlan f32Store() {
    AttentionPlan plan;
    plan.store = ElementType::F32;
    return plan;
}

} // namespace

TEST_CASE("A whole pass over the prompt gives the golden logits", "[core.model][golden]") {
    const c10::NoGradGuard noGrad;
    REQUIRE(goldenNames().size() >= 20);
    for (const std::string& name : goldenNames()) {
        INFO(name);
        const Golden golden(name);
        const at::Tensor hidden =
            hiddenStates(*golden.model, golden.ids(), 0, causalAttentionOf(golden.model->spec), at::kFloat);
        CHECK(relative(hidden[0], golden.file.read("final")) < kTolerance);
        CHECK(relative(logits(*golden.model, hidden)[0], golden.file.read("logits")) < kTolerance);
    }
}

TEST_CASE("Prefill and decode give the golden logits and continue as the golden does",
          "[core.model][golden]") {
    for (const std::string& name : goldenNames())
        for (const Backend backend : {Backend::Cpu, Backend::Reference}) {
            INFO(name << (backend == Backend::Cpu ? ", CPU kernels" : ", reference"));
            const Golden golden(name);
            Session session(golden.model, f32Store(), {.backend = backend});
            REQUIRE(session.prefill(std::span(golden.tokens).first(golden.tokens.size() - 1), kGoOn));
            const StepRecord first = session.step(golden.tokens.back(), true);
            CHECK(first.counted == first.formula);
            CHECK(relative(session.logits(), golden.file.read("logits")[-1]) < kTolerance);
            std::vector<int> continued = {best(session.logits())};
            while (continued.size() < golden.greedy.size()) {
                const StepRecord step = session.step(continued.back(), true);
                CHECK(step.counted == step.formula);
                continued.push_back(best(session.logits()));
            }
            CHECK(continued == golden.greedy);
        }
}

TEST_CASE("Every token decoded one by one gives the golden logits", "[core.model][golden]") {
    for (const std::string& name : goldenNames()) {
        if (name == "llama_rope_dynamic")
            continue; // keys stay as the length of their own time turned them
        for (const Backend backend : {Backend::Cpu, Backend::Reference}) {
            INFO(name << (backend == Backend::Cpu ? ", CPU kernels" : ", reference"));
            const Golden golden(name);
            const at::Tensor expected = golden.file.read("logits");
            Session session(golden.model, f32Store(), {.backend = backend});
            double worst = 0;
            for (std::size_t t = 0; t < golden.tokens.size(); ++t) {
                session.step(golden.tokens[t], true);
                worst = std::max(worst, relative(session.logits(), expected[static_cast<std::int64_t>(t)]));
            }
            CHECK(worst < kTolerance);
        }
    }
}
