// How the controller opens a model, and what it knows of memory.

#include "app/window/controller.h"
#include "app/window/loaded_model.h"
#include "core/model/model.h"
#include "core/model/model_header.h"
#include "core/tokenizer/tokenizer.h"

namespace fovea {

namespace {

// Shares of the work, for its progress: most of it is weights.
constexpr double kHeaderRead = 0.02, kTokenizerRead = 0.1;

std::shared_ptr<const LoadedModel> readModel(const OpenRequest& request, const ModelSpec& header, Job& job) {
    auto loaded = std::make_shared<LoadedModel>();
    loaded->path = request.path;
    loaded->tokenizer = loadTokenizer(request.path, request.tokenizer, header.vocabulary);
    loaded->chat = chatTemplateFor(request.path, request.tokenizer);
    job.progress(kTokenizerRead);
    if (job.cancelled())
        return nullptr;
    loaded->model = loadModel(request.path);
    loaded->spec = loaded->model->spec;
    return loaded;
}

} // namespace

void Controller::openModel(const QString& path, const QString& tokenizer) {
    OpenRequest request;
    request.path = path.toStdString();
    request.tokenizer = tokenizer.toStdString();
    openModel(request);
}

// Headers first: what the model and a run like the present one would hold is known before weights are read.
void Controller::openModel(const OpenRequest& request) {
    const QString path = QString::fromStdString(request.path.string());
    const MemoryQuestion question = questionOf(this->request());
    m_jobs.start(Lane::Opening, tr("opening %1").arg(path), Supersede::Cancel,
                 [this, request, path, question, budget = m_limits.memoryBudget](Job& job) -> Deliver {
                     const ModelSpec header = readModelHeader(request.path);
                     const MemoryVerdict verdict = judge(header, question, budget);
                     job.progress(kHeaderRead);
                     job.setTitle(tr("opening %1, a run holds %2")
                                      .arg(QString::fromStdString(header.name),
                                           QString::fromStdString(memoryText(verdict.estimate))));
                     if (!verdict.fits() && !request.accepted)
                         return [this, request, verdict] { Q_EMIT modelBeyondBudget(request, verdict); };
                     auto model = readModel(request, header, job);
                     return [this, request, model = std::move(model)]() mutable {
                         if (model)
                             takeModel(request, std::move(model));
                     };
                 });
}

void Controller::cancelOpening() {
    m_jobs.cancel(Lane::Opening);
}

void Controller::takeModel(const OpenRequest& request, std::shared_ptr<const LoadedModel> model) {
    m_jobs.cancel(Lane::Engine);
    m_jobs.cancel(Lane::Interactive);
    m_jobs.cancel(Lane::Background);
    m_live = nullptr;
    m_runs = {};
    m_head = nullptr;
    m_summaries = nullptr;
    m_comparisonCurrent = m_makingTokens = m_choseHead = false;
    m_document.open(std::move(model));
    if (request.offer)
        accept(*request.offer);
    setOutdated(true);
    Q_EMIT runsChanged();
    Q_EMIT summariesChanged();
    Q_EMIT headChanged();
    Q_EMIT opened(QString::fromStdString(request.path.string()));
}

void Controller::showRuns(const RunPair& runs) {
    m_jobs.cancel(Lane::Engine);
    m_jobs.cancel(Lane::Interactive);
    m_jobs.cancel(Lane::Background);
    m_quietForSummaries.stop();
    m_quietForRerun.stop();
    m_live = nullptr;
    m_runs = {}; // plans change before the runs that they belong to are shown
    m_head = nullptr;
    m_summaries = nullptr;
    m_makingTokens = false;
    m_document.endGesture();
    m_document.editPlan(Side::A, runs.a->plan, tr("plan"));
    if (runs.b)
        m_document.editPlan(Side::B, runs.b->plan, tr("plan"));
    m_runs = runs;
    m_comparisonCurrent = runs.comparison && runs.b->plan == m_document.plan(Side::B);
    setOutdated(false);
    Q_EMIT summariesChanged();
    requestHead();
    Q_EMIT runsChanged();
    Q_EMIT stateChanged();
}

void Controller::setLimits(const RunLimits& limits) {
    const bool otherCapture = limits.captureBudget != m_limits.captureBudget;
    m_limits = limits;
    if (otherCapture && m_runs.a)
        setOutdated(true);
    Q_EMIT limitsChanged();
}

std::optional<MemoryVerdict> Controller::memoryOfRun() const {
    if (!m_document.model())
        return std::nullopt;
    return judge(m_document.model()->spec, questionOf(request()), m_limits.memoryBudget);
}

void Controller::accept(const MemoryOffer& offer) {
    m_document.endGesture();
    RunSettings settings = m_document.settings();
    settings.tokens = offer.question.tokens;
    m_document.editSettings(settings, tr("tokens"));
    // A document that opened another model has plans of its own by now: only the store is taken over.
    for (const Side side : {Side::A, Side::B}) {
        AttentionPlan plan = m_document.plan(side);
        const AttentionPlan& offered = offer.question.plans.at(side == Side::A ? 0 : 1);
        if (offer.kind != MemoryOffer::Kind::HalfStore && offer.kind != MemoryOffer::Kind::Everything)
            continue;
        plan.store = offered.store;
        m_document.editPlan(side, plan, tr("store"));
    }
    RunLimits limits = m_limits;
    limits.captureBudget = offer.question.captureBudget;
    setLimits(limits);
}

} // namespace fovea
