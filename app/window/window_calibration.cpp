// Calibrations: asked for from the menu or from the line that refuses a plan for want of one, and used in plan B.

#include <QAction>

#include "app/window/calibration_form.h"
#include "app/window/calibration_window.h"
#include "app/window/main_window.h"
#include "app/window/status_line.h"

namespace fovea {

void MainWindow::wireCalibration() {
    connect(m_actions.calibrate, &QAction::triggered, this, [this] { showCalibration(*this); });
    connect(m_status, &StatusLine::failureShown, this, [this](const QString& line) {
        if (!calibrationNamed(line).method.empty())
            m_status->offer(tr("Calibrate…"));
    });
    connect(m_status, &StatusLine::offerTaken, this,
            [this] { showCalibration(*this, calibrationNamed(m_status->message())); });
}

QString MainWindow::usePlanSlot(const QString& slot) {
    AttentionPlan rest = m_document.plan(Side::B);
    if (slot.startsWith(QLatin1String("store=")))
        rest.store = OwnStore{};
    else
        rest.weights = OwnWeights{};
    const QString others = QString::fromStdString(rest == AttentionPlan{} ? std::string{} : toText(rest));
    const AttentionPlan before = m_document.plan(Side::B);
    m_document.endGesture();
    const QString refused = m_document.editPlanText(Side::B, (others + QLatin1Char(' ') + slot).trimmed());
    // The plan was there before what it needs: nothing of it changes, and only now can it run.
    if (refused.isEmpty() && m_document.plan(Side::B) == before && m_controller.runs().a)
        m_controller.run();
    return refused;
}

} // namespace fovea
