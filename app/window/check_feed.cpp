#include "app/window/check_feed.h"

#include <algorithm>
#include <memory>

#include "app/window/document.h"
#include "app/window/loaded_model.h"
#include "core/engine/check.h"
#include "core/engine/memory_estimate.h"
#include "core/trace/byte_text.h"
#include "views/panels/check_panel.h"

namespace fovea {

CheckFeed::CheckFeed(Document& document, JobRunner& jobs, CheckPanel& panel,
                     std::function<std::int64_t()> budget, QObject* parent)
    : QObject(parent), m_document(document), m_jobs(jobs), m_panel(panel), m_budget(std::move(budget)) {
    connect(&panel, &CheckPanel::checkRequested, this, &CheckFeed::start);
    connect(&panel, &CheckPanel::cancelRequested, this, &CheckFeed::cancel);
    connect(&panel, &CheckPanel::picked, this, [this](int layer, int head, qint64 position) {
        Selection selection = m_document.selection();
        selection.layer = layer;
        selection.head = head;
        selection.query = position;
        m_document.select(selection);
    });
    connect(&document, &Document::modelChanged, this, [this] {
        cancel();
        m_panel.setReport(nullptr);
        m_panel.setReady(true);
    });
    connect(&document, &Document::settingsChanged, this, &CheckFeed::changed);
    connect(&document, &Document::promptChanged, this, &CheckFeed::changed);
    connect(&document, &Document::planChanged, this, [this](Side side) {
        if (side == Side::B)
            changed();
    });
    connect(&jobs, &JobRunner::progressed, this, [this](Lane lane, const QString&, double fraction) {
        if (lane == Lane::Check)
            m_panel.setProgress(fraction);
    });
    connect(&jobs, &JobRunner::finished, this, [this](Lane lane) {
        if (lane == Lane::Check)
            m_panel.setRunning(false);
    });
    connect(&jobs, &JobRunner::failed, this, [this](Lane lane, const QString& line) {
        if (lane == Lane::Check)
            m_panel.setTrouble(line);
    });
    m_panel.setReady(m_document.model() != nullptr);
}

QString CheckFeed::trouble(int steps) const {
    if (m_document.promptTokens().empty())
        return tr("There is no prompt to read.");
    const std::int64_t context = m_document.model()->spec.context;
    if (std::ssize(m_document.promptTokens()) + steps > context + 1)
        return tr("The prompt and %1 steps do not fit the model's context of %2 tokens: take fewer steps.")
            .arg(steps)
            .arg(context);
    if (const auto why = refusal(m_document.plan(Side::B), m_document.model()->spec))
        return QString::fromStdString(*why);
    return beyondMemory(steps);
}

// Two sessions side by side; a prompt that is checked is captured twice, whole.
QString CheckFeed::beyondMemory(int steps) const {
    const ModelSpec& spec = m_document.model()->spec;
    const AttentionPlan& plan = m_document.plan(Side::B);
    MemoryQuestion question;
    question.plans = {plan, plan};
    question.prompt = std::ssize(m_document.promptTokens());
    question.tokens = steps;
    question.decodeFrom = m_document.decodeFrom();
    const std::int64_t steppedBytes = estimateMemory(spec, question).total();
    const std::int64_t promptBytes = m_panel.withPrompt() ? promptCheckBytes(spec, plan, question.prompt) : 0;
    const std::int64_t budget = m_budget(), most = std::max(steppedBytes, promptBytes);
    if (budget <= 0 || most <= budget)
        return {};
    return tr("This check would hold %1, beyond the memory budget of %2: %3.")
        .arg(QString::fromStdString(byteText(most)), QString::fromStdString(byteText(budget)),
             promptBytes > steppedBytes ? tr("leave the prompt out, or shorten it")
                                        : tr("take fewer steps or a shorter prompt"));
}

void CheckFeed::start(int steps) {
    if (!m_document.model())
        return;
    if (const QString why = trouble(steps); !why.isEmpty())
        return m_panel.setTrouble(why);
    CheckOptions options;
    options.tokens = steps;
    options.decodeFrom = m_document.decodeFrom();
    options.prompt = m_panel.withPrompt();
    options.ways = true;
    options.backends[1] = m_document.settings().device; // the one that runs are made on
    m_panel.setRunning(true);
    m_jobs.start(Lane::Check, tr("checking the backends"), Supersede::Cancel,
                 [this, options, model = m_document.model(), plan = m_document.plan(Side::B),
                  prompt = m_document.promptTokens()](Job& job) -> Deliver {
                     const auto observe = [&](const CheckReport& soFar) {
                         const std::int64_t ofPrompt = options.prompt ? std::ssize(prompt) - 1 : 0;
                         const std::int64_t done =
                             std::ssize(soFar.steps) + (soFar.prompt ? soFar.prompt->tokens : 0);
                         job.progress(static_cast<double>(done) /
                                      static_cast<double>(options.tokens + ofPrompt));
                         return true;
                     };
                     auto report = std::make_shared<const CheckReport>(
                         checkBackends(model->model, plan, prompt, options, observe, job.cancelled()));
                     return [this, report = std::move(report)] { m_panel.setReport(report); };
                 });
}

void CheckFeed::cancel() {
    m_jobs.cancel(Lane::Check);
    m_panel.setRunning(false);
}

void CheckFeed::changed() {
    if (m_jobs.busy(Lane::Check))
        cancel();
    if (m_panel.report())
        m_panel.setOutdated(true);
}

} // namespace fovea
