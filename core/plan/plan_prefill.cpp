#include "core/plan/plan_prefill.h"

#include <variant>

#include "core/plan/keep_text.h"

namespace fovea {

using Prefill = AttentionPlan::Prefill;

Prefill paperPrefill(const AttentionPlan& plan) {
    if (std::holds_alternative<MoaParams>(plan.keep) || std::holds_alternative<LmInfiniteParams>(plan.keep))
        return Prefill::Masked;
    return unmaskedPrefill(plan.store);
}

Prefill unmaskedPrefill(const Store& store) {
    return std::holds_alternative<RtnParams>(store) ? Prefill::Quantised : Prefill::Dense;
}

namespace {

Prefill prefillOf(const AttentionPlan& plan) {
    return plan.prefill.value_or(paperPrefill(plan));
}

} // namespace

bool canMaskPrefill(const Keep& keep) {
    return std::holds_alternative<StreamingParams>(keep) || std::holds_alternative<LmInfiniteParams>(keep) ||
           std::holds_alternative<MoaParams>(keep);
}

bool masksPrefill(const AttentionPlan& plan) {
    return prefillOf(plan) == Prefill::Masked;
}

bool readsPromptInFloats(const AttentionPlan& plan) {
    return prefillOf(plan) == Prefill::Dense && storesCodes(plan.store);
}

std::int64_t keepActsFrom(const AttentionPlan& plan, std::int64_t decodeFrom) {
    return masksPrefill(plan) ? 0 : decodeFrom;
}

void forgetPaperPrefill(AttentionPlan& plan) {
    if (plan.prefill == paperPrefill(plan))
        plan.prefill.reset();
}

std::string prefillText(const AttentionPlan& plan) {
    if (!plan.prefill || *plan.prefill == paperPrefill(plan))
        return {};
    switch (*plan.prefill) {
    case Prefill::Masked: return "prefill=masked";
    case Prefill::Quantised: return "prefill=quantised";
    default: return "prefill=dense";
    }
}

std::optional<std::string> prefillRefusal(const AttentionPlan& plan) {
    if (plan.prefill == Prefill::Quantised && !storesCodes(plan.store))
        return "prefill=quantised reads a prompt through the store's codes, and the plan's store has none; accepted: "
               "prefill=dense, or store=rtn, kivi, kvquant or cq.";
    if (!masksPrefill(plan) || canMaskPrefill(plan.keep))
        return std::nullopt;
    if (std::holds_alternative<KeepAll>(plan.keep))
        return "prefill=masked hides from a prompt's queries what the plan's keep drops, and keep=all drops "
               "nothing; "
               "accepted: prefill=dense, or keep=streaming, keep=lm-infinite or keep=moa.";
    const std::string keep = keepText(plan.keep);
    return "prefill=masked needs a keep that goes by position, and " + keep.substr(0, keep.find(':')) +
           " goes by what a prompt's queries give to its tokens; accepted: prefill=dense, or keep=streaming, "
           "keep=lm-infinite or keep=moa.";
}

} // namespace fovea
