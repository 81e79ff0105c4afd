#include "tests/fuzz/model_use.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <string>

#include "core/model/forward.h"
#include "core/model/held_types.h"
#include "core/model/model.h"
#include "core/model/model_header.h"
#include "tests/fuzz/fuzz_input.h"

namespace fovea::fuzz {

namespace {

constexpr std::int64_t kMostParameters = 200'000;

void requireSameHeader(const std::filesystem::path& path, const ModelSpec& spec) {
    const ModelSpec header = readModelHeader(path);
    if (header.layers != spec.layers || header.width != spec.width || header.vocabulary != spec.vocabulary ||
        header.parameters != spec.parameters || header.weightBytes != spec.weightBytes)
        throw Finding("a header that tells of another model");
}

void requireTypesAddUp(const Model& model) {
    std::int64_t bytes = 0, elements = 0;
    for (const HeldType& type : heldTypes(model)) {
        bytes += type.bytes;
        elements += type.elements;
    }
    if (bytes != model.spec.weightBytes || elements != model.spec.parameters)
        throw Finding("types that do not add up to the model");
}

void compute(const Model& model) {
    const at::NoGradGuard off;
    const std::int64_t last = model.spec.vocabulary - 1;
    const std::int64_t length = std::min(2, model.spec.context);
    const at::Tensor tokens =
        at::tensor({std::int64_t{0}, last}, at::kLong).narrow(0, 0, length).unsqueeze(0);
    const at::Tensor scores =
        logits(model, hiddenStates(model, tokens, 0, causalAttentionOf(model.spec), at::kFloat));
    if (scores.sizes() != at::IntArrayRef({1, length, model.spec.vocabulary}))
        throw Finding("logits of another shape");
}

} // namespace

void useModel(const std::filesystem::path& path) {
    const auto model = loadModel(path);
    if (model->spec.layers != static_cast<int>(model->layers.size()))
        throw Finding("a model without the layers that its shape has");
    try {
        requireSameHeader(path, model->spec);
    } catch (const CheckpointError& error) {
        throw Finding(std::string("a model whose header alone is refused: ") + error.what());
    }
    requireTypesAddUp(*model);
    if (model->spec.parameters <= kMostParameters)
        compute(*model);
}

} // namespace fovea::fuzz
