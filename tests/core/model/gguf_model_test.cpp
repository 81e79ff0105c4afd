// GGUF files made from the goldens' folders compute what the peer computed from those.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include <atomic>
#include <vector>

#include "core/engine/session.h"
#include "core/model/forward.h"
#include "core/model/model.h"
#include "core/model/safetensors.h"
#include "core/plan/attention_plan.h"
#include "gguf_conversion.h"
#include "tests/support/temporary_folder.h"

// After everything of libtorch, whose logging defines a CHECK of its own.
#include <catch2/catch.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

const std::filesystem::path kGoldens = std::filesystem::path(FOVEA_SOURCE_DIR) / "tests/golden";

GgufType allF32(const std::string&, std::int64_t) {
    return kF32;
}

std::shared_ptr<const Model> loaded(const TemporaryFolder& folder, const GgufBytes& bytes) {
    putContent(folder / "model.gguf", bytes.whole());
    return loadModel(folder / "model.gguf");
}

at::Tensor allLogits(const Model& model, const at::Tensor& tokens) {
    const c10::NoGradGuard noGrad;
    const at::Tensor hidden =
        hiddenStates(model, tokens.unsqueeze(0), 0, causalAttentionOf(model.spec), at::kFloat);
    return logits(model, hidden)[0];
}

// Of the last token, which goes through the decode kernels.
at::Tensor lastLogits(const std::shared_ptr<const Model>& model, const at::Tensor& tokens) {
    const std::vector<int> ids(tokens.data_ptr<std::int64_t>(),
                               tokens.data_ptr<std::int64_t>() + tokens.numel());
    const std::atomic<bool> goOn = false;
    Session session(model, parsePlan("store=f32"), {});
    REQUIRE(session.prefill(std::span<const int>(ids).first(ids.size() - 1), goOn));
    session.step(ids.back(), false);
    return at::tensor(std::vector<float>(session.logits().begin(), session.logits().end()));
}

// max |a − b| / max |b|
double difference(const at::Tensor& a, const at::Tensor& b) {
    return ((a - b).abs().max() / b.abs().max()).item<double>();
}

} // namespace

TEST_CASE("A GGUF file gives the logits of the folder it was made from", "[core.gguf]") {
    const std::string name = GENERATE("llama", "llama_gqa", "llama_tied", "llama_bias", "llama_rope_llama3",
                                      "llama_rope_linear", "llama_rope_yarn", "mistral", "qwen2", "qwen3",
                                      "gemma2", "gemma3", "gpt_neox", "gpt_neox_serial");
    INFO(name);
    const TemporaryFolder folder;
    const auto model = loaded(folder, asGguf(kGoldens / "checkpoints" / name, allF32));
    const SafetensorsFile golden(kGoldens / "outputs" / (name + ".safetensors"));
    const at::Tensor tokens = golden.read("tokens").to(at::kLong);
    const at::Tensor expected = golden.read("logits");
    CHECK(difference(allLogits(*model, tokens), expected) <= 1e-4);
    CHECK(difference(lastLogits(model, tokens), expected[-1]) <= 1e-4);
}
