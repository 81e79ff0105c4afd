#include "core/plan/plan_prefill.h"

#include <variant>

#include "core/plan/keep_text.h"

namespace fovea {

using Prefill = AttentionPlan::Prefill;

Prefill paperPrefill(const Keep& keep) {
    const bool masked =
        std::holds_alternative<MoaParams>(keep) || std::holds_alternative<LmInfiniteParams>(keep);
    return masked ? Prefill::Masked : Prefill::Dense;
}

bool canMaskPrefill(const Keep& keep) {
    return std::holds_alternative<StreamingParams>(keep) || std::holds_alternative<LmInfiniteParams>(keep) ||
           std::holds_alternative<MoaParams>(keep);
}

bool masksPrefill(const AttentionPlan& plan) {
    return plan.prefill.value_or(paperPrefill(plan.keep)) == Prefill::Masked;
}

std::int64_t keepActsFrom(const AttentionPlan& plan, std::int64_t decodeFrom) {
    return masksPrefill(plan) ? 0 : decodeFrom;
}

void forgetPaperPrefill(AttentionPlan& plan) {
    if (plan.prefill == paperPrefill(plan.keep))
        plan.prefill.reset();
}

std::string prefillText(const AttentionPlan& plan) {
    if (!plan.prefill || *plan.prefill == paperPrefill(plan.keep))
        return {};
    return *plan.prefill == Prefill::Masked ? "prefill=masked" : "prefill=dense";
}

std::optional<std::string> prefillRefusal(const AttentionPlan& plan) {
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
