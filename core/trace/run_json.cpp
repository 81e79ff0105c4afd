#include "core/trace/run_json.h"

#include "core/trace/json_parts.h"
#include "core/trace/run_totals.h"

namespace fovea {

namespace {

Json stepJson(const StepRecord& step) {
    return {{"token", step.token},
            {"position", step.position},
            {"fed", step.fed},
            {"planned", step.planned},
            {"bytes", bytesJson(step.formula, step.counted)},
            {"held", heldJson(step.held)},
            {"live_slots", step.liveSlots},
            {"evicted_slots", step.evicted},
            {"seconds", step.seconds},
            {"attention_seconds", step.attentionSeconds},
            {"surprise_nats", step.surprise}};
}

Json totalsJson(const Run& run) {
    const RunTotals t = totalsOf(run);
    return {{"prompt_tokens", run.promptTokens},
            {"steps", t.steps},
            {"planned_steps", t.planned},
            {"bytes", bytesJson(t.formula, t.counted)},
            {"held", heldJson(t.held)},
            {"prefill_seconds", run.prefillSeconds},
            {"seconds", t.seconds},
            {"attention_seconds", t.attentionSeconds},
            {"tokens_per_second", t.seconds > 0 ? static_cast<double>(t.steps) / t.seconds : 0.0},
            {"gb_per_second", gigabytesPerSecond(t.counted.total(), t.seconds)}};
}

} // namespace

std::string runJson(const Run& run, std::string_view text) {
    Json steps = Json::array();
    for (const StepRecord& step : run.steps)
        steps.push_back(stepJson(step));
    const Json json = {{"text", text},
                       {"tokens", run.tokens},
                       {"plan", toText(run.plan)},
                       {"model", run.spec.name},
                       {"backend", run.backend},
                       {"threads", run.threads},
                       {"decode_from", run.decodeFrom},
                       {"steps", std::move(steps)},
                       {"totals", totalsJson(run)}};
    return jsonText(json, -1);
}

} // namespace fovea
