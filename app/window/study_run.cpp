#include "app/window/study_run.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "app/window/loaded_model.h"
#include "app/window/memory_verdict.h"
#include "core/model/checked_file.h"
#include "core/study/study_folder.h"
#include "core/trace/byte_text.h"
#include "core/trace/file_writer.h"

namespace fovea {

namespace {

constexpr std::uint64_t kLongestText = std::uint64_t{64} << 20;

void requireRoom(const StudyRequest& request, const std::vector<StudyTask>& tasks) {
    const ModelSpec& spec = request.model->spec;
    const MemoryVerdict verdict = judge(spec, studyMemory(tasks, spec), request.memoryBudget);
    if (!verdict.fits())
        throw std::runtime_error("This study would hold " + memoryText(verdict.estimate) +
                                 ", beyond the memory budget of " + byteText(verdict.budget) +
                                 ": take a smaller length, or allow it more in the settings.");
}

// With what is there already in it: in the folder, else on screen.
std::unique_ptr<Study> begin(const StudyRequest& request, const StudyResult* onScreen) {
    StudyOptions options = request.options;
    options.text = readFile(request.text, kLongestText);
    options.textName = request.text.filename().string();
    auto tasks = studyTasks(options, request.model->spec, request.model->tokenizer);
    requireRoom(request, tasks);
    auto study = std::make_unique<Study>(request.model->model, request.model->tokenizer,
                                         request.model->path.string(), std::move(options), std::move(tasks));
    if (!request.out.empty()) {
        makeFolder(request.out);
        requireWritable(request.out);
        resumeStudy(study->result(), request.out);
    } else if (onScreen) {
        takeOver(study->result(), *onScreen);
    }
    return study;
}

} // namespace

StudyRun::StudyRun(QObject* parent) : QObject(parent) {
    connect(&m_jobs, &JobRunner::progressed, this, [this](Lane, const QString&, double fraction) {
        m_fraction = fraction;
        Q_EMIT stateChanged();
    });
    connect(&m_jobs, &JobRunner::finished, this, &StudyRun::stateChanged);
    connect(&m_jobs, &JobRunner::failed, this, [this](Lane, const QString& line) { Q_EMIT failed(line); });
}

void StudyRun::take(std::shared_ptr<const StudyResult> result) {
    m_result = std::move(result);
    Q_EMIT resultChanged();
}

void StudyRun::start(const StudyRequest& request) {
    m_fraction = 0;
    m_endedEarly = false;
    m_jobs.start(Lane::Engine, tr("studying"), Supersede::Cancel,
                 [this, request, before = m_result](Job& job) -> Deliver {
                     const std::unique_ptr<Study> study = begin(request, before.get());
                     const std::int64_t all = std::max<std::int64_t>(study->steps(), 1);
                     std::int64_t done = 0;
                     StudyObserver observer;
                     observer.step = [&] {
                         job.progress(static_cast<double>(++done) / static_cast<double>(all));
                     };
                     observer.changed = [&](const StudyResult& soFar, std::size_t changed) {
                         if (!request.out.empty())
                             writeStudy(soFar, changed, request.out);
                         job.publish([this, now = std::make_shared<const StudyResult>(soFar)] { take(now); });
                     };
                     study->run(observer, job.cancelled());
                     return [this, result = std::make_shared<const StudyResult>(study->result()),
                             early = job.cancelled().load(), folder = request.out] {
                         m_endedEarly = early;
                         take(result);
                         if (!early)
                             Q_EMIT ended(QString::fromStdString(folder.string()));
                     };
                 });
    Q_EMIT stateChanged();
}

void StudyRun::stop() {
    m_jobs.stop(Lane::Engine);
}

} // namespace fovea
