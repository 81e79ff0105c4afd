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
constexpr int kLayoutVersion = 4;

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
    QDockWidget* timelines =
        add("timelinesDock", tr("Timelines"), views.timelinesFrame, Qt::BottomDockWidgetArea);
    window.splitDockWidget(plan, atlas, Qt::Horizontal);
    window.splitDockWidget(atlas, headMap, Qt::Horizontal);
    window.splitDockWidget(headMap, inspector, Qt::Horizontal);
    window.resizeDocks({plan, atlas, headMap, inspector},
                       {kPlanWidth, kAtlasWidth, kHeadMapWidth, kInspectorWidth}, Qt::Horizontal);
    addBehind(atlas, "sharingDock", tr("Sharing"), views.sharingFrame);
    addBehind(atlas, "spansDock", tr("Span map"), views.spansFrame);
    addBehind(inspector, "checkDock", tr("Check"), views.checkFrame);
    addBehind(headMap, "storedDock", tr("Quantisation"), views.storedFrame);
    window.layout()->activate(); // only now is it known what menus and bars leave
    const int middle =
        tokens->height() + plan->height() + timelines->height() - kTokensHeight - kTimelinesHeight;
    window.resizeDocks({tokens, plan, timelines}, {kTokensHeight, middle, kTimelinesHeight}, Qt::Vertical);
    setLocked(false);
}

QDockWidget* DockPanels::make(const char* name, const QString& title, PanelFrame* panel,
                              Qt::DockWidgetArea area) {
    auto* dock = new QDockWidget(title, &m_window);
    dock->setObjectName(QLatin1String(name));
    dock->setTitleBarWidget(panel->takeHeader());
    dock->setWidget(panel);
    m_window.addDockWidget(area, dock);
    QAction* toggle = dock->toggleViewAction();
    toggle->setObjectName(dock->objectName() + QStringLiteral("Toggle"));
    toggle->setText(tr("%1 panel").arg(title));
    // As digits lie on a keyboard: the tenth is 0.
    const int digit = static_cast<int>(m_docks.size() + m_onRequest.size() + 1) % 10;
    toggle->setShortcut(QKeySequence(Qt::CTRL | static_cast<Qt::Key>(Qt::Key_0 + digit)));
    m_window.addAction(toggle);
    disconnect(toggle, nullptr, dock, nullptr); // it follows the dock, but what it does is ours
    connect(toggle, &QAction::triggered, this, [this, dock](bool shown) { setShown(dock, shown); });
    return dock;
}

QDockWidget* DockPanels::add(const char* name, const QString& title, PanelFrame* panel, Qt::DockWidgetArea area) {
    m_docks << make(name, title, panel, area);
    return m_docks.back();
}

// It shares a place, so that no layout has to make room for what is seldom looked at.
void DockPanels::addBehind(QDockWidget* other, const char* name, const QString& title, PanelFrame* panel) {
    QDockWidget* dock = make(name, title, panel, Qt::LeftDockWidgetArea);
    m_onRequest << dock;
    m_window.tabifyDockWidget(other, dock);
    dock->hide();
}

QList<QAction*> DockPanels::toggles() const {
    QList<QAction*> toggles;
    for (const QDockWidget* dock : m_docks + m_onRequest)
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
        if (shown)
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
            if (!stays || dock->isFloating() || !(runsAlong(dock) || dock == m_headMap))
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
    for (QDockWidget* dock : m_docks + m_onRequest)
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
    for (QDockWidget* dock : m_docks + m_onRequest)
        dock->setFloating(false);
    m_window.restoreState(m_default, kLayoutVersion);
    for (QDockWidget* dock : m_docks)
        dock->show();
    for (QDockWidget* dock : m_onRequest)
        dock->hide();
}

QDockWidget* DockPanels::dock(const char* name) const {
    return m_window.findChild<QDockWidget*>(QLatin1String(name));
}

void DockPanels::bringUp(const char* name) {
    QDockWidget* const wanted = dock(name);
    if (!wanted->isVisible())
        setShown(wanted, true);
    wanted->raise();
}

} // namespace fovea
