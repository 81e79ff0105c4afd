#include "app/window/dock_panels.h"

#include <QAction>
#include <QDockWidget>
#include <QLayout>
#include <QMainWindow>

#include <algorithm>

#include "app/window/window_views.h"
#include "views/panel_frame.h"

namespace fovea {

namespace {

constexpr int kTokensHeight = 76; // the header and two whole lines
constexpr int kTimelinesHeight = 284;
constexpr int kPlanWidth = 269, kAtlasWidth = 328, kHeadMapWidth = 747, kInspectorWidth = 318;
constexpr int kSeparator = 4; // between docks, as the style sheet says
// Raised when docks come or go: a layout saved by another version is not read.
constexpr int kLayoutVersion = 3;

} // namespace

DockPanels::DockPanels(QMainWindow& window, const WindowViews& views) : QObject(&window), m_window(window) {
    // Tokens and timelines run the whole width, as text and time do.
    for (const Qt::Corner corner : {Qt::TopLeftCorner, Qt::TopRightCorner})
        window.setCorner(corner, Qt::TopDockWidgetArea);
    for (const Qt::Corner corner : {Qt::BottomLeftCorner, Qt::BottomRightCorner})
        window.setCorner(corner, Qt::BottomDockWidgetArea);
    QDockWidget* tokens = add("tokensDock", tr("Tokens"), views.tokensFrame, Qt::TopDockWidgetArea);
    // The four in the middle share one area: there is no widget in the centre that they would have to stand
    // around.
    QDockWidget* plan = add("planDock", tr("Plan"), views.planFrame, Qt::LeftDockWidgetArea);
    QDockWidget* atlas = add("atlasDock", tr("Atlas"), views.atlasFrame, Qt::LeftDockWidgetArea);
    QDockWidget* headMap = m_headMap =
        add("headMapDock", tr("Head map"), views.headMapFrame, Qt::LeftDockWidgetArea);
    QDockWidget* inspector =
        add("inspectorDock", tr("Inspector"), views.inspectorFrame, Qt::LeftDockWidgetArea);
    QDockWidget* sharing = add("sharingDock", tr("Sharing"), views.sharingFrame, Qt::LeftDockWidgetArea);
    m_onRequest << sharing;
    QDockWidget* timelines =
        add("timelinesDock", tr("Timelines"), views.timelinesFrame, Qt::BottomDockWidgetArea);
    window.splitDockWidget(plan, atlas, Qt::Horizontal);
    window.splitDockWidget(atlas, headMap, Qt::Horizontal);
    window.splitDockWidget(headMap, inspector, Qt::Horizontal);
    window.resizeDocks({plan, atlas, headMap, inspector},
                       {kPlanWidth, kAtlasWidth, kHeadMapWidth, kInspectorWidth}, Qt::Horizontal);
    window.tabifyDockWidget(atlas, sharing);
    sharing->hide();
    window.layout()->activate(); // only now is it known what menus and bars leave
    const int middle =
        tokens->height() + plan->height() + timelines->height() - kTokensHeight - kTimelinesHeight;
    window.resizeDocks({tokens, plan, timelines}, {kTokensHeight, middle, kTimelinesHeight}, Qt::Vertical);
    addCheck(views.checkFrame, inspector);
    setLocked(false);
}

// It shares the inspector's place, so that no layout has to make room for what is seldom looked at.
void DockPanels::addCheck(PanelFrame* panel, QDockWidget* behind) {
    m_check = new QDockWidget(tr("Check"), &m_window);
    m_check->setObjectName(QStringLiteral("checkDock"));
    m_check->setTitleBarWidget(panel->takeHeader());
    m_check->setWidget(panel);
    m_window.addDockWidget(Qt::LeftDockWidgetArea, m_check);
    m_window.tabifyDockWidget(behind, m_check);
    m_check->hide();
    QAction* toggle = m_check->toggleViewAction();
    toggle->setObjectName(QStringLiteral("checkDockToggle"));
    toggle->setText(tr("Check panel"));
    toggle->setShortcut(QKeySequence(Qt::CTRL | static_cast<Qt::Key>(Qt::Key_1 + m_docks.size())));
    m_window.addAction(toggle);
    connect(toggle, &QAction::triggered, this, [this](bool shown) {
        if (shown)
            showCheck();
    });
}

void DockPanels::showCheck() {
    m_check->show();
    m_check->raise();
}

QDockWidget* DockPanels::add(const char* name, const QString& title, PanelFrame* panel,
                             Qt::DockWidgetArea area) {
    auto* dock = new QDockWidget(title, &m_window);
    dock->setObjectName(QLatin1String(name));
    dock->setTitleBarWidget(panel->takeHeader());
    dock->setWidget(panel);
    m_window.addDockWidget(area, dock);
    m_docks << dock;
    QAction* toggle = dock->toggleViewAction();
    toggle->setObjectName(QLatin1String(name) + QStringLiteral("Toggle"));
    toggle->setText(tr("%1 panel").arg(title));
    toggle->setShortcut(QKeySequence(Qt::CTRL | static_cast<Qt::Key>(Qt::Key_0 + m_docks.size())));
    m_window.addAction(toggle);
    disconnect(toggle, nullptr, dock, nullptr); // it follows the dock, but what it does is ours
    connect(toggle, &QAction::triggered, this, [this, dock](bool shown) { setShown(dock, shown); });
    return dock;
}

QList<QAction*> DockPanels::toggles() const {
    QList<QAction*> toggles;
    for (const QDockWidget* dock : m_docks)
        toggles << dock->toggleViewAction();
    return toggles;
}

// What a panel leaves or needs is the head map's; the others keep their size, which Qt would deal out anew.
void DockPanels::setShown(QDockWidget* changed, bool shown) {
    struct Sizes {
        QList<QDockWidget*> docks;
        QList<int> sizes;
    };
    if (m_onRequest.contains(changed) && !changed->isFloating()) { // it takes no room of its own
        changed->setVisible(shown);
        changed->raise();
        return;
    }
    const auto sizesAlong = [&](Qt::Orientation along) {
        const auto extent = [along](const QDockWidget* dock) {
            return along == Qt::Horizontal ? dock->width() : dock->height();
        };
        const auto runsAlong = [&](const QDockWidget* dock) {
            const bool wholeWidth = dock == m_docks.front() || dock == m_docks.back();
            return wholeWidth == (along == Qt::Vertical);
        };
        Sizes all;
        for (QDockWidget* dock : m_docks) {
            const bool stays = dock != changed ? dock->isVisible() : shown;
            if (!stays || dock->isFloating() || m_onRequest.contains(dock) || !(runsAlong(dock) || dock == m_headMap))
                continue;
            int size = extent(dock);
            if (dock == m_headMap && changed != m_headMap && runsAlong(changed))
                size += (shown ? -1 : 1) * (extent(changed) + kSeparator);
            all.docks << dock;
            all.sizes << std::max(size, 1);
        }
        return all;
    };
    const Sizes widths = sizesAlong(Qt::Horizontal), heights = sizesAlong(Qt::Vertical);
    changed->setVisible(shown);
    if (changed->isFloating())
        return;
    m_window.layout()->activate();
    m_window.resizeDocks(widths.docks, widths.sizes, Qt::Horizontal);
    m_window.resizeDocks(heights.docks, heights.sizes, Qt::Vertical);
}

void DockPanels::setLocked(bool locked) {
    for (QDockWidget* dock : m_docks + QList{m_check})
        dock->setFeatures(locked ? QDockWidget::DockWidgetClosable
                                 : QDockWidget::DockWidgetClosable | QDockWidget::DockWidgetMovable |
                                       QDockWidget::DockWidgetFloatable);
}

QByteArray DockPanels::state() const {
    return m_window.saveState(kLayoutVersion);
}

bool DockPanels::restore(const QByteArray& state) {
    if (m_window.restoreState(state, kLayoutVersion))
        return true;
    restoreDefault();
    return false;
}

void DockPanels::keepAsDefault() {
    m_default = state();
}

void DockPanels::restoreDefault() {
    for (QDockWidget* dock : m_docks + QList{m_check})
        dock->setFloating(false);
    m_window.restoreState(m_default, kLayoutVersion);
    for (QDockWidget* dock : m_docks)
        dock->setVisible(!m_onRequest.contains(dock));
}

void DockPanels::bringUp(const char* name) {
    for (QDockWidget* dock : m_docks)
        if (dock->objectName() == QLatin1String(name)) {
            if (!dock->isVisible())
                setShown(dock, true);
            dock->raise();
        }
}

} // namespace fovea
