#include <string>

#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/targets.h"

namespace fovea::fuzz {

namespace {

ModelSpec smallSpec() {
    ModelSpec spec;
    spec.layers = 2;
    spec.width = 32;
    spec.queryHeads = 4;
    spec.kvHeads = 2;
    spec.headDim = 8;
    spec.ffn = 64;
    spec.vocabulary = 300;
    spec.context = 64;
    return spec;
}

} // namespace

// What was read must be read alike from its own text.
bool readPlan(std::string_view bytes) {
    try {
        const AttentionPlan plan = parsePlan(bytes);
        const std::string text = toText(plan);
        if (parsePlan(text) != plan)
            throw Finding("another plan is read from its text: " + text);
        if (const auto why = refusal(plan, smallSpec()))
            requireOneLine(*why);
    } catch (const PlanError& error) {
        if (bytes.size() < 100) // a longer word is quoted as it was typed
            requireOneLine(error.what());
        return false;
    }
    return true;
}

} // namespace fovea::fuzz
