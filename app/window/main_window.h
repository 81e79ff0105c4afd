#pragma once
// The window: docks around the head map, menus, toolbar and status line. It puts the parts together; what
// they do is the controller's, what they show the feed's.

#include <QMainWindow>

#include <functional>
#include <memory>
#include <string>

#include "app/window/controller.h"
#include "app/window/document.h"
#include "app/window/job_runner.h"
#include "app/window/latency.h"
#include "app/window/open_window.h"
#include "app/window/preferences.h"
#include "app/window/window_actions.h"
#include "app/window/window_views.h"

class QToolButton;

namespace fovea {

class DeviceChoice;
class DockPanels;
class ExportActions;
class ModelMenu;
class RunToolbar;
class ShowAsFeed;
class StatusLine;
class ViewFeed;

class MainWindow : public QMainWindow {
    Q_OBJECT

public:
    // `settings`: where the user's preferences, recent models and layout are kept; null: nowhere. Throws
    // PlanError for a plan in `options` that cannot be read.
    MainWindow(const WindowOptions& options, std::unique_ptr<QSettings> settings, QWidget* parent = nullptr);
    ~MainWindow() override;

    Document& document() { return m_document; }
    Controller& controller() { return m_controller; }
    JobRunner& jobs() { return m_jobs; }
    const WindowViews& views() const { return m_views; }
    const WindowActions& actions() const { return m_actions; }
    RunToolbar& toolbar() { return *m_toolbar; }
    StatusLine& statusLine() { return *m_status; }
    ExportActions& exports() { return *m_exports; }
    BlockWatch& blockWatch() { return m_blockWatch; }
    RepaintWatch& repaintWatch() { return m_repaintWatch; }

    DockPanels& panels() { return *m_panels; }
    WindowMemory& memory() { return m_memory; }

    // As if dropped onto the window: a model, a prompt or a run, by what it is.
    void openPath(const QString& path);
    // Plan B's spans into a plan file.
    void saveSpans(const QString& path);
    // "weights=gptq:bits=3" in plan B's place of it, and run anew where it stood there already. A refusal, or nothing.
    QString usePlanSlot(const QString& slot);

    void setDark(bool dark) { setThemeChoice(dark ? ThemeChoice::Dark : ThemeChoice::Light); }
    void setThemeChoice(ThemeChoice choice);
    QMenu* createPopupMenu() override; // of the panels, by a right click on a header

protected:
    void closeEvent(QCloseEvent* event) override;
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;

private:
    // main_window.cpp: what there is
    void addMenuCorners();
    void fillPanels(QMenu& menu);
    void recallWindow();
    void applyPreferences();             // those that what is to come depends on
    void applyTheme(ThemeChoice choice); // without remembering it
    // window_files.cpp: what comes from outside
    void wireFile();
    void wireSpans(); // window_spans.cpp
    void wireCalibration(); // window_calibration.cpp
    void wireMemory();
    void openPrompt(const QString& path);
    void openRun(const QString& path);
    void openSpans(const QString& path);
    void takePrompt(const QString& title, std::function<std::string()> make);
    void showMemory();
    // window_wiring.cpp: what it does
    void wireRun();
    void wirePlans();
    void wireView();
    void wireHelp();
    void fillPresets();
    void showState();
    void showRunFacts();
    void showSettings();
    void showColours();
    void applyPlanText(Side side, const QString& text);
    void showPlanText(Side side);
    void stepHead(int by);

    WindowMemory m_memory;
    Document m_document;
    JobRunner m_jobs;
    Controller m_controller;
    BlockWatch m_blockWatch;
    RepaintWatch m_repaintWatch;
    WindowActions m_actions;
    WindowMenus m_menus;
    WindowViews m_views;
    RunToolbar* m_toolbar = nullptr;
    QToolButton* m_search = nullptr;
    StatusLine* m_status = nullptr;
    ExportActions* m_exports = nullptr;
    DockPanels* m_panels = nullptr;
    ModelMenu* m_models = nullptr;
    DeviceChoice* m_device = nullptr;
    std::string m_whyLeft; // the GPU, as it was last told
};

} // namespace fovea
