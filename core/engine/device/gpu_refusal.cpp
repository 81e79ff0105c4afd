#include "core/engine/device/gpu_refusal.h"

#include <variant>

#include "core/kernels/cuda/kernels.h"
#include "core/methods/store/store.h"
#include "core/model/model.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

constexpr const char* kInstead = " Choose the CPU for it.";

bool inBlocks(const Weight& weight) {
    return weight.defined() && weight.blocks() != BlockType::None;
}

bool anyInBlocks(const Model& model) {
    bool any = inBlocks(model.embedding) || inBlocks(model.head) || inBlocks(model.positions);
    for (const LayerWeights& w : model.layers)
        for (const Linear* linear : {&w.query, &w.key, &w.value, &w.output, &w.gate, &w.up, &w.down})
            any |= inBlocks(linear->weight);
    return any;
}

// Rows are read in words of 16 bytes, or eight codes at a time, which are whole bytes.
std::optional<std::string> refuseHeads(const AttentionPlan& plan, const ModelSpec& spec) {
    const auto codes = storedCodes(plan.store);
    const int multiple =
        codes ? (codes->bits == 3 ? 16 : 8) : 16 / elementBytes(storedFloats(plan.store, spec.type));
    if (spec.headDim <= cuda::kMaxHeadDim && spec.headDim % multiple == 0)
        return {};
    return "The GPU's kernels take heads of up to " + std::to_string(cuda::kMaxHeadDim) +
           " components, a multiple of " + std::to_string(multiple) + " in this store, and these have " +
           std::to_string(spec.headDim) + "." + kInstead;
}

std::optional<std::string> refusePlan(const AttentionPlan& plan, const ModelSpec& spec) {
    const auto cannot = [](const std::string& what) {
        return "The GPU's kernels do not " + what + " yet." + kInstead;
    };
    if (mixedStore(plan.store, spec.headDim))
        return cannot("read rows that are exact for a while and coded then (store=kivi, kvquant, cq)");
    if (!std::holds_alternative<OwnActs>(plan.acts))
        return cannot("round activations (acts=…)");
    return {};
}

} // namespace

std::optional<std::string> gpuRefusal(const AttentionPlan& plan, const Model& model) {
    if (!cuda::available())
        return "There is no GPU to run on: " + cuda::whyUnavailable() + "." + kInstead;
    if (anyInBlocks(model))
        return "The GPU's kernels do not read GGUF's blocks yet." + std::string(kInstead);
    if (auto why = refusePlan(plan, model.spec))
        return why;
    return refuseHeads(plan, model.spec);
}

} // namespace fovea
