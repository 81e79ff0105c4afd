#pragma once
// One plot of the inspector's stages: its axes, and bars on them. Shared by the files that paint stages.

#include <QFontMetricsF>
#include <QPainter>
#include <QRectF>
#include <QString>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "views/panels/stages_paint.h"
#include "views/theme.h"

namespace fovea::stages {

inline constexpr double kAxis = 36;  // room for y numbers
inline constexpr double kTicks = 14; // below a plot

// One plot's map from values to pixels, and its axes.
struct Axes {
    QPainter& painter;
    QRectF plot;
    double x0 = 0, x1 = 1, y0 = 0, y1 = 1;

    double x(double v) const { return plot.left() + (v - x0) / (x1 - x0) * plot.width(); }
    double y(double v) const { return plot.bottom() - (v - y0) / (y1 - y0) * plot.height(); }

    void title(const QString& text) const {
        painter.setFont(uiFont(11));
        painter.setPen(theme().text);
        const double width = plot.width() + kAxis;
        const auto elided = QFontMetricsF(painter.font()).elidedText(text, Qt::ElideRight, width);
        painter.drawText(QPointF(plot.left() - kAxis, plot.top() - 5), elided);
    }
    void yTicks(int most) const {
        painter.setFont(uiFont(10));
        const QFontMetricsF metrics(painter.font());
        for (const double v : ticksBetween(y0, y1, most)) {
            painter.setPen(theme().grid);
            const double at = std::round(y(v)) + 0.5;
            painter.drawLine(QPointF(plot.left(), at), QPointF(plot.right(), at));
            const auto text = QString::number(v, 'g', 3);
            painter.setPen(theme().mutedText);
            painter.drawText(QPointF(plot.left() - 5 - metrics.horizontalAdvance(text), at + 3.5), text);
        }
    }
    // `name` goes under the right end; ticks keep clear of it, and of the room a legend needs there.
    void xTicks(int most, const QString& name, bool whole, double legend = 0) const {
        painter.setFont(uiFont(10));
        painter.setPen(theme().mutedText);
        const QFontMetricsF metrics(painter.font());
        const double end = plot.right() - std::max(metrics.horizontalAdvance(name), legend);
        const double base = plot.bottom() + kTicks - 3;
        painter.drawText(QPointF(plot.right() - metrics.horizontalAdvance(name), base), name);
        for (const double v : ticksBetween(x0, x1, most)) {
            if (whole && v != std::floor(v))
                continue;
            const auto text = QString::number(v, 'g', 6);
            const double width = metrics.horizontalAdvance(text);
            const double left = std::max(x(v) - width / 2, plot.left() - 3);
            if (left + width + 6 < end)
                painter.drawText(QPointF(left, base), text);
        }
    }
    void baseline(double v) const {
        painter.setPen(theme().border);
        painter.drawLine(QPointF(plot.left(), std::round(y(v)) + 0.5),
                         QPointF(plot.right(), std::round(y(v)) + 0.5));
    }
};

// Bars share the width evenly; a gap between them only where a bar is wide enough to spare one.
inline QRectF bar(const Axes& axes, double index, double width, double value, double base) {
    const double pitch = axes.x(1) - axes.x(0);
    const double gap = pitch * width > 4 ? 1 : pitch * width > 2 ? 0.5 : 0;
    const double left = axes.x(index), top = axes.y(std::max(value, base)),
                 bottom = axes.y(std::min(value, base));
    return {left, top, std::max(pitch * width - gap, 0.6), bottom - top};
}

inline float largestOf(const std::vector<float>& values) {
    float most = 0;
    for (const float v : values)
        most = std::max(most, std::abs(v));
    return most > 0 ? most : 1;
}

inline std::pair<double, double> rangeOf(const std::vector<float>& values) {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const float v : values)
        if (std::isfinite(v)) {
            low = std::min<double>(low, v);
            high = std::max<double>(high, v);
        }
    if (!(low <= high))
        return {0, 1};
    const double pad = std::max((high - low) * 0.04, 1e-6);
    return {low - pad, high + pad};
}

} // namespace fovea::stages
