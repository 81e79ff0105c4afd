#include "core/study/study_table.h"

#include "core/study/study_losses.h"
#include "core/trace/csv.h"

namespace fovea {

namespace {

const std::vector<std::string>& columnNames() {
    static const std::vector<std::string> names = {"model",
                                                   "tensors",
                                                   "label",
                                                   "method",
                                                   "plan",
                                                   "weight bits",
                                                   "activation bits",
                                                   "KV bits",
                                                   "task",
                                                   "figures",
                                                   "part",
                                                   "metric",
                                                   "higher is better",
                                                   "samples",
                                                   "seed",
                                                   "text",
                                                   "backend",
                                                   "refused",
                                                   "score",
                                                   "standard error",
                                                   "change from dense",
                                                   "standard error of the change",
                                                   "loss (share of dense)",
                                                   "standard error of the loss",
                                                   "weights formula (bytes per token)",
                                                   "weights counted (bytes per token)",
                                                   "attention formula (bytes per token)",
                                                   "attention counted (bytes per token)",
                                                   "held formula (bytes)",
                                                   "held counted (bytes)",
                                                   "KL to dense mean (nats)",
                                                   "top-1 agreement with dense",
                                                   "seconds per token timed (s)"};
    return names;
}
constexpr int kRefused = 17; // column

class Table {
public:
    explicit Table(const StudyResult& result)
        : m_result(result), m_questions(questionsOf(result)), m_csv(columnNames()) {}

    void add(const StudyPlan& plan) {
        for (std::size_t i = 0; i < m_result.sweeps.size(); ++i) {
            const SweepTable& table = m_result.sweeps[i].table;
            const SweepRow* row = table.find(plan.plan);
            if (!row)
                continue;
            if (!row->refused.empty()) {
                begin(plan, table.arguments, {});
                m_csv.text(row->refused);
                for (std::size_t c = kRefused + 1; c < columnNames().size(); ++c)
                    m_csv.blank();
                continue;
            }
            addFigures(plan, table.arguments, *row, i, {}, row->score, row->change);
            for (const PartScore& part : row->parts)
                addFigures(plan, table.arguments, *row, i, part.name, part.score, part.change);
        }
    }

    std::string str() const { return m_csv.str(); }

private:
    void begin(const StudyPlan& plan, const SweepArguments& a, const std::string& part) {
        const bool dense = plan.plan == "dense";
        m_csv.text(m_result.model);
        m_csv.text(dense ? "none" : kRoundedTensorNames[static_cast<std::size_t>(plan.tensors)]);
        m_csv.text(plan.label).text(plan.method).text(plan.plan);
        for (const double bits : {plan.weightBits, plan.activationBits, plan.cacheBits})
            bits > 0 ? m_csv.number(bits) : m_csv.blank();
        m_csv.text(a.task).text(a.figures).text(part).text(a.metric).integer(a.higherBetter);
        m_csv.integer(a.samples).text(std::to_string(a.seed)).text(a.text).text(a.backend);
    }

    void addFigures(const StudyPlan& plan, const SweepArguments& a, const SweepRow& row, std::size_t sweep,
                    const std::string& part, const Spread& score, const Spread& change) {
        begin(plan, a, part);
        m_csv.blank();
        m_csv.number(score.mean).number(writtenError(score, a.samples));
        m_csv.number(change.mean).number(writtenError(change, a.samples));
        std::optional<Loss> loss;
        for (const StudyQuestion& question : m_questions)
            if (question.sweep == sweep && question.part == part)
                loss = lossOf(m_result, question, plan.plan);
        if (loss)
            m_csv.number(loss->share).number(writtenError({loss->share, loss->error}, a.samples));
        else
            m_csv.blank().blank();
        for (const BytesPerStep& bytes : {row.weights, row.moved, row.held})
            m_csv.number(bytes.formula).number(bytes.counted);
        m_csv.number(row.klMean).number(row.agreement).number(row.secondsPerStep);
    }

    const StudyResult& m_result;
    const std::vector<StudyQuestion> m_questions;
    CsvTable m_csv;
};

} // namespace

std::string studyCsv(const StudyResult& result) {
    Table table(result);
    table.add({.label = "dense", .method = "dense", .plan = "dense"});
    for (const StudyPlan& plan : result.plans)
        table.add(plan);
    return table.str();
}

} // namespace fovea
