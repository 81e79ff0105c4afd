#include "app/window/main_window.h"

#include <QApplication>
#include <QCloseEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QMenu>
#include <QMenuBar>
#include <QToolButton>

#include <optional>
#include <utility>

#include "app/window/bundled.h"
#include "app/window/check_feed.h"
#include "app/window/dock_panels.h"
#include "app/window/export_actions.h"
#include "app/window/kept_memory.h"
#include "app/window/measured_limit.h"
#include "app/window/run_toolbar.h"
#include "app/window/sharing_feed.h"
#include "app/window/show_as_feed.h"
#include "app/window/status_line.h"
#include "app/window/stored_feed.h"
#include "app/window/thread_share.h"
#include "app/window/view_feed.h"
#include "views/maps/head_map_view.h"
#include "views/panel_frame.h"
#include "views/panels/inspector.h"
#include "views/panels/plan_panel.h"
#include "views/panels/stages_view.h"
#include "views/theme.h"

namespace fovea {

namespace {

constexpr QSize kDefaultSize(1680, 1050);
constexpr int kGap = 4; // between panels and around them

} // namespace

MainWindow::MainWindow(const WindowOptions& options, std::unique_ptr<QSettings> settings, QWidget* parent)
    : QMainWindow(parent), m_memory(std::move(settings)), m_controller(m_document, m_jobs) {
    keepFreedMemory();
    setObjectName(QStringLiteral("fovea"));
    setWindowTitle(QStringLiteral("Fovea"));
    setAcceptDrops(true);
    setDockOptions(QMainWindow::AnimatedDocks | QMainWindow::AllowNestedDocks |
                   QMainWindow::AllowTabbedDocks);
    m_actions = makeActions(*this, m_document.undoStack());
    m_menus = makeMenus(*menuBar(), m_actions);
    addMenuCorners();
    // Before anything is laid out: sizes depend on the style.
    applyTheme(options.theme == "light"  ? ThemeChoice::Light
               : options.theme == "dark" ? ThemeChoice::Dark
                                         : m_memory.preferences().theme);
    m_views = makeViews(this);
    m_views.plan->setUndoActions(m_actions.undo, m_actions.redo);
    m_toolbar = new RunToolbar(m_actions, m_menus, this);
    addToolBar(m_toolbar);
    m_status = new StatusLine(this);
    setStatusBar(m_status);
    setContentsMargins(kGap, 0, kGap, 0);
    resize(kDefaultSize);
    m_panels = new DockPanels(*this, m_views);
    fillPanels(*m_menus.panels);
    m_repaintWatch.watch(m_views.headMap);
    m_repaintWatch.watch(m_views.inspector->stagesView());
    new ViewFeed(m_document, m_controller, m_views, m_repaintWatch, this);
    new ShowAsFeed(m_document, m_controller, *m_views.timelines, this);
    new CheckFeed(
        m_document, m_jobs, *m_views.check, [this] { return m_controller.limits().memoryBudget; }, this);
    new SharingFeed(m_document, m_controller, m_views, this);
    new StoredFeed(m_document, m_controller, m_jobs, m_views, this);
    new MeasuredLimit(m_controller, m_jobs, *m_views.timelines, this);
    m_exports = new ExportActions(*this);
    wireFile();
    wireSpans();
    wireCalibration();
    wireMemory();
    wireRun();
    wirePlans();
    wireView();
    wireHelp();
    m_panels->keepAsDefault();
    recallWindow();
    showRunFacts();
    applyPreferences();
    const auto planOf = [](const std::string& text) {
        return text.empty() ? std::nullopt : std::optional(parsePlan(text));
    };
    m_document.start(options.prompt.empty() ? firstPrompt() : options.prompt, planOf(options.planA),
                     planOf(options.planB), m_memory.preferences().sampler);
    if (!options.model.empty())
        m_controller.openModel(QString::fromStdString(options.model.string()),
                               QString::fromStdString(options.tokenizer.string()));
}

MainWindow::~MainWindow() = default;

// The name at the left, the way to every action at the right.
void MainWindow::addMenuCorners() {
    auto* name = new QLabel(QStringLiteral("Fovea"));
    name->setFont(uiFont(13, true));
    name->setContentsMargins(12, 0, 8, 0);
    menuBar()->setCornerWidget(name, Qt::TopLeftCorner);
    auto* search = new QToolButton;
    search->setProperty("search", true);
    search->setText(
        tr("Search actions     %1").arg(m_actions.palette->shortcut().toString(QKeySequence::NativeText)));
    connect(search, &QToolButton::clicked, m_actions.palette, &QAction::trigger);
    auto* corner = new QWidget;
    auto* row = new QHBoxLayout(corner);
    row->setContentsMargins(0, 2, 12, 0);
    row->addWidget(search);
    menuBar()->setCornerWidget(corner, Qt::TopRightCorner);
    m_search = search;
}

void MainWindow::fillPanels(QMenu& menu) {
    menu.addActions(m_panels->toggles());
    menu.addSeparator();
    menu.addActions({m_actions.lockPanels, m_actions.restoreLayout});
}

QMenu* MainWindow::createPopupMenu() {
    auto* menu = new QMenu(this);
    fillPanels(*menu);
    return menu;
}

void MainWindow::setThemeChoice(ThemeChoice choice) {
    Preferences preferences = m_memory.preferences();
    preferences.theme = choice;
    m_memory.setPreferences(preferences);
    applyTheme(choice);
}

void MainWindow::applyTheme(ThemeChoice choice) {
    QAction* const actions[] = {m_actions.systemTheme, m_actions.dark, m_actions.light};
    actions[static_cast<int>(choice)]->setChecked(true);
    setTheme(*qApp, choice == ThemeChoice::System ? systemThemeKind()
                    : choice == ThemeChoice::Dark ? ThemeKind::Dark
                                                  : ThemeKind::Light);
    const Theme& t = theme();
    m_search->setStyleSheet(QStringLiteral("QToolButton { background: %1; color: %2; border: 1px solid %3;"
                                           " border-radius: 4px; padding: 1px 12px; }"
                                           "QToolButton:hover { color: %4; }")
                                .arg(t.field.name(), t.mutedText.name(), t.border.name(), t.text.name()));
}

void MainWindow::applyPreferences() {
    const Preferences& p = m_memory.preferences();
    chooseEngineThreads(p.threads, p.leaveCore);
    m_controller.setLimits({.memoryBudget = memoryBudgetOf(p.memoryShare), .captureBudget = p.captureBudget});
}

// Geometry before layout: panels are laid out in the window they were left in.
void MainWindow::recallWindow() {
    restoreGeometry(m_memory.geometry());
    if (const QByteArray layout = m_memory.layout(); !layout.isEmpty())
        m_panels->restore(layout);
    m_actions.lockPanels->setChecked(m_memory.panelsLocked());
}

void MainWindow::closeEvent(QCloseEvent* event) {
    m_memory.setWindow(saveGeometry(), m_panels->state(), m_actions.lockPanels->isChecked());
    QMainWindow::closeEvent(event);
}

} // namespace fovea
