// What the window's actions do, and what its toolbar and status line say.

#include <QAction>
#include <QActionGroup>
#include <QApplication>
#include <QComboBox>
#include <QInputDialog>
#include <QLineEdit>
#include <QMenu>
#include <QMessageBox>
#include <QToolButton>

#include <utility>

#include "app/window/action_palette.h"
#include "app/window/device_choice.h"
#include "app/window/dock_panels.h"
#include "app/window/export_actions.h"
#include "app/window/key_sheet.h"
#include "app/window/loaded_model.h"
#include "app/window/main_window.h"
#include "app/window/model_menu.h"
#include "app/window/plan_chip.h"
#include "app/window/run_settings_dialog.h"
#include "app/window/run_toolbar.h"
#include "app/window/settings_dialog.h"
#include "app/window/status_line.h"
#include "app/window/study_window.h"
#include "app/window/sweep_window.h"
#include "app/window/thread_share.h"
#include "app/window/training_window.h"
#include "core/kernels/cpu/kernels.h"
#include "core/kernels/cuda/device_memory.h"
#include "core/plan/presets.h"
#include "core/trace/byte_text.h"
#include "views/maps/atlas_view.h"
#include "views/maps/head_map_view.h"
#include "views/panel_frame.h"
#include "views/panels/plan_panel.h"
#include "views/panels/stored_view.h"
#include "views/theme.h"

namespace fovea {

namespace {

QString text(std::string_view utf8) {
    return QString::fromUtf8(utf8.data(), static_cast<qsizetype>(utf8.size()));
}

} // namespace

void MainWindow::wireRun() {
    connect(m_actions.run, &QAction::triggered, &m_controller, &Controller::run);
    connect(m_actions.step, &QAction::triggered, &m_controller, &Controller::step);
    connect(m_actions.stop, &QAction::triggered, &m_controller, &Controller::stop);
    connect(m_actions.runSettings, &QAction::triggered, this,
            [this] { RunSettingsDialog(m_document, this).exec(); });
    m_device = new DeviceChoice(m_document, m_jobs, m_actions, this);
    connect(m_device, &DeviceChoice::refused, m_status, &StatusLine::showFailure);
    connect(m_device, &DeviceChoice::found, this, &MainWindow::showRunFacts);
    connect(&m_document, &Document::settingsChanged, this, &MainWindow::showRunFacts);
    connect(m_actions.check, &QAction::triggered, this, [this] { m_panels->bringUp("checkDock"); });
    connect(m_actions.sweep, &QAction::triggered, this, [this] { showSweep(*this); });
    connect(m_actions.study, &QAction::triggered, this, [this] { showStudy(*this); });
    connect(m_actions.train, &QAction::triggered, this, [this] { showTraining(*this); });
    connect(&m_controller, &Controller::stateChanged, this, &MainWindow::showState);
    connect(&m_controller, &Controller::runsChanged, this, &MainWindow::showRunFacts);
    connect(&m_controller, &Controller::failed, m_status, &StatusLine::showFailure);
    // A model being opened is what the user waits for, though the old one may still run.
    connect(m_status, &StatusLine::cancelRequested, this, [this] {
        if (!m_jobs.busy(Lane::Opening))
            return m_controller.stop();
        m_controller.cancelOpening();
        m_status->clearJob();
        m_status->showDone(tr("Opening was cancelled, the model stays"));
    });
    connect(&m_jobs, &JobRunner::progressed, this, [this](Lane lane, const QString& title, double fraction) {
        if (lane == Lane::Opening || (lane == Lane::Engine && !m_jobs.busy(Lane::Opening)))
            m_status->setJob(title, fraction);
    });
    connect(&m_jobs, &JobRunner::finished, this, [this](Lane lane) {
        if (lane == Lane::Engine || lane == Lane::Opening)
            m_status->clearJob();
    });
    connect(m_toolbar, &RunToolbar::decodeFromChosen, this, [this](qint64 position) {
        RunSettings settings = m_document.settings();
        settings.decodeFrom = position;
        m_document.editSettings(settings, tr("decode from"));
    });
    const auto showDecodeFrom = [this] {
        m_toolbar->setDecodeFrom(m_document.settings().decodeFrom,
                                 static_cast<qint64>(m_document.promptTokens().size()));
    };
    connect(&m_document, &Document::settingsChanged, this, showDecodeFrom);
    connect(&m_document, &Document::promptChanged, this, showDecodeFrom);
}

void MainWindow::wirePlans() {
    connect(m_toolbar->chipA(), &PlanChip::entered, this,
            [this](const QString& t) { applyPlanText(Side::A, t); });
    connect(m_toolbar->chipB(), &PlanChip::entered, this,
            [this](const QString& t) { applyPlanText(Side::B, t); });
    connect(&m_document, &Document::planChanged, this, &MainWindow::showPlanText);
    connect(m_actions.editPlan, &QAction::triggered, this, [this] {
        m_toolbar->chipB()->edit()->setFocus();
        m_toolbar->chipB()->edit()->lineEdit()->selectAll();
    });
    connect(m_views.plan, &PlanPanel::copyAsCommandRequested, m_actions.copyAsCommand, &QAction::trigger);
    connect(m_views.plan, &PlanPanel::sharingDiagramRequested, this,
            [this] { m_panels->bringUp("sharingDock"); });
}

void MainWindow::showPlanText(Side side) {
    PlanChip& chip = side == Side::A ? *m_toolbar->chipA() : *m_toolbar->chipB();
    chip.setPlanText(QString::fromStdString(toText(m_document.plan(side))));
}

void MainWindow::applyPlanText(Side side, const QString& planText) {
    PlanChip& chip = side == Side::A ? *m_toolbar->chipA() : *m_toolbar->chipB();
    chip.showError(m_document.editPlanText(side, planText));
}

void MainWindow::fillPresets() {
    m_menus.presets->clear();
    const ModelSpec& spec = m_document.model()->spec;
    for (PlanChip* chip : {m_toolbar->chipA(), m_toolbar->chipB()})
        chip->clearChoices();
    for (const PlanPreset& preset : presets()) {
        if (preset.leastHeadDim > spec.headDim || preset.leastLayers > spec.layers)
            continue;
        const QString plan = text(preset.plan), name = text(preset.name), note = text(preset.note);
        QAction* action = m_menus.presets->addAction(name);
        action->setToolTip(note);
        connect(action, &QAction::triggered, this, [this, plan] { applyPlanText(Side::B, plan); });
        for (PlanChip* chip : {m_toolbar->chipA(), m_toolbar->chipB()})
            chip->addChoice(name, plan, note);
    }
}

void MainWindow::wireView() {
    connect(m_actions.systemTheme, &QAction::triggered, this,
            [this] { setThemeChoice(ThemeChoice::System); });
    connect(m_actions.dark, &QAction::triggered, this, [this] { setDark(true); });
    connect(m_actions.light, &QAction::triggered, this, [this] { setDark(false); });
    connect(m_actions.overlay, &QAction::toggled, m_views.headMap, &HeadMapView::setOverlayVisible);
    for (QAction* action : m_actions.mapModes->actions()) {
        QToolButton* button = headerButton(action->iconText(), m_views.headMapFrame);
        button->setDefaultAction(action);
        m_views.headMapFrame->addHeaderWidget(button);
    }
    connect(m_actions.mapModes, &QActionGroup::triggered, this, [this](QAction* action) {
        m_controller.setMapMode(static_cast<MapMode>(action->data().toInt()));
    });
    connect(m_actions.fitMap, &QAction::triggered, m_views.headMap, &HeadMapView::fit);
    connect(m_actions.fitPlanned, &QAction::triggered, m_views.headMap, &HeadMapView::fitPlanned);
    connect(m_actions.lockPanels, &QAction::toggled, m_panels, &DockPanels::setLocked);
    connect(m_actions.restoreLayout, &QAction::triggered, m_panels, &DockPanels::restoreDefault);
    connect(m_actions.previousHead, &QAction::triggered, this, [this] { stepHead(-1); });
    connect(m_actions.nextHead, &QAction::triggered, this, [this] { stepHead(1); });
    connect(m_actions.newestQuery, &QAction::triggered, this, [this] {
        Selection selection = m_document.selection();
        selection.query = -1;
        m_document.select(selection);
    });
    const auto goTo = [this] {
        if (m_controller.query() < 0)
            return;
        bool ok = false;
        const int last = static_cast<int>(m_controller.lastQuery());
        const int query = QInputDialog::getInt(this, tr("Go to"), tr("Query position, 0 to %1").arg(last),
                                               static_cast<int>(m_controller.query()), 0, last, 1, &ok);
        if (!ok)
            return;
        Selection selection = m_document.selection();
        selection.query = query;
        m_document.select(selection);
    };
    connect(m_actions.goTo, &QAction::triggered, this, goTo);
    connect(m_views.headMap, &HeadMapView::goToRequested, this, goTo);
    connect(m_actions.scales, &QActionGroup::triggered, this, [this](QAction* action) {
        const auto scale = static_cast<ColourScale>(action->data().toInt());
        m_views.headMap->setScale(scale);
        showColours();
    });
    connect(m_actions.colours, &QActionGroup::triggered, this, [this](QAction* action) {
        const auto map = static_cast<ColourMap>(action->data().toInt());
        m_views.headMap->setColourMap(map);
        m_views.atlas->setColourMap(map);
        m_views.stored->setColourMap(map);
        showColours();
    });
    showColours();
}

void MainWindow::showColours() {
    const auto map = static_cast<ColourMap>(m_actions.colours->checkedAction()->data().toInt());
    m_toolbar->setColourText(name(m_views.headMap->scale()) + (map == ColourMap::Cividis
                                                                   ? QStringLiteral(" cividis")
                                                                   : QStringLiteral(" viridis")));
}

void MainWindow::stepHead(int by) {
    if (!m_document.model())
        return;
    const ModelSpec& spec = m_document.model()->spec;
    Selection selection = m_document.selection();
    const int all = spec.layers * spec.queryHeads;
    const int index = (selection.layer * spec.queryHeads + selection.head + by + all) % all;
    selection.layer = index / spec.queryHeads;
    selection.head = index % spec.queryHeads;
    m_document.select(selection);
}

void MainWindow::wireHelp() {
    connect(m_actions.palette, &QAction::triggered, this, [this] {
        ActionPalette palette(listedActions(*this), this);
        palette.move(mapToGlobal(QPoint((width() - palette.width()) / 2, 80)));
        palette.exec();
    });
    connect(m_actions.keys, &QAction::triggered, this, [this] {
        auto* sheet = new KeySheet(keyGroups(*this), this);
        sheet->setAttribute(Qt::WA_DeleteOnClose);
        sheet->show(); // beside the work, not before it
    });
    connect(m_actions.settings, &QAction::triggered, this, &MainWindow::showSettings);
    connect(m_actions.about, &QAction::triggered, this, [this] {
        QMessageBox::about(this, tr("About Fovea"),
                           tr("<b>Fovea</b><p>A desktop laboratory for efficient LLM attention.</p>"
                              "<p>GPL-3.0-or-later</p>"));
    });
}

void MainWindow::showSettings() {
    auto* dialog = new SettingsDialog(m_memory.preferences(), this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &SettingsDialog::chosen, this, [this](const Preferences& preferences) {
        m_memory.setPreferences(preferences);
        setThemeChoice(preferences.theme);
        applyPreferences();
        m_models->refresh();
        showRunFacts();
    });
    dialog->open();
}

void MainWindow::showState() {
    const bool ready = m_document.model() != nullptr;
    const bool making = m_controller.makingTokens();
    m_actions.run->setEnabled(ready && !making);
    m_actions.step->setEnabled(ready && !making);
    m_actions.stop->setEnabled(m_controller.running());
    for (QAction* action : {m_actions.editPrompt, m_actions.openPrompt, m_actions.pastePrompt})
        action->setEnabled(ready);
    const bool hasRuns = m_controller.runs().a != nullptr;
    QString hint;
    if (!ready)
        hint = tr("no model: open one");
    else if (!hasRuns && !making)
        hint = tr("press Run (F5)");
    else if (m_controller.runs().fromFile && !m_controller.outdated())
        hint = tr("a run from a file");
    else if (m_controller.outdated())
        hint = tr("changed since this run: press Run (F5)");
    m_status->setHint(hint);
}

void MainWindow::showRunFacts() {
    showState();
    const int threads = engineThreads();
    m_status->setMachine(
        m_document.settings().device == Backend::Cuda
            ? tr("GPU · %1 · %2 taken")
                  .arg(m_device->gpuName(),
                       QString::fromStdString(byteText(static_cast<std::int64_t>(cuda::takenBytes()))))
            : tr("CPU · %1 · %2")
                  .arg(threads == 1 ? tr("1 thread") : tr("%1 threads").arg(threads),
                       text(cpu::instructionSet())));
    const RunPair& runs = m_controller.runs();
    if (!runs.a) {
        m_status->setBackend({});
        m_status->setAgreement({}, true);
        return;
    }
    const std::string& whyLeft = runs.b && runs.a->whyLeft.empty() ? runs.b->whyLeft : runs.a->whyLeft;
    if (std::exchange(m_whyLeft, whyLeft) != whyLeft && !whyLeft.empty())
        m_status->showFailure(tr("%1 The CPU went on.").arg(QString::fromStdString(whyLeft)));
    m_status->setBackend(tr("backend %1").arg(QString::fromStdString(runs.a->backend)));
    Agreement agreement = formulaAgainstCounted(*runs.a);
    if (runs.b) {
        const Agreement b = formulaAgainstCounted(*runs.b);
        agreement.steps += b.steps;
        agreement.agreeing += b.agreeing;
    }
    const bool good = agreement.agreeing == agreement.steps;
    m_status->setAgreement(good ? tr("formula = counted ✓ %1 steps").arg(agreement.steps)
                                : tr("formula ≠ counted ✗ in %1 of %2 steps")
                                      .arg(agreement.steps - agreement.agreeing)
                                      .arg(agreement.steps),
                           good);
}

} // namespace fovea
