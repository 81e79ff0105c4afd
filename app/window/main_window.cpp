#include "app/window/main_window.h"

#include <QApplication>
#include <QCloseEvent>
#include <QDockWidget>
#include <QDragEnterEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QMenu>
#include <QMenuBar>
#include <QMimeData>
#include <QSettings>
#include <QToolButton>
#include <QUrl>

#include <optional>

#include "app/window/bundled.h"
#include "app/window/export_actions.h"
#include "app/window/kept_memory.h"
#include "app/window/measured_limit.h"
#include "app/window/run_toolbar.h"
#include "app/window/show_as_feed.h"
#include "app/window/status_line.h"
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
constexpr int kTokensHeight = 76; // the header and two whole lines
constexpr int kTimelinesHeight = 284;
constexpr int kGap = 4; // between panels and around them
// Raised when docks come or go: a layout saved by another version is not read.
constexpr int kLayoutVersion = 1;

} // namespace

MainWindow::MainWindow(const WindowOptions& options, bool remembers, QWidget* parent)
    : QMainWindow(parent), m_remembers(remembers), m_controller(m_document, m_jobs) {
    keepFreedMemory();
    setObjectName(QStringLiteral("fovea"));
    setWindowTitle(QStringLiteral("Fovea"));
    setAcceptDrops(true);
    setDockOptions(QMainWindow::AnimatedDocks | QMainWindow::AllowNestedDocks |
                   QMainWindow::AllowTabbedDocks);
    m_actions = makeActions(*this, m_document.undoStack());
    m_menus = makeMenus(*menuBar(), m_actions);
    addMenuCorners();
    m_views = makeViews(this);
    m_views.plan->setUndoActions(m_actions.undo, m_actions.redo);
    m_toolbar = new RunToolbar(m_actions, m_menus, this);
    addToolBar(m_toolbar);
    m_status = new StatusLine(this);
    setStatusBar(m_status);
    makeDocks();
    m_repaintWatch.watch(m_views.headMap);
    m_repaintWatch.watch(m_views.inspector->stagesView());
    new ViewFeed(m_document, m_controller, m_views, m_repaintWatch, this);
    new ShowAsFeed(m_document, m_controller, *m_views.timelines, this);
    new MeasuredLimit(m_controller, m_jobs, *m_views.timelines, this);
    m_exports = new ExportActions(*this);
    wireFile();
    wireRun();
    wirePlans();
    wireView();
    wireHelp();
    resize(kDefaultSize);
    m_defaultState = saveState(kLayoutVersion);
    setDark(theme().kind == ThemeKind::Dark);
    if (m_remembers)
        readSettings();
    showRunFacts();
    const auto planOf = [](const std::string& text) {
        return text.empty() ? std::nullopt : std::optional(parsePlan(text));
    };
    m_document.start(options.prompt.empty() ? firstPrompt() : options.prompt, planOf(options.planA),
                     planOf(options.planB));
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

QDockWidget* MainWindow::addDock(const char* name, const QString& title, QWidget* content,
                                 Qt::DockWidgetArea area) {
    auto* dock = new QDockWidget(title, this);
    dock->setObjectName(QLatin1String(name));
    dock->setWidget(content);
    addDockWidget(area, dock);
    m_docks << dock;
    m_menus.panels->addAction(dock->toggleViewAction());
    return dock;
}

void MainWindow::makeDocks() {
    // Tokens and timelines run the whole width, as text and time do.
    for (const Qt::Corner corner : {Qt::TopLeftCorner, Qt::TopRightCorner})
        setCorner(corner, Qt::TopDockWidgetArea);
    for (const Qt::Corner corner : {Qt::BottomLeftCorner, Qt::BottomRightCorner})
        setCorner(corner, Qt::BottomDockWidgetArea);
    QDockWidget* tokens = addDock("tokensDock", tr("Tokens"), m_views.tokensFrame, Qt::TopDockWidgetArea);
    QDockWidget* plan = addDock("planDock", tr("Plan"), m_views.planFrame, Qt::LeftDockWidgetArea);
    QDockWidget* atlas = addDock("atlasDock", tr("Atlas"), m_views.atlasFrame, Qt::LeftDockWidgetArea);
    splitDockWidget(plan, atlas, Qt::Horizontal);
    QDockWidget* inspector =
        addDock("inspectorDock", tr("Inspector"), m_views.inspectorFrame, Qt::RightDockWidgetArea);
    QDockWidget* timelines =
        addDock("timelinesDock", tr("Timelines"), m_views.timelinesFrame, Qt::BottomDockWidgetArea);
    setCentralWidget(m_views.headMapFrame);
    resizeDocks({plan, atlas, inspector}, {268, 326, 318}, Qt::Horizontal);
    resizeDocks({tokens, timelines}, {kTokensHeight, kTimelinesHeight}, Qt::Vertical);
    setContentsMargins(kGap, 0, kGap, 0);
    setPanelsMovable(false);
}

// A panel's frame already says its title; the dock's own bar comes only while panels are being moved.
void MainWindow::setPanelsMovable(bool movable) {
    for (QDockWidget* dock : m_docks) {
        QWidget* bar = dock->titleBarWidget();
        dock->setTitleBarWidget(movable ? nullptr : new QWidget(dock));
        delete bar;
        dock->setFeatures(movable ? QDockWidget::DockWidgetClosable | QDockWidget::DockWidgetMovable |
                                        QDockWidget::DockWidgetFloatable
                                  : QDockWidget::DockWidgetClosable);
    }
}

void MainWindow::restoreDefaultLayout() {
    restoreState(m_defaultState, kLayoutVersion);
    for (QDockWidget* dock : m_docks)
        dock->show();
}

void MainWindow::setDark(bool dark) {
    (dark ? m_actions.dark : m_actions.light)->setChecked(true);
    setTheme(*qApp, dark ? ThemeKind::Dark : ThemeKind::Light);
    const Theme& t = theme();
    m_search->setStyleSheet(QStringLiteral("QToolButton { background: %1; color: %2; border: 1px solid %3;"
                                           " border-radius: 4px; padding: 1px 12px; }"
                                           "QToolButton:hover { color: %4; }")
                                .arg(t.field.name(), t.mutedText.name(), t.border.name(), t.text.name()));
}

void MainWindow::readSettings() {
    const QSettings settings;
    setDark(settings.value(QStringLiteral("theme"), QStringLiteral("dark")).toString() !=
            QLatin1String("light"));
    restoreGeometry(settings.value(QStringLiteral("geometry")).toByteArray());
    restoreState(settings.value(QStringLiteral("layout")).toByteArray(), kLayoutVersion);
}

void MainWindow::writeSettings() {
    QSettings settings;
    settings.setValue(QStringLiteral("theme"),
                      m_actions.dark->isChecked() ? QStringLiteral("dark") : QStringLiteral("light"));
    settings.setValue(QStringLiteral("geometry"), saveGeometry());
    settings.setValue(QStringLiteral("layout"), saveState(kLayoutVersion));
}

void MainWindow::closeEvent(QCloseEvent* event) {
    if (m_remembers)
        writeSettings();
    QMainWindow::closeEvent(event);
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
    if (event->mimeData()->hasUrls() && event->mimeData()->urls().front().isLocalFile())
        event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event) {
    m_controller.openModel(event->mimeData()->urls().front().toLocalFile());
}

} // namespace fovea
