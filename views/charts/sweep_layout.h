#pragma once
// Where a sweep's chart has what, and how it is drawn. Internal to the chart.

#include <QPainter>
#include <QRectF>
#include <QSize>

#include "core/tasks/sweep_table.h"
#include "views/charts/sweep_points.h"

namespace fovea {

struct SweepLayout {
    QRectF area;                // of the plot
    double first = 0, last = 1; // log10 of bytes
    double low = 0, high = 1, tick = 1;
    double legendTop = 0;

    double x(double bytes) const;
    double y(double score) const;
};

// Of a chart of `size` pixels; `series` of `table`.
SweepLayout layOutSweep(const SweepTable& table, const std::vector<SweepSeries>& series, QSize size);
void drawSweep(QPainter& painter, const SweepTable& table, const std::vector<SweepSeries>& series,
               const SweepLayout& layout);
// Of series `index`: no two of seven share a colour, of eight a shape, of 56 both.
QColor sweepColour(std::size_t index);
void drawSweepMark(QPainter& painter, std::size_t index, QPointF at, double radius);

} // namespace fovea
