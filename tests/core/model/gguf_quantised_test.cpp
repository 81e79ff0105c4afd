// Models whose matrices are of blocks: computed with as they lie, they give what their decoded weights give.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <set>

#include "core/engine/session.h"
#include "core/model/forward.h"
#include "core/model/gguf.h"
#include "core/model/parameters.h"
#include "gguf_conversion.h"
#include "tests/support/temporary_folder.h"

// After everything of libtorch, whose logging defines a CHECK of its own.
#include <catch2/catch.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

// Every type somewhere, and no layer like the other.
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

std::shared_ptr<const Model> loaded(const TemporaryFolder& folder, const GgufBytes& bytes) {
    putContent(folder / "model.gguf", bytes.whole());
    return loadModel(folder / "model.gguf");
}

// The same model with every matrix decoded to f32.
std::shared_ptr<const Model> decoded(const Model& model) {
    auto out = std::make_shared<Model>(model);
    const auto wide = [](Weight& weight) { weight = Weight(weight.to(at::kFloat)); };
    forEachStepParameter(*out, wide, [](at::Tensor& vector) { vector = vector.to(at::kFloat); });
    wide(out->embedding);
    if (out->spec.tiedEmbedding)
        out->head = out->embedding;
    describeParameters(*out);
    return out;
}

// max |a − b| / max |b|
double difference(std::span<const float> a, std::span<const float> b) {
    REQUIRE(a.size() == b.size());
    double off = 0, scale = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        off = std::max(off, std::fabs(static_cast<double>(a[i]) - b[i]));
        scale = std::max(scale, std::fabs(static_cast<double>(b[i])));
    }
    REQUIRE(std::isfinite(off));
    REQUIRE(scale > .1);
    return off / scale;
}

const std::vector<int> kTokens = {3, 1, 4, 1, 5, 9, 2, 6, 5, 35, 8, 9, 7, 9, 3, 2, 38, 4, 6, 26};

} // namespace

TEST_CASE("The CPU kernels on blocks give the logits of the decoded weights", "[core.gguf]") {
    const bool tied = GENERATE(false, true);
    INFO((tied ? "tied" : "not tied"));
    const TemporaryFolder folder;
    const auto blocks = loaded(folder, randomGguf({.tied = tied}, mixed));
    const auto floats = decoded(*blocks);
    const std::atomic<bool> go = false;
    // Else the store would follow the weights' type and differ.
    const AttentionPlan plan = parsePlan("store=f32");
    Session onBlocks(blocks, plan, {}), onFloats(floats, plan, {.backend = Backend::Reference});
    const std::span<const int> prompt(kTokens.data(), 6);
    REQUIRE(onBlocks.prefill(prompt, go));
    REQUIRE(onFloats.prefill(prompt, go));
    for (std::size_t i = 6; i < kTokens.size(); ++i) {
        onBlocks.step(kTokens[i], false);
        onFloats.step(kTokens[i], false);
        REQUIRE(difference(onBlocks.logits(), onFloats.logits()) <= 1e-4);
    }
}

TEST_CASE("The reference forward decodes blocks on the way", "[core.gguf]") {
    const c10::NoGradGuard noGrad;
    const TemporaryFolder folder;
    const auto blocks = loaded(folder, randomGguf({}, mixed));
    const auto floats = decoded(*blocks);
    const at::Tensor tokens = at::arange(20, at::kLong).unsqueeze(0);
    const auto dense = [](int, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
        return causalAttention(q, k, v);
    };
    const at::Tensor a = logits(*blocks, hiddenStates(*blocks, tokens, 0, dense, at::kFloat)).contiguous();
    const at::Tensor b = logits(*floats, hiddenStates(*floats, tokens, 0, dense, at::kFloat)).contiguous();
    const auto n = static_cast<std::size_t>(a.numel());
    CHECK(difference({a.data_ptr<float>(), n}, {b.data_ptr<float>(), n}) <= 1e-5);
}

TEST_CASE("A step moves the bytes that the file holds, counted and by formula", "[core.gguf]") {
    const bool tied = GENERATE(false, true);
    const TemporaryFolder folder;
    const auto model = loaded(folder, randomGguf({.tied = tied}, mixed));
    const GgufFile file(folder / "model.gguf");
    std::int64_t all = 0, weights = 0;
    std::set<std::string_view> types;
    for (const auto& [name, tensor] : file.tensors()) {
        all += static_cast<std::int64_t>(tensor.bytes);
        weights += tensor.weights();
        types.insert(tensor.typeName());
    }
    CHECK(types.size() == std::size(kBlockTypes) + 3);
    CHECK(model->spec.weightBytes == all);
    CHECK(model->spec.parameters == weights);
    // Of the embedding a step reads one row; tied, the whole of it is the head besides.
    const GgufTensor& embedding = file.tensors().at("token_embd.weight");
    const auto row = static_cast<std::int64_t>(embedding.bytes) / embedding.shape[0];
    const std::int64_t expected = all + row - (tied ? 0 : static_cast<std::int64_t>(embedding.bytes));
    for (const Backend backend : {Backend::Cpu, Backend::Reference}) {
        Session session(model, {}, {.backend = backend});
        const StepRecord record = session.step(7, false);
        CHECK(record.counted[Component::Weights] == expected);
        CHECK(record.formula[Component::Weights] == expected);
    }
}

TEST_CASE("Matrices stay where the file lies, but for query and key", "[core.gguf]") {
    const TemporaryFolder folder;
    const auto model = loaded(folder, randomGguf({}, mixed));
    // Storage that is not its own cannot be resized: a tensor over mapped bytes.
    const auto mapped = [](const Weight& w) { return !w.stored().storage().resizable(); };
    for (const LayerWeights& w : model->layers) {
        CHECK(mapped(w.value.weight));
        CHECK(mapped(w.output.weight));
        CHECK(mapped(w.down.weight));
        CHECK_FALSE(mapped(w.query.weight));
        CHECK_FALSE(mapped(w.key.weight));
    }
    CHECK(mapped(model->embedding));
    CHECK(mapped(model->head));
}
