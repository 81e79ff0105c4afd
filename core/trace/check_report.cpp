#include "core/trace/check_report.h"

#include <array>
#include <cmath>
#include <cstdio>

#include "core/trace/csv.h"
#include "core/trace/json_parts.h"

namespace fovea {

namespace {

Json finiteOrNull(double value) {
    return std::isfinite(value) ? Json(value) : Json(nullptr);
}

std::int64_t positionOf(const Deviation& d, const CheckReport& report) {
    return d.step >= 0 ? report.steps[static_cast<std::size_t>(d.step)].position : -1;
}

// null where nothing was compared.
Json deviationJson(const Deviation& d, const CheckReport& report) {
    if (d.step < 0)
        return nullptr;
    Json json = {{"relative", finiteOrNull(d.relative)},
                 {"absolute", finiteOrNull(d.absolute)},
                 {"part", checkedPartName(d.part)},
                 {"step", d.step},
                 {"position", positionOf(d, report)}};
    if (d.layer >= 0) {
        json["layer"] = d.layer;
        json["head"] = d.head;
    }
    json["component"] = d.component;
    json["values"] = {finiteOrNull(d.first), finiteOrNull(d.second)};
    return json;
}

Json stepJson(const CheckStep& step, const CheckReport& report) {
    Json layers = Json::array();
    for (const Deviation& d : step.layers)
        layers.push_back({{"relative", finiteOrNull(d.relative)}, {"head", d.head}});
    return {{"position", step.position},
            {"fed", step.fed},
            {"chosen", {step.chosen[0], step.chosen[1]}},
            {"same_bytes", step.sameBytes},
            {"logits", deviationJson(step.logits, report)},
            {"attention_by_layer", std::move(layers)}};
}

Json reportJson(const CheckReport& report) {
    Json parts = Json::object();
    for (int i = 0; i < kCheckedParts; ++i)
        parts[std::string(checkedPartName(static_cast<CheckedPart>(i)))] =
            deviationJson(report.parts[static_cast<std::size_t>(i)], report);
    Json heads = Json::array(), steps = Json::array();
    for (const Deviation& d : report.heads)
        heads.push_back(deviationJson(d, report));
    for (const CheckStep& step : report.steps)
        steps.push_back(stepJson(step, report));
    return {{"plan", toText(report.plan)},
            {"model", report.model},
            {"backends", {report.backends[0], report.backends[1]}},
            {"store", report.store},
            {"tolerance", report.tolerance},
            {"within", report.within()},
            {"prompt_tokens", report.promptTokens},
            {"decode_from", report.decodeFrom},
            {"steps_checked", report.steps.size()},
            {"same_token", report.agreeing},
            {"same_bytes", report.sameBytes()},
            {"largest", deviationJson(report.largest, report)},
            {"first_beyond", report.firstBeyond ? deviationJson(*report.firstBeyond, report) : Json(nullptr)},
            {"parts", std::move(parts)},
            {"heads", std::move(heads)},
            {"steps", std::move(steps)}};
}

void addRow(CsvTable& table, const CheckStep& step, const Deviation& d) {
    table.integer(d.step).integer(step.position).integer(step.fed).text(checkedPartName(d.part));
    d.layer >= 0 ? table.integer(d.layer).integer(d.head) : table.blank().blank();
    table.integer(d.component).number(d.relative).number(d.absolute).number(d.first).number(d.second);
}

} // namespace

std::string checkJson(const std::vector<CheckReport>& reports) {
    Json plans = Json::array();
    for (const CheckReport& report : reports)
        plans.push_back(reportJson(report));
    return jsonText({{"plans", std::move(plans)}}, -1);
}

std::string checkCsv(const CheckReport& report) {
    CsvTable table({"step", "position", "fed (token id)", "part", "layer", "head", "component",
                    "relative error", "absolute error", report.backends[0], report.backends[1]});
    for (const CheckStep& step : report.steps) {
        for (const Deviation& d : step.layers)
            addRow(table, step, d);
        addRow(table, step, step.logits);
    }
    return table.str();
}

std::string placeText(const Deviation& d, const CheckReport& report) {
    std::string text(checkedPartName(d.part));
    if (d.layer >= 0)
        text += " of layer " + std::to_string(d.layer) + ", head " + std::to_string(d.head) + ", component " +
                std::to_string(d.component);
    else
        text += " of token " + std::to_string(d.component);
    return text + ", at position " + std::to_string(positionOf(d, report));
}

std::string errorText(double relative) {
    if (!std::isfinite(relative))
        return "∞";
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), relative == 0 ? "%.0f" : "%.1e", relative);
    std::string error = text.data();
    // "e-06" is "e-6": a table of them is as wide as its widest.
    if (const auto exponent = error.find('e'); exponent != error.npos && error[exponent + 2] == '0')
        error.erase(exponent + 2, 1);
    return error;
}

} // namespace fovea
