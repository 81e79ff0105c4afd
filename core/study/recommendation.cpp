#include "core/study/recommendation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <optional>
#include <vector>

#include "core/study/study_losses.h"
#include "core/study/study_report.h"
#include "core/trace/byte_text.h"

namespace fovea {

namespace {

// A plan where it loses most.
struct Verdict {
    const StudyPlan* plan = nullptr;
    double bytes = 0;
    double bound = -HUGE_VAL; // largest of loss + errors·standard error
    Loss loss;                // there
    const StudyQuestion* question = nullptr;
};

std::string numberText(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.2g", value);
    return text.data();
}

// Nothing where a question that counts has no answer of the plan.
std::optional<Verdict> verdictOf(const StudyResult& result, const std::vector<StudyQuestion>& questions,
                                 const StudyPlan& plan, const StudyRule& rule) {
    const auto bytes = bytesRead(result, plan.plan);
    if (!bytes)
        return std::nullopt;
    Verdict verdict{.plan = &plan, .bytes = bytes->total()};
    for (const StudyQuestion& question : questions) {
        if (!question.silent.empty())
            continue;
        const auto loss = lossOf(result, question, plan.plan);
        if (!loss)
            return std::nullopt;
        if (const double bound = loss->share + rule.errors * loss->error; bound > verdict.bound) {
            verdict.bound = bound;
            verdict.loss = *loss;
            verdict.question = &question;
        }
    }
    return verdict.question ? std::optional(verdict) : std::nullopt;
}

std::string bytesText(double bytes) {
    return byteText(static_cast<std::int64_t>(std::llround(bytes)));
}

std::string worstText(const Verdict& verdict) {
    return verdict.question->name + ", " + lossPercentText(verdict.loss);
}

std::string ruleText(const StudyResult& result, const std::vector<StudyQuestion>& questions,
                     const StudyRule& rule) {
    std::string text =
        "the fewest bytes read per token (weights and attention, counted) of the plans whose loss plus " +
        numberText(rule.errors) + " standard errors stays within " + percentText(rule.within) +
        " of dense on ";
    std::string counted, silent;
    for (const StudyQuestion& question : questions)
        if (question.silent.empty())
            counted += (counted.empty() ? "" : ", ") + question.name;
        else
            silent += "; " + question.name + " says nothing: " + question.silent;
    for (const StudySweep& sweep : result.sweeps)
        if (!sweep.whyNot.empty())
            silent += "; " + sweep.task + " could not be asked: " + sweep.whyNot;
    const int samples = result.sweeps.empty() ? 0 : result.sweeps.front().table.arguments.samples;
    if (samples == 1)
        silent += "; one sample has no spread";
    return text + (counted.empty() ? "nothing" : counted) + silent;
}

std::string advice(const Verdict& best, double dense) {
    return best.plan->label + " by " + best.plan->method + " (" + best.plan->plan +
           "): " + bytesText(best.bytes) + " per token, " + percentText(best.bytes / dense) + " of dense's " +
           bytesText(dense) + "; it loses most on " + worstText(best);
}

std::string noAdvice(const std::vector<Verdict>& verdicts, const StudyRule& rule) {
    if (verdicts.empty())
        return "Nothing to advise yet: no plan was judged by every task";
    const Verdict& closest =
        *std::min_element(verdicts.begin(), verdicts.end(),
                          [](const Verdict& a, const Verdict& b) { return a.bound < b.bound; });
    return "None of the " + std::to_string(verdicts.size()) + " plans judged stays within " +
           percentText(rule.within) + "; the closest is " + closest.plan->label + " by " +
           closest.plan->method + " (" + closest.plan->plan + "), which loses most on " + worstText(closest);
}

} // namespace

Recommendation recommend(const StudyResult& result, const StudyRule& rule) {
    const std::vector<StudyQuestion> questions = questionsOf(result);
    const auto dense = bytesRead(result, "dense");
    std::vector<Verdict> verdicts;
    Recommendation made;
    for (const StudyPlan& plan : result.plans) {
        if (!refusalOf(result, plan.plan).empty())
            ++made.refused;
        else if (const auto verdict = verdictOf(result, questions, plan, rule))
            verdicts.push_back(*verdict);
    }
    made.judged = std::ssize(verdicts);
    made.rule = ruleText(result, questions, rule);
    const Verdict* best = nullptr;
    for (const Verdict& verdict : verdicts)
        if (verdict.bound <= rule.within && verdict.bytes < dense->total() &&
            (!best || verdict.bytes < best->bytes))
            best = &verdict;
    made.plan = best ? best->plan->plan : "";
    made.sentence = best ? "Advised is " + advice(*best, dense->total()) : noAdvice(verdicts, rule);
    if (result.done() < result.rows())
        made.sentence +=
            " (" + std::to_string(result.done()) + " of " + std::to_string(result.rows()) + " rows so far)";
    return made;
}

} // namespace fovea
