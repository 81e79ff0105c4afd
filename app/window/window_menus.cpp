#include <QAction>
#include <QActionGroup>
#include <QCoreApplication>
#include <QMenu>
#include <QMenuBar>

#include "app/window/window_actions.h"

namespace fovea {

namespace {

QString tr(const char* text) {
    return QCoreApplication::translate("fovea::WindowMenus", text);
}

void addExports(QMenu& menu, const WindowActions& a) {
    menu.addAction(a.saveWindow);
    menu.addAction(a.copyWindow);
    QMenu* pictures = menu.addMenu(tr("Pictures"));
    pictures->addActions(a.savePictures);
    QMenu* tables = menu.addMenu(tr("Tables"));
    tables->addActions(a.saveTables);
    menu.addSeparator();
    menu.addAction(a.saveCompare);
    menu.addAction(a.saveTrace);
    menu.addAction(a.copyAsCommand);
}

void addView(QMenu& menu, const WindowActions& a, WindowMenus& menus) {
    QMenu* themes = menu.addMenu(tr("Theme"));
    themes->addActions({a.systemTheme, a.dark, a.light});
    menu.addSeparator();
    menus.colour = menu.addMenu(tr("Colour"));
    menus.colour->addActions(a.scales->actions());
    menus.colour->addSeparator();
    menus.colour->addActions(a.colours->actions());
    menu.addSeparator();
    menu.addActions(a.mapModes->actions());
    menu.addAction(a.overlay);
    menu.addSeparator();
    menu.addAction(a.fitMap);
    menu.addAction(a.fitPlanned);
    menu.addAction(a.goTo);
    menu.addAction(a.previousHead);
    menu.addAction(a.nextHead);
    menu.addAction(a.newestQuery);
    menu.addSeparator();
    menus.panels = menu.addMenu(tr("Panels"));
    menu.addAction(a.lockPanels);
    menu.addAction(a.restoreLayout);
}

} // namespace

WindowMenus makeMenus(QMenuBar& bar, const WindowActions& a) {
    WindowMenus menus;
    QMenu* file = bar.addMenu(tr("&File"));
    menus.models = file->addMenu(tr("Models"));
    file->addAction(a.openModel);
    file->addAction(a.openFile);
    file->addSeparator();
    file->addActions({a.editPrompt, a.openPrompt, a.pastePrompt});
    file->addSeparator();
    file->addActions({a.openRun, a.saveRun});
    menus.exports = file->addMenu(tr("Export"));
    addExports(*menus.exports, a);
    file->addAction(a.copyAsCommand);
    file->addSeparator();
    file->addAction(a.settings);
    file->addAction(a.quit);

    QMenu* run = bar.addMenu(tr("&Run"));
    run->addActions({a.run, a.step, a.stop});
    run->addSeparator();
    run->addAction(a.runSettings);
    QMenu* device = run->addMenu(tr("Device"));
    device->setToolTipsVisible(true); // why there is no GPU
    device->addActions(a.devices->actions());

    QMenu* plan = bar.addMenu(tr("&Plan"));
    plan->addActions({a.undo, a.redo});
    plan->addSeparator();
    plan->addAction(a.editPlan);
    menus.presets = plan->addMenu(tr("Presets for B"));

    addView(*bar.addMenu(tr("&View")), a, menus);

    bar.addMenu(tr("&Tools"))->addActions({a.check, a.sweep, a.study, a.train, a.calibrate});

    QMenu* help = bar.addMenu(tr("&Help"));
    help->addActions({a.palette, a.keys});
    help->addSeparator();
    help->addAction(a.about);
    return menus;
}

} // namespace fovea
