#include "core/study/study_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "core/trace/byte_text.h"
#include "core/trace/evaluation_report.h"
#include "core/trace/json_parts.h"

namespace fovea {

namespace {

constexpr int kCell = 16;

std::string cell(const std::string& what, std::size_t columns) {
    return std::string(columns < kCell ? kCell - columns : 1, ' ') + what;
}

std::string headText(const StudyResult& result, const std::vector<StudyQuestion>& questions) {
    std::string text = result.model + "\n";
    for (const StudySweep& sweep : result.sweeps) {
        const SweepArguments& a = sweep.table.arguments;
        if (!sweep.whyNot.empty()) {
            text += sweep.task + ": could not be asked, " + sweep.whyNot + "\n";
            continue;
        }
        text += a.task + ": " + a.metric + (a.higherBetter ? "" : " (lower is better)") + ", " + a.figures +
                ", " + std::to_string(a.samples) + (a.samples == 1 ? " sample" : " samples");
        if (const SweepRow* dense = sweep.table.dense(); dense && dense->refused.empty())
            text += "; dense " + scoreText(dense->score, a.samples);
        text += "\n";
    }
    text += "loss in per cent of dense, ± its standard error on the same samples; above 0 is worse\n\n";
    text += "tensors             read/token   of dense";
    for (const StudyQuestion& question : questions)
        text += cell(question.brief, question.brief.size());
    return text + "\n";
}

std::string rowText(const StudyResult& result, const std::vector<StudyQuestion>& questions,
                    const StudyPlan& plan, double dense) {
    std::array<char, 96> begin{};
    const auto bytes = bytesRead(result, plan.plan);
    const std::string name = plan.label + " " + plan.method;
    if (const std::string why = briefRefusal(result, plan.plan); !bytes && !why.empty())
        return name + std::string(name.size() < 16 ? 16 - name.size() : 1, ' ') + "  refused: " + why + "\n";
    if (!bytes)
        return {};
    std::snprintf(begin.data(), begin.size(), "%-16s %13s %10.3f", name.c_str(),
                  byteText(static_cast<std::int64_t>(std::llround(bytes->total()))).c_str(),
                  bytes->total() / dense);
    std::string text = begin.data();
    for (const StudyQuestion& question : questions) {
        const auto loss = lossOf(result, question, plan.plan);
        const std::string shown = loss ? lossText(*loss) : "-";
        text += cell(shown, columnsOf(shown));
    }
    return text + "\n";
}

Json planJson(const StudyResult& result, const std::vector<StudyQuestion>& questions, const StudyPlan& plan) {
    Json json = {{"tensors", kRoundedTensorNames[static_cast<std::size_t>(plan.tensors)]},
                 {"label", plan.label},
                 {"method", plan.method},
                 {"plan", plan.plan}};
    if (const std::string why = refusalOf(result, plan.plan); !why.empty())
        json["refused"] = why;
    if (const auto bytes = bytesRead(result, plan.plan))
        json["read_per_token"] = {{"weights", bytes->weights}, {"attention", bytes->attention}};
    Json losses = Json::array();
    for (const StudyQuestion& question : questions)
        if (const auto loss = lossOf(result, question, plan.plan))
            losses.push_back({{"question", question.name},
                              {"share_of_dense", loss->share},
                              {"standard_error", writtenError({loss->share, loss->error}, loss->samples)}});
    json["losses"] = std::move(losses);
    return json;
}

Json statisticsJson(const StatisticsTable& table) {
    Json rows = Json::array();
    for (const TensorStatistics& row : table.rows)
        rows.push_back({{"layer", row.layer},
                        {"tensor", kStudiedTensorNames[static_cast<std::size_t>(row.tensor)]},
                        {"part", row.part},
                        {"values", row.moments.count},
                        {"abs_max", row.moments.most},
                        {"standard_deviation", row.moments.deviation()},
                        {"kurtosis", row.moments.kurtosis()}});
    return {
        {"text", table.text}, {"blocks", table.blocks}, {"length", table.length}, {"rows", std::move(rows)}};
}

} // namespace

std::string percentText(double share) {
    std::array<char, 32> text{};
    const double value = std::abs(share) < 5e-6 ? 0 : 100 * share;
    std::snprintf(text.data(), text.size(), std::abs(value) < 10 ? "%.2g %%" : "%.0f %%", value);
    return text.data();
}

std::string lossText(const Loss& loss) {
    std::array<char, 48> text{};
    const double share = std::abs(loss.share) < 5e-4 ? 0 : 100 * loss.share; // no "-0.0"
    if (loss.samples > 1)
        std::snprintf(text.data(), text.size(), "%.1f ± %.1f", share, 100 * loss.error);
    else
        std::snprintf(text.data(), text.size(), "%.1f", share);
    return text.data();
}

std::string lossPercentText(const Loss& loss) {
    return percentText(loss.share) + (loss.samples > 1 ? " ± " + percentText(loss.error) : "");
}

std::string studyText(const StudyResult& result, const StudyRule& rule) {
    const std::vector<StudyQuestion> questions = questionsOf(result);
    std::string text = headText(result, questions);
    const auto dense = bytesRead(result, "dense");
    for (const StudyPlan& plan : result.plans)
        text += rowText(result, questions, plan, dense ? dense->total() : 1);
    const Recommendation made = recommend(result, rule);
    return text + "\n" + made.sentence + ".\nRule: " + made.rule + ".\n";
}

std::string studyJson(const StudyResult& result, const StudyRule& rule) {
    const std::vector<StudyQuestion> questions = questionsOf(result);
    const Recommendation made = recommend(result, rule);
    Json asked = Json::array(), plans = Json::array(), sweeps = Json::array();
    for (const StudyQuestion& question : questions)
        asked.push_back(
            {{"question", question.name}, {"dense", question.dense}, {"silent", question.silent}});
    for (const StudyPlan& plan : result.plans)
        plans.push_back(planJson(result, questions, plan));
    for (const StudySweep& sweep : result.sweeps)
        sweeps.push_back(sweep.whyNot.empty() ? Json::parse(sweepJson(sweep.table))
                                              : Json{{"task", sweep.task}, {"refused", sweep.whyNot}});
    const Json json = {{"model", result.model},
                       {"recommendation",
                        {{"plan", made.plan.empty() ? Json(nullptr) : Json(made.plan)},
                         {"sentence", made.sentence},
                         {"rule", made.rule},
                         {"within", rule.within},
                         {"standard_errors", rule.errors}}},
                       {"questions", std::move(asked)},
                       {"plans", std::move(plans)},
                       {"sweeps", std::move(sweeps)},
                       {"statistics", statisticsJson(result.statistics)}};
    return jsonText(json, -1);
}

} // namespace fovea
