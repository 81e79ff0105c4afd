#pragma once
// An upright axis in powers of ten, for charts of several small plots.

#include <QPainter>
#include <QRectF>

#include <functional>

namespace fovea {

struct LogAxis {
    double low = 0.1, high = 10; // what the bottom and the top stand for, both above 0

    // Where a value is drawn; below `low` at the bottom, where it can be told apart by its mark alone.
    double y(const QRectF& area, double value) const;
    // Powers of ten within, thinned to what the height has room for.
    QList<double> ticks(const QRectF& area) const;
    // Lines across the area, and where asked their numbers to its left.
    void drawGrid(QPainter& painter, const QRectF& area, const std::function<QString(double)>& number) const;
};

// The decades around values from least to most, at least one; of values that are none above 0 one decade around 1.
LogAxis decadesAround(double least, double most);

} // namespace fovea
