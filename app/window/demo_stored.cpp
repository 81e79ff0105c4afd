// The scenes of the tour in which rows are rounded: the quantisation view, bit-width by bit-width, in both themes; and
// codebooks learnt from a text.
#include <QComboBox>
#include <QElapsedTimer>
#include <QPushButton>

#include <cstdio>
#include <stdexcept>
#include <vector>

#include "app/window/calibration_form.h"
#include "app/window/calibration_window.h"
#include "app/window/demo_tour.h"
#include "app/window/dock_panels.h"
#include "app/window/export_actions.h"
#include "app/window/main_window.h"
#include "views/panels/plan_panel.h"
#include "views/panels/stored_view.h"

namespace fovea {

void DemoTour::stored() {
    Document& document = m_window->document();
    const AttentionPlan before = document.plan(Side::B);
    StoredView& view = *m_window->views().stored;
    m_window->panels().bringUp("storedDock");
    AttentionPlan plan;
    plan.store = RtnParams{.bits = 3};
    document.editPlan(Side::B, plan, QStringLiteral("plan"));
    settle();
    auto* bits = m_window->views().plan->findChild<QComboBox*>(QStringLiteral("store bits"));
    if (!bits)
        throw std::runtime_error("the tour found no choice of a store's bits");
    std::vector<double> milliseconds;
    for (int turn = 0; turn < 5 * bits->count(); ++turn) {
        const auto shown = view.head();
        QElapsedTimer clock;
        clock.start();
        bits->setCurrentIndex(turn % bits->count());
        Q_EMIT bits->activated(bits->currentIndex());
        if (document.plan(Side::B).store == plan.store)
            continue; // chosen already
        plan = document.plan(Side::B);
        waitFor("the rounded head", [&view, &shown] { return view.head() != shown; });
        view.repaint();
        milliseconds.push_back(static_cast<double>(clock.nsecsElapsed()) / 1e6);
    }
    const Quantiles q = quantiles(milliseconds);
    std::printf("bits to the picture of a rounded head: median %.1f ms, p95 %.1f ms over %zu edits\n",
                q.median, q.p95, q.count);
    document.editPlan(
        Side::B,
        [&] {
            AttentionPlan three;
            three.store = RtnParams{.bits = 3};
            return three;
        }(),
        QStringLiteral("plan"));
    settle();
    ExportActions& exports = m_window->exports();
    for (const bool dark : {!m_dark, m_dark}) {
        m_window->setDark(dark);
        idle(200);
        exports.saveImage(
            m_window->grab().toImage(),
            QString::fromStdString(path(dark ? "quantisation_dark.png" : "quantisation_light.png")));
    }
    const QString picture = QStringLiteral("quantisation");
    exports.savePicture(picture, QString::fromStdString(path("quantisation.png")));
    exports.savePicture(picture, QString::fromStdString(path("quantisation.svg")));
    exports.saveTable(picture, QString::fromStdString(path("quantisation.csv")));
    waitFor("saving the rounded head", [this] { return !m_window->jobs().busy(Lane::Disk); });
    document.editPlan(Side::B, before, QStringLiteral("plan"));
    m_window->actions().restoreLayout->trigger();
    settle();
}

void DemoTour::calibrate() {
    CalibrationWindow* window = showCalibration(*m_window);
    CalibrationRequest request{.ofStore = true, .method = "kvquant:bits=2"};
    request.blocks = {.blocks = 8, .length = 128};
    request.to = path("kvquant.codebooks.safetensors");
    window->form().setRequest(request);
    window->startButton().click();
    waitFor("the calibration", [window] { return !window->run().running(); });
    if (window->run().made().isEmpty())
        throw std::runtime_error("the tour's calibration failed: " + window->statusText().toStdString());
    idle(200);
    m_window->exports().saveImage(window->grab().toImage(), QString::fromStdString(path("calibrate.png")));
    waitFor("saving the calibration", [this] { return !m_window->jobs().busy(Lane::Disk); });
    window->close();
    settle();
}

} // namespace fovea
