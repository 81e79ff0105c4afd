#include "core/trace/batch_json.h"

#include "core/trace/json_parts.h"

namespace fovea {

std::string batchJson(const BatchRun& run, std::span<const std::string> texts) {
    Json written = Json::array(), steps = Json::array();
    for (std::size_t i = 0; i < run.texts.size(); ++i)
        written.push_back({{"text", texts[i]},
                           {"tokens", run.texts[i].tokens},
                           {"prompt_tokens", run.texts[i].promptTokens},
                           {"surprise_nats", run.texts[i].surprises}});
    double seconds = 0;
    std::int64_t tokens = 0;
    Traffic formula, counted;
    for (const BatchRun::Step& step : run.steps) {
        steps.push_back({{"texts", step.texts},
                         {"bytes", bytesJson(step.formula, step.counted)},
                         {"held", heldJson(step.held)},
                         {"live_slots", step.liveSlots},
                         {"evicted_slots", step.evicted},
                         {"seconds", step.seconds},
                         {"attention_seconds", step.attentionSeconds}});
        seconds += step.seconds;
        tokens += step.texts;
        formula += step.formula;
        counted += step.counted;
    }
    const Json json = {{"plan", toText(run.plan, SpansText::Whole)},
                       {"model", run.spec.name},
                       {"threads", run.threads},
                       {"prefill_seconds", run.prefillSeconds},
                       {"texts", std::move(written)},
                       {"steps", std::move(steps)},
                       {"totals",
                        {{"tokens", tokens},
                         {"bytes", bytesJson(formula, counted)},
                         {"seconds", seconds},
                         {"tokens_per_second", seconds > 0 ? static_cast<double>(tokens) / seconds : 0.0}}}};
    return jsonText(json, -1);
}

} // namespace fovea
