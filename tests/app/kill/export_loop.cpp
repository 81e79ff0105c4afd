// The real window on a tiny model, offscreen: it runs once and then exports everything it can, over and over,
// until it is killed. Arguments: a folder for the model, a folder for the exports.
#include <QApplication>

#include <cstdio>

#include "app/window/export_actions.h"
#include "app/window/exports.h"
#include "tests/app/window/window_fixture.h"
#include "views/theme.h"

namespace {

void exportEverything(fovea::MainWindow& window, const QString& folder) {
    fovea::ExportActions& exports = window.exports();
    const auto save = [&](const QString& name, const auto& start) {
        bool saved = false;
        const auto connection =
            QObject::connect(&exports, &fovea::ExportActions::saved, &window, [&] { saved = true; });
        start(folder + QLatin1Char('/') + name);
        fovea::test::waitUntil([&] { return saved; });
        QObject::disconnect(connection);
    };
    for (const QString& view : fovea::pictureNames())
        save(view + QStringLiteral(".png"), [&](const QString& path) { exports.savePicture(view, path); });
    for (const char* view : {"head_map", "atlas", "timelines", "token_strip", "summary"})
        save(QLatin1String(view) + QStringLiteral(".csv"),
             [&](const QString& path) { exports.saveTable(QLatin1String(view), path); });
    save(QStringLiteral("window.png"), [&](const QString& path) { exports.saveWindow(path); });
    save(QStringLiteral("trace.json"), [&](const QString& path) { exports.saveTrace(path); });
    save(QStringLiteral("compare.csv"), [&](const QString& path) { exports.saveCompare(path); });
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2)
        return 2;
    qputenv("QT_QPA_PLATFORM", "offscreen");
    int count = 1;
    QApplication application(count, argv);
    fovea::setTheme(application, fovea::ThemeKind::Dark);
    fovea::test::WindowFixture fixture;
    fixture.window->resize(900, 600);
    if (!fixture.run(8))
        return 1;
    for (;;)
        exportEverything(*fixture.window, QString::fromLocal8Bit(argv[1]));
}
