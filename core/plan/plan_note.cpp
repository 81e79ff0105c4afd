#include "core/plan/plan_note.h"

#include "core/plan/attention_plan.h"
#include "core/plan/share_text.h"
#include "core/plan/weights_text.h"

namespace fovea {

std::optional<std::string> planNote(const AttentionPlan& plan, const ModelSpec& spec) {
    const auto converted = conversionNote(plan.share);
    const auto twice = roundedTwiceNote(plan.weights, spec);
    if (converted && twice)
        return *converted + "; " + *twice;
    return converted ? converted : twice;
}

} // namespace fovea
