#include "core/engine/device/gpu_refusal.h"

#include <variant>

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

} // namespace

std::optional<std::string> gpuRefusal(const AttentionPlan& plan, const Model& model) {
    if (!cuda::available())
        return "There is no GPU to run on: " + cuda::whyUnavailable() + "." + kInstead;
    return refuseHeads(plan, model.spec);
}

} // namespace fovea
