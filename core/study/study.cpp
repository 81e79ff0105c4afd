#include "core/study/study.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "core/calibrate/text_blocks.h"
#include "core/model/model.h"
#include "core/tasks/sweep.h"
#include "core/tokenizer/tokenizer.h"

namespace fovea {

namespace {

constexpr std::int64_t kBlocks = 8, kBlockTokens = 512; // of the statistics: 4,096 tokens

// Dense runs of all tasks share what one sweep may keep of them.
constexpr std::int64_t kKeptBytes = (std::int64_t{512} << 20) / std::ssize(kStudyTasks);

std::vector<std::string> textsOf(const std::vector<StudyPlan>& plans) {
    std::vector<std::string> texts = {"dense"};
    for (const StudyPlan& plan : plans)
        texts.push_back(plan.plan);
    return texts;
}

// A text that is shorter than the context would be one window, the same for every sample, and its spread nought: of such
// a text windows are half.
std::int64_t windowOf(std::string_view task, const StudyOptions& options, std::int64_t tokens,
                      const ModelSpec& spec) {
    constexpr std::int64_t kShortest = 16;
    if (task != "text" || options.length > 0 || tokens >= 2 * std::int64_t{spec.context} ||
        tokens < 2 * kShortest)
        return options.length;
    return std::min<std::int64_t>(tokens / 2, spec.context);
}

// No longer than the context and the text allow, and no more of them than make it up: a short text repeated says no more.
TextBlocks blocksFor(const StudyOptions& options, const ModelSpec& spec, const Tokenizer& tokenizer) {
    const auto tokens = std::ssize(tokenizer.encode(options.text, false));
    TextBlocks blocks;
    blocks.seed = options.seed;
    blocks.length = std::clamp<std::int64_t>(kBlockTokens, 2, std::max<std::int64_t>(tokens, 2));
    blocks = fittingBlocks(blocks, spec);
    blocks.blocks = std::clamp<std::int64_t>(tokens / blocks.length, 1, kBlocks);
    return blocks;
}

} // namespace

std::vector<StudyTask> studyTasks(const StudyOptions& options, const ModelSpec& spec,
                                  std::shared_ptr<const Tokenizer> tokenizer) {
    std::vector<StudyTask> tasks;
    const auto tokens = std::ssize(tokenizer->encode(options.text, false));
    for (const std::string_view name : kStudyTasks) {
        StudyTask task{.name = std::string(name), .task = nullptr, .whyNot = {}};
        TaskOptions own;
        own.name = task.name;
        own.length = windowOf(name, options, tokens, spec);
        own.pairs = options.pairs;
        own.seed = options.seed;
        own.text = options.text;
        try {
            task.task = makeTask(own, spec, tokenizer);
        } catch (const std::invalid_argument& error) {
            task.whyNot = error.what();
        }
        tasks.push_back(std::move(task));
    }
    if (std::none_of(tasks.begin(), tasks.end(), [](const StudyTask& task) { return task.task != nullptr; }))
        throw std::invalid_argument(tasks.front().whyNot);
    return tasks;
}

MemoryQuestion studyMemory(const std::vector<StudyTask>& tasks, const ModelSpec& spec) {
    const std::vector<AttentionPlan> plans = readablePlans(textsOf(studyPlans()));
    MemoryQuestion largest;
    std::int64_t most = -1;
    for (const StudyTask& task : tasks) {
        if (!task.task)
            continue;
        MemoryQuestion question = sweepMemory(*task.task, spec, plans);
        if (const std::int64_t total = estimateMemory(spec, question).total(); total > most) {
            most = total;
            largest = std::move(question);
        }
    }
    return largest;
}

std::int64_t StudyResult::rows() const {
    return std::count_if(sweeps.begin(), sweeps.end(), [](const StudySweep& s) { return s.whyNot.empty(); }) *
           (std::ssize(plans) + 1);
}

std::int64_t StudyResult::done() const {
    std::int64_t rows = 0;
    for (const StudySweep& sweep : sweeps)
        rows += std::ssize(sweep.table.rows);
    return rows;
}

void takeOver(StudyResult& result, const StudyResult& before) {
    for (StudySweep& sweep : result.sweeps)
        for (const StudySweep& old : before.sweeps)
            if (old.task == sweep.task && differenceOf(old.table.arguments, sweep.table.arguments).empty()) {
                sweep.table = old.table;
                std::erase_if(sweep.table.rows, [](const SweepRow& row) { return !row.refused.empty(); });
            }
    if (before.statistics.sameQuestion(result.statistics))
        result.statistics.rows = before.statistics.rows;
}

Study::Study(std::shared_ptr<const Model> model, std::shared_ptr<const Tokenizer> tokenizer, std::string name,
             StudyOptions options, std::vector<StudyTask> tasks)
    : m_model(std::move(model)), m_tokenizer(std::move(tokenizer)), m_options(std::move(options)) {
    m_result.model = std::move(name);
    m_result.plans = studyPlans();
    m_texts = textsOf(m_result.plans);
    for (StudyTask& task : tasks) {
        StudySweep sweep{.task = task.name, .whyNot = task.whyNot, .table = {}};
        m_evaluations.push_back(nullptr);
        if (task.task) {
            TaskOptions own;
            own.seed = m_options.seed;
            own.text = m_options.text;
            sweep.table.arguments = sweepArguments(m_result.model, *task.task, own, m_options.samples,
                                                   m_options.backend, m_options.textName);
            m_evaluations.back() = std::make_unique<Evaluation>(
                m_model, std::move(task.task),
                EvaluationOptions{
                    .samples = m_options.samples, .backend = m_options.backend, .keptBytes = kKeptBytes});
        }
        m_result.sweeps.push_back(std::move(sweep));
    }
    const TextBlocks blocks = blocksFor(m_options, m_model->spec, *m_tokenizer);
    StatisticsTable& statistics = m_result.statistics;
    statistics.model = m_result.model;
    statistics.text = textMark(m_options.textName, m_options.text);
    statistics.blocks = blocks.blocks;
    statistics.length = blocks.length;
    statistics.seed = blocks.seed;
}

std::int64_t Study::steps() const {
    std::int64_t steps = 0;
    for (std::size_t i = 0; i < m_evaluations.size(); ++i)
        if (m_evaluations[i])
            steps += sweepSteps(*m_evaluations[i], m_texts, m_result.sweeps[i].table);
    return steps;
}

void Study::readTensors(const StudyObserver& observer, const std::atomic<bool>& cancel) {
    StatisticsTable& table = m_result.statistics;
    if (!table.rows.empty())
        return;
    const at::Tensor blocks = textBlocks(
        *m_tokenizer, m_options.text, {.blocks = table.blocks, .length = table.length, .seed = table.seed});
    table.rows = tensorStatistics(*m_model, blocks, observer.layer, cancel);
    if (!cancel)
        observer.changed(m_result, m_result.sweeps.size());
}

void Study::order(SweepTable& table) const {
    const auto place = [&](const SweepRow& row) {
        return std::find(m_texts.begin(), m_texts.end(), row.plan);
    };
    std::stable_sort(table.rows.begin(), table.rows.end(),
                     [&](const SweepRow& a, const SweepRow& b) { return place(a) < place(b); });
}

void Study::run(const StudyObserver& observer, const std::atomic<bool>& cancel) {
    readTensors(observer, cancel);
    for (const std::string& text : m_texts)
        for (std::size_t i = 0; i < m_evaluations.size() && !cancel; ++i) {
            if (!m_evaluations[i])
                continue;
            SweepTable& table = m_result.sweeps[i].table;
            const auto row = [&](const SweepTable&) {
                order(table);
                observer.changed(m_result, i);
            };
            sweep(*m_evaluations[i], {text}, table, {.step = observer.step, .row = row}, cancel);
        }
}

} // namespace fovea
