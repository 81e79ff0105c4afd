#include "core/trace/compare_report.h"

#include <algorithm>
#include <cmath>

#include "core/plan/plan_note.h"
#include "core/trace/csv.h"
#include "core/trace/json_parts.h"
#include "core/trace/run_totals.h"

namespace fovea {

namespace {

void addComponentColumns(std::vector<std::string>& columns, const std::string& kind) {
    for (const auto name : kComponentNames)
        columns.push_back(kind + " " + std::string(name) + " (bytes)");
    columns.push_back(kind + " total (bytes)");
}

std::vector<std::string> columnNames() {
    std::vector<std::string> columns = {"plan",   "step", "position", "fed (token id)", "token (token id)",
                                        "planned"};
    addComponentColumns(columns, "moved formula");
    addComponentColumns(columns, "moved counted");
    addComponentColumns(columns, "held formula");
    addComponentColumns(columns, "held counted");
    for (const char* name :
         {"reserved (bytes)", "taken on the GPU (bytes)", "live (slots)", "evicted (slots)", "seconds (s)",
          "attention seconds (s)", "bandwidth (GB/s)", "surprise (nats)", "KL to the first plan (nats)"})
        columns.emplace_back(name);
    return columns;
}

void addTraffic(CsvTable& table, const Traffic& traffic) {
    for (int i = 0; i < kComponents; ++i)
        table.integer(traffic[static_cast<Component>(i)]);
    table.integer(traffic.total());
}

void addRow(CsvTable& table, const std::string& plan, std::size_t index, const StepRecord& step,
            const std::vector<float>& kl) {
    table.text(plan).integer(static_cast<long long>(index)).integer(step.position).integer(step.fed);
    table.integer(step.token).integer(step.planned ? 1 : 0);
    addTraffic(table, step.formula);
    addTraffic(table, step.counted);
    addTraffic(table, step.held.formula);
    addTraffic(table, step.held.counted);
    table.integer(step.held.reserved).integer(step.held.onDevice);
    table.integer(step.liveSlots).integer(step.evicted);
    table.number(step.seconds).number(step.attentionSeconds);
    table.number(gigabytesPerSecond(step.counted.total(), step.seconds)).number(step.surprise);
    index < kl.size() ? table.number(kl[index]) : table.blank();
}

Json orNull(const std::optional<std::int64_t>& value) {
    return value ? Json(*value) : Json(nullptr);
}

double medianStepSeconds(const Run& run) {
    std::vector<double> seconds;
    for (const StepRecord& step : run.steps)
        seconds.push_back(step.seconds);
    if (seconds.empty())
        return 0;
    const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
    std::nth_element(seconds.begin(), middle, seconds.end());
    return *middle;
}

Json stepsJson(const PlanResult& result) {
    Json steps = Json::array();
    for (std::size_t i = 0; i < result.run->steps.size(); ++i) {
        const StepRecord& step = result.run->steps[i];
        steps.push_back(
            {{"position", step.position},
             {"token", step.token},
             {"planned", step.planned},
             {"bytes", bytesJson(step.formula, step.counted)},
             {"held", heldJson(step.held)},
             {"live_slots", step.liveSlots},
             {"evicted_slots", step.evicted},
             {"seconds", step.seconds},
             {"surprise_nats", step.surprise},
             {"kl_nats", i < result.comparison.kl.size() ? Json(result.comparison.kl[i]) : Json(nullptr)}});
    }
    return steps;
}

Json planJson(const PlanResult& result) {
    const Run& run = *result.run;
    const RunTotals t = totalsOf(run);
    const Comparison& c = result.comparison;
    const auto note = planNote(run.plan, run.spec);
    return {{"plan", toText(run.plan, SpansText::Whole)},
            {"note", note ? Json(*note) : Json(nullptr)},
            {"bytes_moved", t.counted.attention()},
            {"bytes_moved_with_weights", t.counted.total()},
            {"bytes_held", t.held.counted.attention()},
            {"bytes_reserved", t.held.reserved},
            {"bytes_on_device", t.held.onDevice},
            {"bytes", bytesJson(t.formula, t.counted)},
            {"held", heldJson(t.held)},
            {"seconds", t.seconds},
            {"median_step_seconds", medianStepSeconds(run)},
            {"attention_seconds", t.attentionSeconds},
            {"gb_per_second", gigabytesPerSecond(t.counted.total(), t.seconds)},
            {"kl", {{"mean", c.klMean}, {"max", c.klMax}}},
            {"top1_agreement", c.agreement},
            {"first_divergent_token", orNull(c.firstDivergent)},
            {"free_running_first_divergent_token", orNull(result.freeDivergent)},
            {"steps", stepsJson(result)}};
}

} // namespace

std::string compareCsv(const CompareReport& report) {
    CsvTable table(columnNames());
    for (const PlanResult& result : report.plans) {
        const std::string plan = toText(result.run->plan);
        for (std::size_t i = 0; i < result.run->steps.size(); ++i)
            addRow(table, plan, i, result.run->steps[i], result.comparison.kl);
    }
    return table.str();
}

std::string compareJson(const CompareReport& report) {
    Json plans = Json::array();
    for (const PlanResult& result : report.plans)
        plans.push_back(planJson(result));
    const Run* first = report.plans.empty() ? nullptr : report.plans.front().run.get();
    Json json = {{"text", report.text}};
    if (first) {
        json["model"] = first->spec.name;
        json["backend"] = first->backend;
        json["threads"] = first->threads;
        json["prompt_tokens"] = first->promptTokens;
        json["decode_from"] = first->decodeFrom;
        json["tokens"] = first->tokens;
    }
    json["plans"] = std::move(plans);
    return jsonText(json, -1);
}

std::vector<TracedRun> tracedRuns(const CompareReport& report) {
    std::vector<TracedRun> runs;
    for (std::size_t i = 0; i < report.plans.size(); ++i) {
        const PlanResult& result = report.plans[i];
        const std::string mark = i < 26 ? std::string(1, static_cast<char>('A' + i)) : std::to_string(i + 1);
        runs.push_back({.run = result.run,
                        .label = mark + ": " + toTitle(result.run->plan),
                        .kl = i == 0 ? std::vector<float>{} : result.comparison.kl});
    }
    return runs;
}

} // namespace fovea
