#include "core/trace/run_json.h"

#include "core/trace/json_parts.h"
#include "core/trace/run_format.h"
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

Json specJson(const ModelSpec& spec) {
    return {{"architecture", spec.architecture},
            {"layers", spec.layers},
            {"width", spec.width},
            {"query_heads", spec.queryHeads},
            {"kv_heads", spec.kvHeads},
            {"head_dim", spec.headDim},
            {"ffn", spec.ffn},
            {"vocabulary", spec.vocabulary},
            {"context", spec.context},
            {"type", elementName(spec.type)},
            {"parameters", spec.parameters},
            {"weight_bytes", spec.weightBytes}};
}

Json jsonOf(const Run& run, std::string_view text) {
    Json steps = Json::array();
    for (const StepRecord& step : run.steps)
        steps.push_back(stepJson(step));
    return {{"format", kRunFormat},
            {"version", kRunVersion},
            {"text", text},
            {"prompt", run.prompt},
            {"tokens", run.tokens},
            {"plan", toText(run.plan, SpansText::Whole)},
            {"model", run.spec.name},
            {"shape", specJson(run.spec)},
            {"backend", run.backend},
            {"threads", run.threads},
            {"prompt_tokens", run.promptTokens},
            {"decode_from", run.decodeFrom},
            {"prefill_seconds", run.prefillSeconds},
            {"prompt_evicted_rows", run.promptEvicted},
            {"steps", std::move(steps)},
            {"totals", totalsJson(run)}};
}

Json comparisonJson(const Comparison& comparison) {
    Json json = {{"kl_nats", comparison.kl},
                 {"kl_mean_nats", comparison.klMean},
                 {"kl_max_nats", comparison.klMax},
                 {"agreement", comparison.agreement},
                 {"first_divergent", nullptr}};
    if (comparison.firstDivergent)
        json["first_divergent"] = *comparison.firstDivergent;
    return json;
}

} // namespace

std::string runJson(const Run& run, std::string_view text) {
    return jsonText(jsonOf(run, text), -1);
}

std::string runFileJson(const RunFile& file) {
    std::string text;
    for (const std::string& piece : file.pieces)
        text += piece;
    Json runs = Json::array();
    for (const auto& run : file.runs)
        runs.push_back(jsonOf(*run, text));
    Json json = {{"format", kRunFileFormat}, {"version", kRunVersion}, {"runs", std::move(runs)}};
    if (!file.pieces.empty())
        json["pieces"] = file.pieces;
    if (file.comparison)
        json["comparison"] = comparisonJson(*file.comparison);
    return jsonText(json, -1);
}

} // namespace fovea
