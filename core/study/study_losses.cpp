#include "core/study/study_losses.h"

#include <algorithm>
#include <cmath>

namespace fovea {

namespace {

const PartScore* partOf(const SweepRow& row, std::string_view name) {
    const auto found = std::find_if(row.parts.begin(), row.parts.end(),
                                    [&](const PartScore& part) { return part.name == name; });
    return found == row.parts.end() ? nullptr : &*found;
}

const SweepRow* judgedRow(const SweepTable& table, std::string_view plan) {
    const SweepRow* row = table.find(plan);
    return row && row->refused.empty() ? row : nullptr;
}

void addQuestion(std::vector<StudyQuestion>& questions, const StudyResult& result, std::size_t sweep,
                 const std::string& part, double dense) {
    const StudySweep& of = result.sweeps[sweep];
    StudyQuestion question{.sweep = sweep,
                           .part = part,
                           .name = part.empty() ? of.task : of.task + " " + part,
                           .brief = part.empty() ? of.task : part.substr(0, part.find(" tokens back")),
                           .dense = dense,
                           .silent = {}};
    const double bound = part.empty() ? of.table.arguments.high : 1;
    if (bound > 0 && dense < kLeastDenseShare * bound)
        question.silent = "the model itself hardly does it";
    questions.push_back(std::move(question));
}

} // namespace

std::vector<StudyQuestion> questionsOf(const StudyResult& result) {
    std::vector<StudyQuestion> questions;
    for (std::size_t i = 0; i < result.sweeps.size(); ++i)
        if (const SweepRow* dense = judgedRow(result.sweeps[i].table, "dense")) {
            addQuestion(questions, result, i, {}, dense->score.mean);
            for (const PartScore& part : dense->parts)
                addQuestion(questions, result, i, part.name, part.score.mean);
        }
    return questions;
}

std::optional<Loss> lossOf(const StudyResult& result, const StudyQuestion& question, std::string_view plan) {
    const SweepTable& table = result.sweeps[question.sweep].table;
    const SweepRow* row = judgedRow(table, plan);
    if (!row || question.dense == 0)
        return std::nullopt;
    Spread change = row->change;
    if (!question.part.empty()) {
        const PartScore* part = partOf(*row, question.part);
        if (!part)
            return std::nullopt;
        change = part->change;
    }
    const double worse = table.arguments.higherBetter ? -change.mean : change.mean,
                 dense = std::abs(question.dense);
    return Loss{worse == 0 ? 0 : worse / dense, change.standardError / dense, table.arguments.samples};
}

std::optional<BytesRead> bytesRead(const StudyResult& result, std::string_view plan) {
    BytesRead bytes;
    double tasks = 0;
    for (const StudySweep& sweep : result.sweeps)
        if (const SweepRow* row = judgedRow(sweep.table, plan)) {
            bytes.weights += row->weights.counted;
            bytes.attention += row->moved.counted;
            ++tasks;
        }
    if (tasks == 0)
        return std::nullopt;
    return BytesRead{bytes.weights / tasks, bytes.attention / tasks};
}

std::string refusalOf(const StudyResult& result, std::string_view plan) {
    for (const StudySweep& sweep : result.sweeps)
        if (const SweepRow* row = sweep.table.find(plan); row && !row->refused.empty())
            return row->refused;
    return {};
}

std::string briefRefusal(const StudyResult& result, std::string_view plan) {
    const std::string why = refusalOf(result, plan);
    return why.substr(0, why.find("; accepted"));
}

} // namespace fovea
