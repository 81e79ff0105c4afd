// The cases with a QApplication of the window's own look, on the offscreen platform.
#include <QApplication>

#include "tests/support/catch/runner.h"
#include "views/theme.h"

int main(int argc, char** argv) {
    if (qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM"))
        qputenv("QT_QPA_PLATFORM", "offscreen");
    // Qt takes its own options out of a copy; Catch2 reads the originals.
    int qtArgc = 1;
    QApplication application(qtArgc, argv);
    fovea::setTheme(application, fovea::ThemeKind::Dark);
    return fovea::test::runCases(argc, argv);
}
