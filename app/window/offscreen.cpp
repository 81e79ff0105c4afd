#include "app/window/offscreen.h"

#include <QApplication>

#include <cstdio>
#include <cstdlib>

#include "views/theme.h"

namespace fovea {

namespace {

// The offscreen platform complains of what it cannot do for a window that nobody sees.
void dropPlatformChatter(QtMsgType type, const QMessageLogContext&, const QString& message) {
    if (type == QtDebugMsg || message.startsWith(QLatin1String("This plugin does not support")) ||
        message.startsWith(QLatin1String("QStandardPaths:")))
        return;
    std::fprintf(stderr, "fovea: %s\n", qPrintable(message));
}

} // namespace

Offscreen::Offscreen() {
    if (std::getenv("QT_QPA_PLATFORM") == nullptr && std::getenv("DISPLAY") == nullptr &&
        std::getenv("WAYLAND_DISPLAY") == nullptr)
        setenv("QT_QPA_PLATFORM", "offscreen", 0);
    qInstallMessageHandler(dropPlatformChatter);
    m_application = std::make_unique<QApplication>(m_count, m_arguments);
    QApplication::setApplicationName(QStringLiteral("Fovea"));
    for (const char* family : {"Inter", "Sans Serif"})
        QFont::insertSubstitution(QLatin1String(family), QStringLiteral("DejaVu Sans"));
    QApplication::setFont(uiFont());
}

Offscreen::~Offscreen() = default;

} // namespace fovea
