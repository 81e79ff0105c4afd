#include "app/window/check_feed.h"

#include <algorithm>
#include <memory>

#include "app/window/document.h"
#include "app/window/loaded_model.h"
#include "core/engine/check.h"
#include "views/panels/check_panel.h"

namespace fovea {

CheckFeed::CheckFeed(Document& document, JobRunner& jobs, CheckPanel& panel, QObject* parent)
    : QObject(parent), m_document(document), m_jobs(jobs), m_panel(panel) {
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
    return {};
}

void CheckFeed::start(int steps) {
    if (!m_document.model())
        return;
    if (const QString why = trouble(steps); !why.isEmpty())
        return m_panel.setTrouble(why);
    CheckOptions options;
    options.tokens = steps;
    options.decodeFrom = m_document.decodeFrom();
    m_panel.setRunning(true);
    m_jobs.start(Lane::Check, tr("checking the backends"), Supersede::Cancel,
                 [this, options, model = m_document.model(), plan = m_document.plan(Side::B),
                  prompt = m_document.promptTokens()](Job& job) -> Deliver {
                     const auto observe = [&](const CheckReport& soFar) {
                         job.progress(static_cast<double>(soFar.steps.size()) /
                                      static_cast<double>(options.tokens));
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
