// Plan files of MoA: spans loaded, saved and dropped, and the panel that shows them.

#include <QFileDialog>
#include <QFileInfo>

#include "app/window/dock_panels.h"
#include "app/window/loaded_model.h"
#include "app/window/main_window.h"
#include "app/window/saved_file.h"
#include "app/window/status_line.h"
#include "core/plan/moa_file.h"
#include "views/panels/plan_panel.h"
#include "views/panels/span_panel.h"

namespace fovea {

void MainWindow::wireSpans() {
    connect(m_views.plan, &PlanPanel::spanMapRequested, this, [this] { m_panels->bringUp("spansDock"); });
    connect(m_views.spans, &SpanPanel::loadRequested, this, [this] {
        const QString path = QFileDialog::getOpenFileName(this, tr("Load a plan's spans"), {},
                                                          tr("Plan files (*.json);;All files (*)"));
        if (!path.isEmpty())
            openSpans(path);
    });
    connect(m_views.spans, &SpanPanel::saveRequested, this, [this] {
        if (const QString path = askWhereToSave(this, QStringLiteral("plan.json"), tr("Plan files (*.json)"));
            !path.isEmpty())
            saveSpans(path);
    });
    connect(&m_document, &Document::spansNamed, this, [this](Side side) { showPlanText(side); });
}

void MainWindow::openSpans(const QString& path) {
    m_jobs.start(Lane::Text, tr("reading %1").arg(path), Supersede::Cancel,
                 [this, path](Job&) -> Deliver {
                     const auto spans = std::make_shared<const MoaSpans>(readMoaFile(path.toStdString()));
                     return [this, path, spans] {
                         AttentionPlan plan = m_document.plan(Side::B);
                         const auto* now = std::get_if<MoaParams>(&plan.keep);
                         MoaParams moa = now ? *now : MoaParams{};
                         moa.spans = spans;
                         moa.file = path.toStdString();
                         plan.keep = moa;
                         m_document.endGesture();
                         const QString refused = m_document.editPlan(Side::B, plan, tr("spans"));
                         if (!refused.isEmpty())
                             return m_status->showFailure(refused);
                         m_document.nameSpans(Side::B, path.toStdString()); // the same spans of another file
                         m_panels->bringUp("spansDock");
                         m_status->showDone(tr("Spans of %1").arg(QFileInfo(path).fileName()));
                     };
                 });
}

void MainWindow::saveSpans(const QString& path) {
    const auto* moa = std::get_if<MoaParams>(&m_document.plan(Side::B).keep);
    if (!moa || !m_document.model())
        return m_status->showFailure(tr("Plan B has no spans to save: choose MoA under KEEP."));
    const ModelSpec& spec = m_document.model()->spec;
    const MoaSpans spans = moaSpansFor(*moa, spec.layers, spec.queryHeads);
    m_jobs.start(Lane::Disk, tr("saving %1").arg(path), Supersede::Nothing, [this, path, spans](Job&) -> Deliver {
        writeMoaFile(path.toStdString(), spans);
        return [this, path, spans] {
            // Edited again meanwhile, they are in no file.
            const auto* now = std::get_if<MoaParams>(&m_document.plan(Side::B).keep);
            if (now && now->spans && *now->spans == spans)
                m_document.nameSpans(Side::B, path.toStdString());
            m_status->showDone(tr("Saved %1").arg(path));
        };
    });
}

} // namespace fovea
