#include "app/window/window_actions.h"

#include <QAction>
#include <QActionGroup>
#include <QApplication>
#include <QMainWindow>
#include <QMenu>
#include <QUndoStack>

#include <tuple>

#include "views/maps/colour_map.h"
#include "views/maps/head_map_data.h"

namespace fovea {

namespace {

class Maker {
public:
    explicit Maker(QMainWindow& window) : m_window(window) {}

    QAction* operator()(const char* name, const QString& text, const QKeySequence& keys = {},
                        const QString& tip = {}) {
        auto* action = new QAction(text, &m_window);
        action->setObjectName(QLatin1String(name));
        if (!keys.isEmpty())
            action->setShortcut(keys);
        if (!tip.isEmpty())
            action->setToolTip(
                keys.isEmpty() ? tip
                               : QStringLiteral("%1 (%2)").arg(tip, keys.toString(QKeySequence::NativeText)));
        m_window.addAction(action);
        return action;
    }

    QAction* checkable(const char* name, const QString& text, bool on, const QKeySequence& keys = {}) {
        QAction* action = (*this)(name, text, keys);
        action->setCheckable(true);
        action->setChecked(on);
        return action;
    }

private:
    QMainWindow& m_window;
};

QString tr(const char* text) {
    return QCoreApplication::translate("fovea::WindowActions", text);
}

void makeFileAndRun(WindowActions& a, Maker& make, QMainWindow& window) {
    a.openModel =
        make("openModel", tr("Open model folder…"), QKeySequence::Open, tr("A Hugging Face folder"));
    a.openFile = make("openFile", tr("Open model file…"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_O),
                      tr("A GGUF file or a llama2.c .bin file"));
    a.forgetRecent = make("forgetRecent", tr("Forget recent models"));
    a.editPrompt = make("editPrompt", tr("Edit prompt…"), QKeySequence(Qt::CTRL | Qt::Key_E));
    a.openPrompt = make("openPrompt", tr("Open prompt from file…"), QKeySequence(Qt::CTRL | Qt::Key_T),
                        tr("A text; what is too long for the model is cut"));
    a.pastePrompt = make("pastePrompt", tr("Paste as prompt"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_V));
    a.settings = make("settings", tr("Settings…"), QKeySequence(Qt::CTRL | Qt::Key_Comma));
    a.openRun = make("openRun", tr("Open run…"), QKeySequence(Qt::CTRL | Qt::Key_R), tr("Runs that were saved"));
    a.saveRun = make("saveRun", tr("Save run…"), QKeySequence::Save, tr("Both runs with their numbers, as JSON"));
    a.copyAsCommand =
        make("copyAsCommand", tr("Copy as command"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_C),
             tr("The command line that makes these runs"));
    a.quit = make("quit", tr("Quit"), QKeySequence::Quit);
    a.run =
        make("run", tr("Run"), QKeySequence(Qt::Key_F5), tr("Generate with A, then feed B the same tokens"));
    a.step = make("step", tr("Step"), QKeySequence(Qt::Key_F10), tr("One more token"));
    a.stop =
        make("stop", tr("Stop"), QKeySequence(Qt::SHIFT | Qt::Key_F5), tr("End here and keep what there is"));
    a.runSettings =
        make("runSettings", tr("Run settings…"), {}, tr("How many tokens, and how they are chosen"));
    a.devices = new QActionGroup(&window);
    a.cpu = make.checkable("cpu", tr("CPU"), true);
    a.gpu = make.checkable("gpu", tr("GPU: being looked for"), false);
    for (QAction* device : {a.cpu, a.gpu})
        a.devices->addAction(device);
    a.check = make("check", tr("Check backends"), {},
                   tr("Run plan B on two backends and see where they differ most"));
    a.sweep = make("sweep", tr("Sweep plans…"), {},
                   tr("Judge many plans by a task: quality against bytes, as a table and a picture"));
    a.study =
        make("study", tr("Study quantisation…"), {},
             tr("What rounding weights, activations and the cache costs this model, and what is advised"));
    a.train = make("train", tr("Train a model…"), {},
                   tr("Make a small model out of text, and see its losses; or follow a training"));
    a.calibrate = make("calibrate", tr("Calibrate…"), {},
                       tr("Learn from a text how to round this model's weights, or its keys and values"));
}

void makeView(WindowActions& a, Maker& make, QMainWindow& window) {
    auto* themes = new QActionGroup(&window);
    a.systemTheme = make.checkable("systemTheme", tr("As the system"), false);
    a.dark = make.checkable("dark", tr("Dark"), true);
    a.light = make.checkable("light", tr("Light"), false);
    themes->addAction(a.systemTheme);
    themes->addAction(a.dark);
    themes->addAction(a.light);
    a.overlay =
        make.checkable("overlay", tr("Show B's selection on the head map"), true, QKeySequence(Qt::Key_O));
    a.fitMap = make("fitMap", tr("Head map: whole map"));
    a.fitPlanned = make("fitPlanned", tr("Head map: rows that B read"));
    a.goTo = make("goTo", tr("Go to query…"), QKeySequence(Qt::CTRL | Qt::Key_G));
    a.previousHead = make("previousHead", tr("Previous head"), QKeySequence(Qt::Key_BracketLeft));
    a.nextHead = make("nextHead", tr("Next head"), QKeySequence(Qt::Key_BracketRight));
    a.newestQuery = make("newestQuery", tr("Newest query"));
    a.lockPanels = make.checkable("lockPanels", tr("Lock panels"), false);
    a.restoreLayout = make("restoreLayout", tr("Restore layout"));
    a.scales = new QActionGroup(&window);
    for (const ColourScale scale : {ColourScale::Log10, ColourScale::Linear, ColourScale::Sqrt,
                                    ColourScale::RowMax, ColourScale::TimesUniform}) {
        QAction* action =
            make.checkable("", tr("Colour scale: %1").arg(name(scale)), scale == ColourScale::Log10);
        action->setData(static_cast<int>(scale));
        a.scales->addAction(action);
    }
    a.mapModes = new QActionGroup(&window);
    const std::tuple<MapMode, QString, QString, Qt::Key> modes[] = {
        {MapMode::A, tr("Head map: A"), tr("The weights that A uses, and what B reads of them"), Qt::Key_1},
        {MapMode::B, tr("Head map: B"), tr("The weights that B uses"), Qt::Key_2},
        {MapMode::Difference, tr("Head map: A − B"), tr("The weights that A uses less those that B uses"), Qt::Key_3}};
    for (const auto& [mode, text, tip, key] : modes) {
        QAction* action = make.checkable("", text, mode == MapMode::A, QKeySequence(Qt::ALT | key));
        action->setToolTip(QStringLiteral("%1 (%2)").arg(tip, action->shortcut().toString(QKeySequence::NativeText)));
        action->setIconText(text.section(QStringLiteral(": "), 1));
        action->setData(static_cast<int>(mode));
        a.mapModes->addAction(action);
    }
    a.colours = new QActionGroup(&window);
    const std::pair<ColourMap, QString> maps[] = {{ColourMap::Viridis, tr("viridis")},
                                                  {ColourMap::Cividis, tr("cividis (colour-vision safe)")}};
    for (const auto& [map, text] : maps) {
        QAction* action = make.checkable("", tr("Colour map: %1").arg(text), map == ColourMap::Viridis);
        action->setData(static_cast<int>(map));
        a.colours->addAction(action);
    }
}

void makeExports(WindowActions& a, Maker& make) {
    a.saveWindow =
        make("saveWindow", tr("Save window as picture…"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_S));
    a.copyWindow = make("copyWindow", tr("Copy window as picture"));
    a.saveTrace = make("saveTrace", tr("Save trace for Perfetto…"));
    a.saveCompare = make("saveCompare", tr("Save comparison as CSV…"));
    const std::pair<const char*, QString> pictures[] = {
        {"head_map", tr("Save head map as picture…")},   {"atlas", tr("Save atlas as picture…")},
        {"inspector", tr("Save inspector as picture…")}, {"timelines", tr("Save timelines as picture…")},
        {"token_strip", tr("Save tokens as picture…")},  {"plan_panel", tr("Save plan panel as picture…")},
        {"cache_slots", tr("Save cache slots as picture…")},
        {"sharing", tr("Save sharing diagram as picture…")},
        {"span_map", tr("Save span map as picture…")},
        {"quantisation", tr("Save quantisation as picture…")}};
    for (const auto& [view, text] : pictures) {
        a.savePictures << make("", text);
        a.savePictures.back()->setData(QString::fromLatin1(view));
    }
    const std::pair<const char*, QString> tables[] = {
        {"head_map", tr("Save head map as CSV…")},      {"atlas", tr("Save atlas as CSV…")},
        {"inspector", tr("Save inspector as CSV…")},    {"timelines", tr("Save timelines as CSV…")},
        {"token_strip", tr("Save tokens as CSV…")},     {"summary", tr("Save A against B as CSV…")},
        {"cache_slots", tr("Save cache slots as CSV…")}, {"sharing", tr("Save sharing diagram as CSV…")},
        {"span_map", tr("Save span map as CSV…")},       {"quantisation", tr("Save quantisation as CSV…")}};
    for (const auto& [view, text] : tables) {
        a.saveTables << make("", text);
        a.saveTables.back()->setData(QString::fromLatin1(view));
    }
}

} // namespace

WindowActions makeActions(QMainWindow& window, QUndoStack& undoStack) {
    WindowActions a;
    Maker make(window);
    makeFileAndRun(a, make, window);
    a.undo = undoStack.createUndoAction(&window, tr("Undo"));
    a.redo = undoStack.createRedoAction(&window, tr("Redo"));
    a.undo->setShortcut(QKeySequence::Undo);
    a.redo->setShortcuts(
        {QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_Z), QKeySequence(Qt::CTRL | Qt::Key_Y)});
    window.addAction(a.undo);
    window.addAction(a.redo);
    a.editPlan = make("editPlan", tr("Type plan B"), QKeySequence(Qt::CTRL | Qt::Key_L));
    makeView(a, make, window);
    makeExports(a, make);
    a.palette = make("palette", tr("Search actions"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_P));
    a.keys = make("keys", tr("Keys"), QKeySequence(Qt::Key_Question));
    a.about = make("about", tr("About Fovea"));
    return a;
}

QList<QAction*> listedActions(const QMainWindow& window) {
    QList<QAction*> listed;
    for (QAction* action : window.findChildren<QAction*>()) {
        if (action->isSeparator() || action->menu() || action->text().isEmpty() || listed.contains(action))
            continue;
        listed << action;
    }
    return listed;
}

} // namespace fovea
