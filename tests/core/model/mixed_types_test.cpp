// Checkpoints whose tensors are not all of one type: norms in f32 beside matrices in bf16 are common.

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <filesystem>

#include "core/engine/session.h"
#include "core/methods/predict.h"
#include "core/model/model.h"
#include "core/model/safetensors.h"
#include "small_checkpoint.h"

// After everything of libtorch, whose logging defines a CHECK of its own.
#include <catch2/catch.hpp>

using namespace fovea;

namespace {

// A golden checkpoint with its matrices in bf16, one of them in f16, and its vectors in f32.
void writeMixed(const std::filesystem::path& folder, const std::string& name, const std::string& half) {
    const auto from = std::filesystem::path(FOVEA_SOURCE_DIR) / "tests/golden/checkpoints" / name;
    std::filesystem::copy_file(from / "config.json", folder / "config.json");
    const SafetensorsFile file(from / "model.safetensors");
    std::vector<NamedTensor> tensors;
    for (const auto& [tensor, entry] : file.entries()) {
        if (entry.type == c10::ScalarType::Undefined)
            continue; // a mask
        const at::Tensor read = file.read(tensor);
        tensors.push_back({tensor, read.dim() < 2   ? read
                                   : tensor == half ? read.to(at::kHalf)
                                                    : read.to(at::kBFloat16)});
    }
    writeSafetensors(folder / "model.safetensors", tensors);
}

float difference(std::span<const float> a, std::span<const float> b) {
    float most = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        most = std::max(most, std::abs(a[i] - b[i]));
    return most;
}

} // namespace

TEST_CASE("Every parameter keeps its type, and the formula counts the bytes of each", "[core.model]") {
    struct Case {
        const char *name, *half;
    };
    for (const Case& c : {Case{"llama", "model.layers.1.mlp.up_proj.weight"},
                          Case{"opt", "model.decoder.embed_positions.weight"},
                          Case{"gpt_neox", "gpt_neox.layers.0.attention.query_key_value.weight"},
                          Case{"gemma3", "model.embed_tokens.weight"}}) {
        INFO(c.name);
        const test::ScratchFolder scratch;
        writeMixed(scratch.path(), c.name, c.half);
        const auto model = loadModel(scratch.path());
        CHECK(model->spec.type == ElementType::BF16);
        CHECK(model->spec.heldOtherwise.size() == 2);
        CHECK(model->finalNorm.gain.scalar_type() == at::kFloat);
        CHECK(model->layers[0].down.weight.stored().scalar_type() == at::kBFloat16);

        Session cpu(model, {}, {}), reference(model, {}, {.backend = Backend::Reference});
        for (const int token : {3, 14, 15, 9, 26}) {
            for (Session* session : {&cpu, &reference}) {
                const StepRecord step = session->step(token, true);
                CHECK(step.counted == step.formula);
                CHECK(step.counted[Component::Weights] < 2 * model->spec.weightBytes);
            }
            // bf16 rows in the cache: what two ways of summing differ in may round.
            CHECK(difference(cpu.logits(), reference.logits()) < 0.05);
        }
    }
}

TEST_CASE("Bytes of all parameters are told as the file holds them", "[core.model]") {
    const test::ScratchFolder scratch;
    writeMixed(scratch.path(), "llama", "none");
    const auto model = loadModel(scratch.path());
    const ModelSpec& s = model->spec;
    const std::int64_t norms = (2 * s.layers + 1) * std::int64_t{s.width};
    CHECK(s.weightBytes == 2 * s.parameters + 2 * norms);
    // A step reads all but the embedding, of which it reads a row.
    const std::int64_t others = (std::int64_t{s.vocabulary} - 1) * s.width;
    CHECK(predictWeights(s)[Component::Weights] == s.weightBytes - 2 * others);
}
