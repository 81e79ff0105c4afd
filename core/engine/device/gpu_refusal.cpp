#include "core/engine/device/gpu_refusal.h"

#include <variant>

#include "core/engine/layer_keeps.h"
#include "core/kernels/cuda/kernels.h"
#include "core/methods/store/store.h"
#include "core/model/model.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

constexpr const char* kInstead = " Choose the CPU for it.";

// Are eight codes three bytes, which lie across words?
bool hasStringsOfThree(const Store& store) {
    const auto* const kivi = std::get_if<KiviParams>(&store);
    const auto* const kvquant = std::get_if<KvquantParams>(&store);
    const auto codes = storedCodes(store);
    return (kivi && kivi->bits == 3) || (kvquant && kvquant->bits == 3) || (codes && codes->bits == 3);
}

// Rows are read in words of 16 bytes, or eight codes at a time, which are whole bytes.
std::optional<std::string> refuseHeads(const AttentionPlan& plan, const ModelSpec& spec) {
    int multiple = 16 / elementBytes(storedFloats(plan.store, spec.type));
    if (storesCodes(plan.store))
        multiple = hasStringsOfThree(plan.store) ? 16 : 8;
    if (spec.headDim <= cuda::kMaxHeadDim && spec.headDim % multiple == 0)
        return {};
    return "The GPU's kernels take heads of up to " + std::to_string(cuda::kMaxHeadDim) +
           " components, a multiple of " + std::to_string(multiple) + " in this store, and these have " +
           std::to_string(spec.headDim) + "." + kInstead;
}

// Do query heads that share a KV head see different tokens, or meet them at other distances than their own?
struct Sight {
    bool parted = false, turns = false;
};
Sight sightUnder(const AttentionPlan& plan, const ModelSpec& spec) {
    const LayerKeeps keeps(plan, spec);
    Sight sight;
    for (int layer = 0; layer < spec.layers; ++layer) {
        sight.parted |= !keeps.of(layer, true).same();
        sight.turns |= keeps.of(layer, true).of(0).turns();
    }
    return sight;
}

std::optional<std::string> refusePlan(const AttentionPlan& plan, const ModelSpec& spec) {
    const auto cannot = [](const std::string& what) {
        return "The GPU's kernels do not " + what + " yet." + kInstead;
    };
    if (!mixedStore(plan.store, spec.headDim))
        return {};
    if (std::holds_alternative<TopvParams>(plan.read))
        return cannot(
            "choose values by keys of which some are codes (read=topv with store=kivi, kvquant or cq)");
    const Sight sight = sightUnder(plan, spec);
    if (sight.turns)
        return cannot("meet sinks at another distance than their own where rows become codes later "
                      "(keep=streaming:positions=cache, lm-infinite with store=kivi, kvquant or cq)");
    if (sight.parted && spec.kvLayers() < spec.layers)
        return cannot(
            "read shared rows that only some layers see where they become codes later (share=… keep=moa with "
            "store=kivi, kvquant or cq)");
    return {};
}

} // namespace

std::optional<std::string> gpuRefusal(const AttentionPlan& plan, const Model& model) {
    if (!cuda::available())
        return "There is no GPU to run on: " + cuda::whyUnavailable() + "." + kInstead;
    if (auto why = refusePlan(plan, model.spec))
        return why;
    return refuseHeads(plan, model.spec);
}

} // namespace fovea
