#include "core/trace/evaluation_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "core/trace/byte_text.h"
#include "core/trace/json_parts.h"

namespace fovea {

namespace {

std::int64_t whole(double bytes) {
    return static_cast<std::int64_t>(std::llround(bytes));
}

std::string ratioText(double value, double dense) {
    std::array<char, 32> text{};
    if (dense > 0)
        std::snprintf(text.data(), text.size(), "%.3f", value / dense);
    return dense > 0 ? text.data() : "-";
}

Json bytesJson(const BytesPerStep& bytes, const BytesPerStep& dense) {
    return {{"formula", bytes.formula},
            {"counted", bytes.counted},
            {"of_dense", dense.counted > 0 ? Json(bytes.counted / dense.counted) : Json(nullptr)}};
}

// Whether what was counted is what the formulas say.
std::string agreementText(const SweepTable& table) {
    for (const SweepRow& row : table.rows)
        if (row.refused.empty() &&
            (row.moved.formula != row.moved.counted || row.held.formula != row.held.counted ||
             row.weights.formula != row.weights.counted))
            return "formula and counted DIFFER under " + row.plan + ": see --json\n";
    return "formula = counted in every row\n";
}

// What answers were graded apart by, a column each; nothing where the task has no parts.
std::string partsText(const SweepTable& table, std::size_t width) {
    const SweepRow* first = nullptr;
    for (const SweepRow& row : table.rows)
        if (!first && !row.parts.empty())
            first = &row;
    if (!first)
        return {};
    const std::string head = table.arguments.metric + " by part";
    std::string text = head + std::string(width - head.size(), ' ');
    const auto cell = [](const std::string& what, std::size_t columns) {
        return std::string(columns < 26 ? 26 - columns : 1, ' ') + what;
    };
    for (const PartScore& part : first->parts)
        text += cell(part.name, part.name.size());
    text += "\n";
    for (const SweepRow& row : table.rows) {
        if (row.parts.empty())
            continue;
        text += row.plan + std::string(width - row.plan.size(), ' ');
        for (const PartScore& part : row.parts) {
            const std::string score = scoreText(part.score, table.arguments.samples);
            text += cell(score, columnsOf(score));
        }
        text += "\n";
    }
    return text;
}

// `notes`: one per row, at its end.
std::string tableText(const SweepTable& table, const std::vector<std::string>& notes) {
    const SweepArguments& a = table.arguments;
    std::size_t width = 4;
    for (const SweepRow& row : table.rows)
        width = std::max(width, row.plan.size());
    std::string text = a.task + ": " + a.metric + (a.higherBetter ? "" : " (lower is better)") + ", " +
                       a.figures + ", " + std::to_string(a.samples) +
                       (a.samples == 1 ? " sample" : " samples") + ", seed " + std::to_string(a.seed) + "\n";
    text +=
        "plan" + std::string(width - 4, ' ') +
        "                score  moved/token  of dense        held  of dense    KL mean     KL max   top-1\n";
    const SweepRow none, &dense = table.dense() ? *table.dense() : none;
    for (std::size_t i = 0; i < table.rows.size(); ++i) {
        const SweepRow& row = table.rows[i];
        text += row.plan + std::string(width - row.plan.size(), ' ');
        if (!row.refused.empty()) {
            text += "  refused: " + notes[i] + "\n";
            continue;
        }
        const std::string score = scoreText(row.score, a.samples);
        const int scoreBytes = 20 + static_cast<int>(score.size() - columnsOf(score));
        std::array<char, 200> line{};
        std::snprintf(line.data(), line.size(), " %*s %12s %9s %11s %9s %10.3g %10.3g %6.1f%%", scoreBytes,
                      score.c_str(), byteText(whole(row.moved.counted)).c_str(),
                      ratioText(row.moved.counted, dense.moved.counted).c_str(),
                      byteText(whole(row.held.counted)).c_str(),
                      ratioText(row.held.counted, dense.held.counted).c_str(), row.klMean, row.klMax,
                      100 * row.agreement);
        text += line.data() + notes[i] + "\n";
    }
    text += partsText(table, std::max(width, table.arguments.metric.size() + 8));
    text += a.samples > 1 ? "score: mean ± standard error over samples"
                          : "score: of one sample, which has no spread";
    text += "; moved and held: counted, attention only; KL in nats, to dense\n";
    return text + agreementText(table);
}

Json argumentsJson(const SweepArguments& a) {
    return {{"model", a.model},     {"task", a.task},
            {"metric", a.metric},   {"higher_is_better", a.higherBetter},
            {"figures", a.figures}, {"samples", a.samples},
            {"seed", a.seed},       {"text", a.text},
            {"backend", a.backend}};
}

Json partsJson(const std::vector<PartScore>& parts, int samples) {
    Json json = Json::array();
    for (const PartScore& part : parts)
        json.push_back({{"part", part.name},
                        {"answers", part.asked},
                        {"score", part.score.mean},
                        {"standard_error", writtenError(part.score, samples)},
                        {"change_from_dense", part.change.mean},
                        {"change_standard_error", writtenError(part.change, samples)}});
    return json;
}

Json rowJson(const SweepRow& row, int samples, const BytesPerStep& denseMoved,
             const BytesPerStep& denseHeld) {
    return {{"plan", row.plan},
            {"method", row.method},
            {"score", row.score.mean},
            {"standard_error", writtenError(row.score, samples)},
            {"change_from_dense", row.change.mean},
            {"change_standard_error", writtenError(row.change, samples)},
            {"parts", partsJson(row.parts, samples)},
            {"moved_per_token", bytesJson(row.moved, denseMoved)},
            {"held", bytesJson(row.held, denseHeld)},
            {"weights_per_token", {{"formula", row.weights.formula}, {"counted", row.weights.counted}}},
            {"kl", {{"mean", row.klMean}, {"max", row.klMax}}},
            {"top1_agreement", row.agreement},
            {"steps", row.steps},
            {"seconds_per_token", row.secondsPerStep}};
}

} // namespace

std::string scoreText(const Spread& score, int samples) {
    std::array<char, 64> text{};
    const double error = score.standardError;
    const int digits = error > 0 ? std::clamp(1 - static_cast<int>(std::floor(std::log10(error))), 0, 6) : 4;
    if (samples > 1)
        std::snprintf(text.data(), text.size(), "%.*f ± %.*f", digits, score.mean, digits, error);
    else
        std::snprintf(text.data(), text.size(), "%.*f", digits, score.mean);
    return text.data();
}

std::size_t columnsOf(const std::string& text) {
    return text.size() - (text.find("±") == text.npos ? 0 : 1);
}

std::string evaluationText(const EvaluationReport& report) {
    SweepTable table{.arguments = report.arguments, .rows = {}};
    std::vector<std::string> notes;
    for (const PlanScore& p : report.plans) {
        table.rows.push_back(rowOf(p));
        const auto done = std::ssize(p.scores);
        notes.push_back(done < table.arguments.samples ? "  " + std::to_string(done) + " samples" : "");
    }
    return tableText(table, notes);
}

std::string sweepText(const SweepTable& table) {
    std::vector<std::string> notes;
    for (const SweepRow& row : table.rows)
        notes.push_back(row.refused);
    return tableText(table, notes);
}

std::string evaluationJson(const EvaluationReport& report) {
    Json json = argumentsJson(report.arguments), plans = Json::array();
    const BytesPerStep none;
    const bool any = !report.plans.empty();
    for (const PlanScore& p : report.plans) {
        Json plan = rowJson(rowOf(p), report.arguments.samples, any ? report.plans[0].moved : none,
                            any ? report.plans[0].held : none);
        plan["samples"] = p.scores;
        plans.push_back(std::move(plan));
    }
    json["plans"] = std::move(plans);
    return jsonText(json, -1);
}

std::string sweepJson(const SweepTable& table) {
    Json json = argumentsJson(table.arguments), plans = Json::array();
    const SweepRow none, &dense = table.dense() ? *table.dense() : none;
    for (const SweepRow& row : table.rows)
        plans.push_back(row.refused.empty()
                            ? rowJson(row, table.arguments.samples, dense.moved, dense.held)
                            : Json{{"plan", row.plan}, {"method", row.method}, {"refused", row.refused}});
    json["plans"] = std::move(plans);
    return jsonText(json, -1);
}

} // namespace fovea
