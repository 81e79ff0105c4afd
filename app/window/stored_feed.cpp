#include "app/window/stored_feed.h"

#include "app/window/controller.h"
#include "app/window/document.h"
#include "app/window/head_job.h"
#include "app/window/job_runner.h"
#include "app/window/window_views.h"
#include "core/engine/stored_head.h"
#include "core/plan/store_text.h"
#include "views/panel_frame.h"
#include "views/panels/stored_view.h"

namespace fovea {

StoredFeed::StoredFeed(Document& document, Controller& controller, JobRunner& jobs, const WindowViews& views,
                       QObject* parent)
    : QObject(parent), m_document(document), m_controller(controller), m_jobs(jobs), m_views(views) {
    connect(&document, &Document::planChanged, this, &StoredFeed::feed);
    connect(&document, &Document::selectionChanged, this, &StoredFeed::feed);
    connect(&controller, &Controller::runsChanged, this, &StoredFeed::feed);
    connect(&controller, &Controller::emptied, this, [this](const QString& why) {
        empty();
        if (m_controller.runs().a) // else the view says what to do
            m_views.stored->setEmptyText(why);
    });
    connect(m_views.stored, &StoredView::shown, this, &StoredFeed::feed);
    connect(m_views.stored, &StoredView::tokenPicked, this, [this](qint64 token) {
        Selection selection = m_document.selection();
        selection.query = token;
        m_document.select(selection);
    });
}

StoredFeed::Request StoredFeed::wanted(const HeadRequest& request) const {
    const Run& run = *replayedRun(request);
    return {run.capture, run.capturedTokens, request.plan.store, request.layer,
            request.head / run.spec.group()};
}

void StoredFeed::feed() {
    m_views.stored->setToken(m_controller.query());
    // Tokens that are still being made come faster than anyone could look at them.
    if (!m_views.stored->isVisible() || m_controller.makingTokens() || !m_controller.runs().a)
        return;
    HeadRequest head;
    head.run = m_controller.runs().a;
    head.runB = m_controller.runs().b;
    head.plan = m_document.plan(Side::B);
    head.layer = m_document.selection().layer;
    head.head = m_document.selection().head;
    if (undrawable(head))
        return empty(); // the controller says why
    const Request request = wanted(head);
    if (request == m_asked)
        return;
    m_asked = request;
    const bool ofB = replayedRun(head) != head.run.get();
    // As with the head map, a drag shows the newest picture that there was time for.
    m_jobs.start(
        Lane::Stored, tr("rounding a head"), Supersede::Waiting, [this, request, ofB](Job&) -> Deliver {
            auto stored = std::make_shared<const StoredHead>(
                storedHead(*request.capture, request.store, request.tokens, request.layer, request.kvHead));
            return [this, request, ofB, stored = std::move(stored)] {
                if (!m_asked.capture)
                    return; // there is nothing to show any more
                m_views.stored->setHead(stored);
                m_views.storedFrame->setSubtitle(
                    tr("L%1 KV %2 · %3")
                        .arg(request.layer)
                        .arg(request.kvHead)
                        .arg(QString::fromStdString(storeName(request.store, stored->type))));
                m_views.storedFrame->setNote(
                    ofB ? tr("rows of B's run") : tr("rows of A's run"),
                    tr("Captured as they came to this layer, and rounded here by the store of "
                       "plan B: what rounding changes in later layers is not in them"));
            };
        });
}

void StoredFeed::empty() {
    m_jobs.cancel(Lane::Stored);
    m_asked = {};
    m_views.stored->setHead(nullptr);
    m_views.storedFrame->setSubtitle({});
    m_views.storedFrame->setNote({});
}

} // namespace fovea
