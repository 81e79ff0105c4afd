#include <memory>

#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"
#include "core/plan/moa_file.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/targets.h"

namespace fovea::fuzz {

bool readMoa(std::string_view bytes) {
    MoaParams params;
    try {
        params.spans = std::make_shared<const MoaSpans>(readMoaPlan(bytes, "plan.json"));
    } catch (const PlanError& error) {
        requireOneLine(error.what());
        return false;
    }
    if (readMoaPlan(moaPlanJson(*params.spans), "again") != *params.spans)
        throw Finding("other spans are read from what was written of them");
    AttentionPlan plan;
    plan.keep = params;
    if (parsePlan(toText(plan)) != plan)
        throw Finding("another plan is read from its text");
    ModelSpec spec;
    spec.layers = 2, spec.queryHeads = 2, spec.kvHeads = 1;
    if (const auto why = refusal(plan, spec))
        requireOneLine(*why);
    // Every rule is asked what it sees, near and far.
    for (int layer = 0; layer < params.spans->layers; ++layer)
        for (int head = 0; head < params.spans->heads; ++head)
            for (const std::int64_t p : {0, 100, 100'000'000})
                if (moaRule(params, layer, head).seen(p) < 1 || moaRule(params, layer, head).seen(p) > p + 1)
                    throw Finding("a head sees what is not there");
    return true;
}

} // namespace fovea::fuzz
