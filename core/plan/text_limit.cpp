#include "core/plan/text_limit.h"

#include "core/methods/keep/keep_rule.h"
#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"

namespace fovea {

std::int64_t textLimit(const AttentionPlan& plan, const ModelSpec& spec) {
    // A learned table of positions ends; dynamic RoPE changes with the length of the whole text.
    if (spec.learnedPositions)
        return spec.context;
    for (int layer = 0; layer < spec.layers; ++layer) {
        if (spec.ropeOf(layer).scaling.kind == RopeScaling::Kind::Dynamic)
            return spec.context;
        const LayerKeep keep(plan, spec, layer, true);
        for (int head = 0; head < (keep.same() ? 1 : spec.queryHeads); ++head)
            if (keep.of(head).longestDistance() >= spec.context)
                return spec.context;
    }
    return KeepRule::kUnbounded;
}

} // namespace fovea
