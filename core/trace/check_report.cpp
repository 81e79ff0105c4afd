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

Json promptJson(const PromptCheck& prompt) {
    if (!prompt.notChecked.empty())
        return {{"not_checked", prompt.notChecked}};
    const auto at = [](const Deviation& d) -> Json {
        if (d.step < 0)
            return nullptr;
        Json json = {{"relative", finiteOrNull(d.relative)},
                     {"part", checkedPartName(d.part)},
                     {"position", d.step},
                     {"component", d.component},
                     {"values", {finiteOrNull(d.first), finiteOrNull(d.second)}}};
        if (d.layer >= 0) {
            json["layer"] = d.layer;
            json["head"] = d.head;
        }
        return json;
    };
    Json layers = Json::array();
    for (const Deviation& d : prompt.layers)
        layers.push_back(at(d));
    return {{"tokens", prompt.tokens},      {"tolerance", prompt.tolerance}, {"within", prompt.within()},
            {"same_rows", prompt.sameRows}, {"largest", at(prompt.largest)}, {"logits", at(prompt.logits)},
            {"layers", std::move(layers)}};
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

Json waysJson(const CheckReport& report) {
    Json ways = Json::array();
    for (const CheckedWay& way : report.ways)
        if (way.whyNot.empty())
            ways.push_back({{"name", way.name},
                            {"steps", way.steps},
                            {"median_seconds", way.medianSeconds},
                            {"spread_seconds", way.spread},
                            {"logits_relative", finiteOrNull(way.logits.relative)}});
        else
            ways.push_back({{"name", way.name}, {"why_not", way.whyNot}});
    return ways;
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
            {"prompt", report.prompt ? promptJson(*report.prompt) : Json(nullptr)},
            {"ways", waysJson(report)},
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

std::string promptText(const PromptCheck& prompt) {
    if (!prompt.notChecked.empty())
        return prompt.notChecked;
    std::string text = "prompt read at once and token by token " +
                       std::string(prompt.within() ? "agree within " : "differ by more than ") +
                       errorText(prompt.tolerance) + ": largest " + errorText(prompt.largest.relative);
    if (prompt.largest.layer >= 0)
        text += ", " + std::string(checkedPartName(prompt.largest.part)) + " of layer " +
                std::to_string(prompt.largest.layer) + ", head " + std::to_string(prompt.largest.head) +
                ", at position " + std::to_string(prompt.largest.step);
    else if (prompt.largest.step >= 0)
        text += ", the first step's logits";
    return text + (prompt.sameRows ? "" : "; NOT the same rows held");
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
