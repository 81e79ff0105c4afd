#include "app/window/controller.h"

#include <algorithm>
#include <utility>

#include "app/window/conversion_job.h"
#include "app/window/loaded_model.h"
#include "core/engine/capture.h"

namespace fovea {

namespace {

// A drag's edits come every frame; what is slower than a frame waits until the hand rests.
constexpr int kQuietForSummariesMs = 120;
constexpr int kQuietForRerunMs = 350;
constexpr int kLiveHeadMs = 200;
constexpr int kThumbnailSide = 64;

} // namespace

Controller::Controller(Document& document, JobRunner& jobs, QObject* parent)
    : QObject(parent), m_document(document), m_jobs(jobs) {
    m_quietForSummaries.setSingleShot(true);
    m_quietForSummaries.setInterval(kQuietForSummariesMs);
    m_quietForRerun.setSingleShot(true);
    m_quietForRerun.setInterval(kQuietForRerunMs);
    connect(&m_quietForSummaries, &QTimer::timeout, this, &Controller::requestSummaries);
    connect(&m_quietForRerun, &QTimer::timeout, this, &Controller::rerun);
    connect(&document, &Document::planChanged, this, &Controller::planEdited);
    connect(&document, &Document::settingsChanged, this, &Controller::settingsEdited);
    connect(&document, &Document::promptChanged, this, [this] { setOutdated(true); });
    connect(&document, &Document::selectionChanged, this, &Controller::requestHead);
    connect(&jobs, &JobRunner::failed, this, [this](Lane lane, const QString& line) {
        m_makingTokens = m_makingTokens && lane != Lane::Engine;
        Q_EMIT failed(line);
    });
    connect(&jobs, &JobRunner::finished, this, [this](Lane lane) {
        if (lane == Lane::Engine)
            Q_EMIT stateChanged();
    });
}

RunRequest Controller::request() const {
    RunRequest request;
    request.model = m_document.model();
    request.prompt = m_document.prompt();
    request.chat = m_document.chat();
    request.promptTokens = m_document.promptTokens();
    request.planA = m_document.plan(Side::A);
    request.planB = m_document.plan(Side::B);
    request.settings = m_document.settings();
    request.decodeFrom = m_document.decodeFrom();
    request.captureBudget = m_limits.captureBudget;
    return request;
}

void Controller::beginLive() {
    m_live = std::make_shared<LivePair>();
    m_live->request = request();
    m_ranSettings = m_document.settings();
}

void Controller::run() {
    if (const auto verdict = memoryOfRun(); verdict && !verdict->fits())
        Q_EMIT runBeyondBudget(*verdict);
    else
        runAnyway();
}

void Controller::runAnyway() {
    if (!m_document.model() || m_document.promptTokens().empty())
        return;
    beginLive();
    startEngine(tr("running A, then B"), Purpose::MakeTokens, m_live->request,
                [live = m_live, tokens = m_ranSettings.tokens](const PairObserver& observer,
                                                               const std::atomic<bool>& cancel) {
                    return advancePair(*live, tokens, observer, cancel);
                });
}

void Controller::step() {
    if (!m_document.model() || m_document.promptTokens().empty())
        return;
    const bool anew = !m_live || m_outdated;
    if (!anew && m_runs.a && static_cast<int>(m_runs.a->tokens.size()) >= m_document.model()->spec.context) {
        Q_EMIT failed(tr("The model's context of %1 tokens is full.").arg(m_document.model()->spec.context));
        return;
    }
    if (anew)
        beginLive();
    startEngine(tr("one step"), Purpose::MakeTokens, m_live->request,
                [live = m_live](const PairObserver& observer, const std::atomic<bool>& cancel) {
                    return advancePair(*live, 1, observer, cancel);
                });
}

void Controller::stop() {
    m_quietForRerun.stop();
    m_jobs.stop(Lane::Engine);
}

void Controller::rerun() {
    if (!m_live || !m_runs.a || m_outdated || m_makingTokens)
        return;
    const bool both = m_rerunBoth;
    startEngine(both ? tr("re-running A and B teacher-forced") : tr("re-running B teacher-forced"),
                Purpose::Follow, request(),
                [live = m_live, request = request(), both](const PairObserver& observer,
                                                           const std::atomic<bool>& cancel) {
                    return refollow(*live, request, both, observer, cancel);
                });
}

void Controller::startEngine(const QString& title, Purpose purpose, RunRequest request, EngineWork work) {
    m_quietForRerun.stop();
    m_makingTokens = purpose == Purpose::MakeTokens;
    setOutdated(false);
    const bool draws = m_makingTokens;
    m_jobs.start(Lane::Engine, title, Supersede::Cancel,
                 [this, draws, request = std::move(request), work = std::move(work)](Job& job) -> Deliver {
                     if (!convertForRun(request, job))
                         return [this] { conversionStopped(); };
                     RunPair result = work(
                         [&](const RunPair& soFar, double fraction) {
                             job.progress(fraction);
                             // A re-run replaces the old curve when it is whole; half of one says nothing.
                             if (draws)
                                 job.publish([this, soFar] { showOnTheWay(soFar); });
                         },
                         job.cancelled());
                     return [this, result = std::move(result)] { runEnded(result); };
                 });
    Q_EMIT stateChanged();
}

// Before anything ran: what is on screen stays, and is what the next Run or edit replaces.
void Controller::conversionStopped() {
    m_makingTokens = false;
    if (!m_runs.a)
        setOutdated(true);
    Q_EMIT stateChanged();
    Q_EMIT runFinished();
}

void Controller::showOnTheWay(const RunPair& soFar) {
    m_runs = soFar;
    m_comparisonCurrent = false;
    // The map follows the tokens at a pace that leaves the engine its core.
    if (!m_sinceHead.isValid() || m_sinceHead.elapsed() >= kLiveHeadMs) {
        m_sinceHead.start();
        requestHead();
    }
    Q_EMIT runsChanged();
}

void Controller::runEnded(const RunPair& runs) {
    m_makingTokens = false;
    m_runs = runs;
    const bool current = runs.b && runs.b->plan == m_document.plan(Side::B);
    m_comparisonCurrent = current && runs.comparison;
    m_rerunBoth = m_rerunBoth && !(runs.a && runs.a->decodeFrom == m_document.decodeFrom());
    if (!current || m_rerunBoth)
        m_quietForRerun.start(); // the plan changed while the tokens were made
    requestHead();
    requestSummaries();
    Q_EMIT runsChanged();
    Q_EMIT stateChanged();
    Q_EMIT runFinished();
}

std::int64_t Controller::lastQuery() const {
    if (!m_runs.a)
        return -1;
    // Where nothing was captured there are still the steps.
    return m_runs.a->capturedTokens > 0 || m_runs.a->steps.empty() ? m_runs.a->capturedTokens - 1
                                                                  : m_runs.a->steps.back().position;
}

std::int64_t Controller::query() const {
    const std::int64_t last = lastQuery();
    const std::int64_t chosen = m_document.selection().query;
    return chosen < 0 ? last : std::min(chosen, last);
}

HeadRequest Controller::headRequest() const {
    HeadRequest request;
    request.run = m_runs.a;
    request.runB = m_runs.b;
    request.plan = m_document.plan(Side::B);
    request.planA = m_document.plan(Side::A);
    request.mode = m_mapMode;
    request.decodeFrom = m_document.decodeFrom();
    request.layer = m_document.selection().layer;
    request.head = m_document.selection().head;
    request.query = query();
    request.version = m_document.version();
    return request;
}

void Controller::setMapMode(MapMode mode) {
    if (mode == m_mapMode)
        return;
    m_mapMode = mode;
    requestHead();
}

void Controller::requestHead() {
    const HeadRequest request = headRequest();
    if (const auto why = undrawable(request)) {
        m_head = nullptr;
        Q_EMIT headChanged();
        Q_EMIT emptied(m_runs.fromFile ? tr("This run was read from a file, which has no captured Q, K and V to "
                                            "draw heads from. Press Run to make them.")
                                       : QString::fromStdString(*why));
        return;
    }
    m_jobs.start(Lane::Interactive, tr("drawing"), Supersede::Waiting,
                 [this, request, before = m_head](Job& job) -> Deliver {
                     auto picture = drawHead(request, before.get(), job.cancelled());
                     return [this, picture = std::move(picture)] {
                         if (!picture)
                             return;
                         m_head = picture;
                         Q_EMIT headChanged();
                     };
                 });
}

void Controller::requestSummaries() {
    const HeadRequest request = headRequest();
    if (unmappable(request))
        return;
    m_jobs.start(
        Lane::Background, tr("summarising heads"), Supersede::Cancel, [this, request](Job& job) -> Deliver {
            const SummaryObserver observer = [&](std::shared_ptr<const Summaries> soFar, double fraction) {
                job.progress(fraction);
                // The first time the atlas fills as it comes; later a whole one is replaced by a whole one.
                job.publish([this, soFar = std::move(soFar)] {
                    if (m_summaries && m_summaries->size() > soFar->size())
                        return;
                    m_summaries = soFar;
                    Q_EMIT summariesChanged();
                });
            };
            auto summaries = summariseHeads(request, kThumbnailSide, observer, job.cancelled());
            return [this, summaries = std::move(summaries)] {
                if (!summaries)
                    return;
                m_summaries = summaries;
                chooseHead();
                Q_EMIT summariesChanged();
            };
        });
}

// Where the user has not chosen yet, the head that misses most is the one to look at first.
void Controller::chooseHead() {
    if (std::exchange(m_choseHead, true) || m_summaries->empty())
        return;
    Selection selection = m_document.selection();
    if (selection.layer != 0 || selection.head != 0)
        return;
    const auto most = std::max_element(m_summaries->begin(), m_summaries->end(),
                                       [](const auto& a, const auto& b) { return a.missed < b.missed; });
    selection.layer = most->layer;
    selection.head = most->head;
    m_document.select(selection);
}

void Controller::planEdited(Side side) {
    if (side == Side::A) {
        setOutdated(true);
        return;
    }
    m_comparisonCurrent = false;
    if (!m_makingTokens)
        m_jobs.cancel(Lane::Engine); // a re-run of the plan before this one is worth nothing now
    m_jobs.cancel(Lane::Background);
    if (m_runs.fromFile) {
        setOutdated(true); // there is no session that could follow
    } else if (m_runs.a) {
        requestHead();
        m_quietForSummaries.start();
        m_quietForRerun.start();
    }
    Q_EMIT stateChanged();
}

void Controller::settingsEdited() {
    if (!m_runs.a)
        return;
    RunSettings other = m_document.settings();
    // Both may change under the runs on screen, which are then made again on the same tokens.
    const bool again = other.decodeFrom != m_ranSettings.decodeFrom || other.device != m_ranSettings.device;
    other.decodeFrom = m_ranSettings.decodeFrom;
    other.device = m_ranSettings.device;
    if (!(other == m_ranSettings)) {
        setOutdated(true);
        return;
    }
    if (!again)
        return;
    m_ranSettings.decodeFrom = m_document.settings().decodeFrom;
    m_ranSettings.device = m_document.settings().device;
    m_rerunBoth = true;
    planEdited(Side::B);
}

void Controller::setOutdated(bool outdated) {
    if (outdated == m_outdated)
        return;
    m_outdated = outdated;
    Q_EMIT stateChanged();
}

} // namespace fovea
