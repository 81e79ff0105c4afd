#include "app/window/dock_panels.h"

#include <QAction>
#include <QDockWidget>
#include <QEvent>
#include <QLayout>
#include <QMainWindow>

#include <algorithm>
#include <utility>

#include "app/window/window_views.h"
#include "views/panel_frame.h"

namespace fovea {

namespace {

constexpr int kTokensHeight = 76; // the header and two whole lines
constexpr int kTimelinesHeight = 284;
constexpr int kPlanWidth = 269, kAtlasWidth = 328, kHeadMapWidth = 747, kInspectorWidth = 318;
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
    for (QDockWidget* dock : m_docks)
        dock->installEventFilter(this);
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

QDockWidget* DockPanels::add(const char* name, const QString& title, PanelFrame* panel,
                             Qt::DockWidgetArea area) {
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

QHash<QDockWidget*, QSize> DockPanels::sizes() const {
    QHash<QDockWidget*, QSize> sizes;
    for (QDockWidget* dock : m_docks)
        sizes.insert(dock, dock->size());
    return sizes;
}

// Qt deals out anew what there is when panels come and go or the window grows. They keep `sizes`, and what is left is the
// head map's.
void DockPanels::keep(const QHash<QDockWidget*, QSize>& sizes) {
    m_window.layout()->activate();
    for (const Qt::Orientation along : {Qt::Horizontal, Qt::Vertical}) {
        const auto extent = [along](const QSize& size) {
            return along == Qt::Horizontal ? size.width() : size.height();
        };
        QList<QDockWidget*> docks;
        QList<int> extents;
        int left = 0;
        for (QDockWidget* dock : m_docks) {
            const bool wholeWidth = dock == m_docks.front() || dock == m_docks.back();
            if (!dock->isVisible() || dock->isFloating() ||
                (wholeWidth != (along == Qt::Vertical) && dock != m_headMap))
                continue;
            left += extent(dock->size()) - (dock != m_headMap ? extent(sizes[dock]) : 0);
            docks << dock;
            extents << extent(sizes[dock]);
        }
        if (const auto map = docks.indexOf(m_headMap); map >= 0)
            extents[map] = std::max(left, 1);
        m_window.resizeDocks(docks, extents, along);
    }
}

void DockPanels::setShown(QDockWidget* changed, bool shown) {
    const bool takesRoom = !m_onRequest.contains(changed) && !changed->isFloating();
    const auto before = sizes();
    changed->setVisible(shown);
    if (takesRoom)
        keep(before);
    else if (shown && !changed->isFloating())
        changed->raise();
}

// A window's layout is done before anybody hears of the window's new size, so sizes are known from before: those that the
// docks were given while the window had the size that it has been settled at.
bool DockPanels::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::Resize && m_window.size() == m_settledAt)
        m_settled = sizes();
    else if (event->type() == QEvent::Resize)
        settleLater();
    return QObject::eventFilter(watched, event);
}

void DockPanels::settleLater() {
    if (std::exchange(m_settling, true))
        return;
    const auto settle = [this] {
        m_settling = false;
        if (!m_window.isVisible())
            return;
        if (m_settledAt.isValid() && isAsLaidOut())
            keep(m_settled);
        m_settledAt = m_window.size();
        m_settled = sizes();
    };
    QMetaObject::invokeMethod(this, settle, Qt::QueuedConnection);
}

// A whole layout has been restored.
void DockPanels::settleAnew() {
    m_settledAt = {};
    settleLater();
}

// Has no panel been taken elsewhere, or behind or below another? Of another layout Qt knows best.
bool DockPanels::isAsLaidOut() const {
    return std::all_of(m_docks.begin(), m_docks.end(), [&](QDockWidget* dock) {
        const bool first = dock == m_docks.front(), last = dock == m_docks.back();
        const auto home = first  ? Qt::TopDockWidgetArea
                          : last ? Qt::BottomDockWidgetArea
                                 : Qt::LeftDockWidgetArea;
        const auto tabs = m_window.tabifiedDockWidgets(dock);
        return !dock->isFloating() && m_window.dockWidgetArea(dock) == home &&
               std::none_of(tabs.begin(), tabs.end(),
                            [&](QDockWidget* tab) { return m_docks.contains(tab); }) &&
               (first || last || !dock->isVisible() || !m_headMap->isVisible() ||
                dock->y() == m_headMap->y());
    });
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
    if (m_window.restoreState(state, kLayoutVersion)) {
        settleAnew();
        return true;
    }
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
    settleAnew();
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
