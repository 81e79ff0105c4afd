#pragma once
// The window's panels as docks. A panel's own header is its dock's title bar: one drags a panel by it, a
// double click floats it and a right click lists all panels, so that no second row of titles is needed.

#include <QByteArray>
#include <QHash>
#include <QList>
#include <QObject>
#include <QSize>

class QAction;
class QDockWidget;
class QMainWindow;

namespace fovea {

class PanelFrame;
struct WindowViews;

class DockPanels : public QObject {
    Q_OBJECT

public:
    // Lays the panels out as a new user finds them; the window has its size.
    DockPanels(QMainWindow& window, const WindowViews& views);

    // Those that a new user finds.
    const QList<QDockWidget*>& docks() const { return m_docks; }
    // Any of them, and of those behind another one, which are hidden until they are asked for: "sharingDock",
    // "spansDock", "storedDock", "checkDock".
    QDockWidget* dock(const char* name) const;
    // One per panel, in the order of the docks, then of those on request: shows or hides it. Ctrl+1, Ctrl+2, …
    QList<QAction*> toggles() const;

    void setLocked(bool locked);
    QByteArray state() const;
    // Takes back what state() gave. False, and the default layout, where `state` is not such a thing.
    bool restore(const QByteArray& state);
    // As a new user finds them, all shown but those that are shown on request.
    void restoreDefault();
    // Shows a panel, in front where it shares a place.
    void bringUp(const char* name);
    // The layout of this moment is the default; called once, when the window has its default size.
    void keepAsDefault();

private:
    QDockWidget* add(const char* name, const QString& title, PanelFrame* panel, Qt::DockWidgetArea area);
    QDockWidget* make(const char* name, const QString& title, PanelFrame* panel, Qt::DockWidgetArea area);
    void addBehind(QDockWidget* other, const char* name, const QString& title, PanelFrame* panel);
    void setShown(QDockWidget* changed, bool shown);
    QHash<QDockWidget*, QSize> sizes() const;
    void keep(const QHash<QDockWidget*, QSize>& sizes);
    bool isAsLaidOut() const;
    void settleLater();
    void settleAnew();
    bool eventFilter(QObject* watched, QEvent* event) override;

    QMainWindow& m_window;
    QList<QDockWidget*> m_docks; // the first and the last run the whole width
    QList<QDockWidget*> m_onRequest; // behind another one, hidden at first
    QDockWidget* m_headMap = nullptr;
    QByteArray m_default;
    QSize m_settledAt; // the window's; invalid: not settled yet
    QHash<QDockWidget*, QSize> m_settled;
    bool m_settling = false; // is about to
};

} // namespace fovea
