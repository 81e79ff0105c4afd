#include "app/window/sweep_run.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "app/window/loaded_model.h"
#include "core/model/checked_file.h"
#include "core/tasks/sweep.h"
#include "core/trace/byte_text.h"
#include "core/trace/file_writer.h"

namespace fovea {

namespace {

constexpr std::uint64_t kLongestText = std::uint64_t{64} << 20, kLongestTable = std::uint64_t{64} << 20;

// What is there already: in the file, else on screen.
SweepTable begin(const SweepRequest& request, const SweepArguments& arguments, SweepTable onScreen) {
    std::error_code ignored;
    if (!request.out.empty() && std::filesystem::exists(request.out, ignored)) {
        try {
            return resumedSweep(readFile(request.out, kLongestTable), arguments);
        } catch (const SweepError& error) {
            throw SweepError(request.out.string() + " " + error.what() + "; choose another file");
        }
    }
    if (!differenceOf(onScreen.arguments, arguments).empty())
        return {.arguments = arguments, .rows = {}};
    std::erase_if(onScreen.rows, [](const SweepRow& row) { return !row.refused.empty(); });
    return onScreen;
}

void requireRoom(const SweepRequest& request, const Task& task, const std::vector<AttentionPlan>& plans) {
    const ModelSpec& spec = request.model->spec;
    const MemoryQuestion question = sweepMemory(task, spec, plans);
    const MemoryEstimate estimate = estimateMemory(spec, question);
    if (request.memoryBudget <= 0 || estimate.total() <= request.memoryBudget)
        return;
    throw std::runtime_error("This sweep would hold " + memoryText(estimate) + " under " +
                             toTitle(question.plans.back()) + ", beyond the memory budget of " +
                             byteText(request.memoryBudget) +
                             ": take a smaller length, or leave that plan out.");
}

} // namespace

SweepRun::SweepRun(QObject* parent) : QObject(parent) {
    connect(&m_jobs, &JobRunner::progressed, this, [this](Lane, const QString&, double fraction) {
        m_fraction = fraction;
        Q_EMIT stateChanged();
    });
    connect(&m_jobs, &JobRunner::finished, this, &SweepRun::stateChanged);
    connect(&m_jobs, &JobRunner::failed, this, [this](Lane, const QString& line) { Q_EMIT failed(line); });
}

void SweepRun::take(const SweepTable& table) {
    m_table = table;
    Q_EMIT tableChanged();
}

void SweepRun::start(const SweepRequest& request) {
    m_fraction = 0;
    m_endedEarly = false;
    m_jobs.start(Lane::Engine, tr("sweeping"), Supersede::Cancel,
                 [this, request, before = m_table](Job& job) -> Deliver {
                     TaskOptions options = request.task;
                     options.text = readFile(request.text, kLongestText);
                     const std::shared_ptr<const Task> task =
                         makeTask(options, request.model->spec, request.model->tokenizer);
                     const SweepArguments arguments =
                         sweepArguments(request.model->path.string(), *task, options, request.samples,
                                        Backend::Cpu, request.text.filename().string());
                     SweepTable table = begin(request, arguments, before);
                     const std::vector<std::string> plans = sweepPlans(request.templates);
                     requireRoom(request, *task, readablePlans(plans));
                     Evaluation evaluation(request.model->model, task, {.samples = request.samples});
                     const std::int64_t all = std::max<std::int64_t>(sweepSteps(evaluation, plans, table), 1);
                     std::int64_t done = 0;
                     SweepObserver observer;
                     observer.step = [&] {
                         job.progress(static_cast<double>(++done) / static_cast<double>(all));
                     };
                     observer.row = [&](const SweepTable& soFar) {
                         if (!request.out.empty())
                             writeFile(request.out, sweepCsv(soFar));
                         job.publish([this, soFar] { take(soFar); });
                     };
                     sweep(evaluation, plans, table, observer, job.cancelled());
                     return [this, table = std::move(table), early = job.cancelled().load()] {
                         m_endedEarly = early;
                         take(table);
                     };
                 });
    Q_EMIT stateChanged();
}

void SweepRun::stop() {
    m_jobs.stop(Lane::Engine);
}

SweepOutlook outlookOf(const std::vector<std::string>& templates, const ModelSpec* spec) {
    SweepOutlook outlook;
    try {
        for (const std::string& text : sweepPlans(templates)) {
            ++outlook.plans;
            std::optional<std::string> why;
            try {
                const AttentionPlan plan = parsePlan(text);
                why = spec ? refusal(plan, *spec) : std::nullopt;
            } catch (const PlanError& error) {
                why = error.what();
            }
            if (!why)
                continue;
            ++outlook.refused;
            if (outlook.why.isEmpty())
                outlook.why = QString::fromStdString(*why);
        }
    } catch (const PlanError& error) {
        outlook = {.why = QString::fromStdString(error.what()), .readable = false};
    }
    return outlook;
}

} // namespace fovea
