#include "app/window/open_window.h"

#include <QApplication>
#include <QSettings>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "app/window/bundled.h"
#include "app/window/main_window.h"
#include "views/theme.h"

namespace fovea {

namespace {

// Qt ends the program where there is no display; one line is kinder.
void requireDisplay() {
#ifdef __linux__
    for (const char* name : {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"})
        if (const char* value = std::getenv(name); value && *value)
            return;
    throw std::runtime_error(
        "there is no display here; fovea demo --out DIR draws the same window into pictures");
#endif
}

} // namespace

int openWindow(const WindowOptions& options) {
    requireDisplay();
    int count = 1;
    char name[] = "fovea";
    char* arguments[] = {name, nullptr};
    QApplication application(count, arguments);
    QApplication::setApplicationName(QStringLiteral("Fovea"));
    QApplication::setOrganizationName(QStringLiteral("Fovea"));
    WindowOptions chosen = options;
    if (chosen.model.empty())
        chosen.model = firstModel();
    if (chosen.model.empty()) {
        std::fprintf(stderr, "fovea: no model is bundled here; name one with --model\n");
        return 1;
    }
    try {
        MainWindow window(chosen, std::make_unique<QSettings>());
        window.show();
        return QApplication::exec();
    } catch (const PlanError& error) {
        std::fprintf(stderr, "fovea: %s\n", error.what());
        return 2;
    }
}

} // namespace fovea
