#pragma once
// Every action of the window, made once: menus, toolbar, palette and shortcuts share them.

#include <QList>

class QAction;
class QActionGroup;
class QMainWindow;
class QMenuBar;
class QObject;
class QUndoStack;
class QMenu;

namespace fovea {

struct WindowActions {
    // File
    QAction* openModel = nullptr;
    QAction* openFile = nullptr; // a model of one file rather than a folder
    QAction* forgetRecent = nullptr;
    QAction* editPrompt = nullptr;
    QAction* openPrompt = nullptr;
    QAction* pastePrompt = nullptr;
    QAction* settings = nullptr;
    QAction* openRun = nullptr;
    QAction* saveRun = nullptr;
    QAction* copyAsCommand = nullptr;
    QAction* quit = nullptr;
    // Run
    QAction* run = nullptr;
    QAction* step = nullptr;
    QAction* stop = nullptr;
    QAction* runSettings = nullptr;
    QActionGroup* devices = nullptr; // cpu, gpu
    QAction* cpu = nullptr;
    QAction* gpu = nullptr;
    // Tools
    QAction* check = nullptr;
    QAction* sweep = nullptr;
    QAction* study = nullptr;
    QAction* train = nullptr;
    QAction* calibrate = nullptr;
    // Plan
    QAction* undo = nullptr;
    QAction* redo = nullptr;
    QAction* editPlan = nullptr; // moves the cursor into chip B
    // View
    QAction* systemTheme = nullptr;
    QAction* dark = nullptr;
    QAction* light = nullptr;
    QAction* overlay = nullptr;
    QAction* fitMap = nullptr;
    QAction* fitPlanned = nullptr;
    QAction* goTo = nullptr;
    QAction* previousHead = nullptr;
    QAction* nextHead = nullptr;
    QAction* newestQuery = nullptr;
    QAction* lockPanels = nullptr;
    QAction* restoreLayout = nullptr;
    QActionGroup* scales = nullptr;  // data(): ColourScale
    QActionGroup* colours = nullptr; // data(): ColourMap
    QActionGroup* mapModes = nullptr; // data(): MapMode
    // Export
    QAction* saveWindow = nullptr;
    QAction* copyWindow = nullptr;
    QAction* saveTrace = nullptr;
    QAction* saveCompare = nullptr;
    QList<QAction*> savePictures; // data(): the view's name
    QList<QAction*> saveTables;
    // Help
    QAction* palette = nullptr;
    QAction* keys = nullptr;
    QAction* about = nullptr;
};

// Actions belong to `window` and are added to it, so that their shortcuts work wherever the focus is.
WindowActions makeActions(QMainWindow& window, QUndoStack& undoStack);

// The File, Run, Plan, View and Help menus. `models` and `docks` and `presets` are filled by others.
struct WindowMenus {
    QMenu* models = nullptr;
    QMenu* presets = nullptr;
    QMenu* panels = nullptr;
    QMenu* colour = nullptr;  // scales and colour maps, also in the toolbar
    QMenu* exports = nullptr; // also in the toolbar
};
WindowMenus makeMenus(QMenuBar& bar, const WindowActions& actions);

// All actions below `window` that have a name and can be triggered, for the palette.
QList<QAction*> listedActions(const QMainWindow& window);

} // namespace fovea
