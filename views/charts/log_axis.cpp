#include "views/charts/log_axis.h"

#include <QFontMetricsF>

#include <algorithm>
#include <cmath>

#include "views/theme.h"

namespace fovea {

namespace {

constexpr double kTickRoom = 22; // pixels

} // namespace

double LogAxis::y(const QRectF& area, double value) const {
    const double at =
        (std::log10(std::max(value, low)) - std::log10(low)) / (std::log10(high) - std::log10(low));
    return area.bottom() - std::min(at, 1.) * area.height();
}

QList<double> LogAxis::ticks(const QRectF& area) const {
    const double decades = std::log10(high) - std::log10(low);
    const int step =
        std::max(1, static_cast<int>(std::ceil(decades * kTickRoom / std::max(area.height(), 1.))));
    QList<double> ticks;
    for (double power = std::ceil(std::log10(low) - 1e-9); power <= std::log10(high) + 1e-9; power += step)
        ticks << std::pow(10., power);
    return ticks;
}

void LogAxis::drawGrid(QPainter& painter, const QRectF& area,
                       const std::function<QString(double)>& number) const {
    const Theme& t = theme();
    const QFontMetricsF metrics(painter.font());
    painter.setRenderHint(QPainter::Antialiasing, false);
    for (const double tick : ticks(area)) {
        const double at = std::round(y(area, tick));
        painter.setPen(t.grid);
        painter.drawLine(QPointF(area.left(), at), QPointF(area.right(), at));
        if (!number)
            continue;
        const QString text = number(tick);
        painter.setPen(t.mutedText);
        painter.drawText(
            QPointF(area.left() - 7 - metrics.horizontalAdvance(text), at + metrics.ascent() / 2 - 1), text);
    }
    painter.setPen(t.border);
    painter.drawLine(area.bottomLeft(), area.bottomRight());
}

LogAxis decadesAround(double least, double most) {
    if (!(least > 0) || !(most >= least))
        return {.low = 0.1, .high = 10};
    const double low = std::floor(std::log10(least)), high = std::max(std::ceil(std::log10(most)), low + 1);
    return {.low = std::pow(10., low), .high = std::pow(10., high)};
}

} // namespace fovea
