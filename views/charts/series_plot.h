#pragma once
// The seam to Qt Charts: points in, picture of the plot area out. Nothing else in the program includes Qt
// Charts.
//
// The chart lives in a scene without a view, and is painted into whatever the caller keeps: an antialiased
// 1500-pixel area costs milliseconds, which a moving cursor must not pay again. No OpenGL: it crashes on the
// offscreen platform.

#include <QColor>
#include <QList>
#include <QPointF>
#include <QRectF>

#include <memory>
#include <vector>

class QPainter;

namespace fovea {

struct DrawnSeries {
    enum class Kind { Area, Line, Dashed };
    Kind kind = Kind::Line;
    QColor color;
    QColor edge;           // of an area; invalid: none
    bool dots = false;     // mark every point
    QList<QPointF> points; // an area reaches from these down to 0
};

class SeriesPlot {
public:
    SeriesPlot();
    ~SeriesPlot();

    // Drawn in the order given, later ones on top.
    void setSeries(const std::vector<DrawnSeries>& series);
    // Paints the series into `area` of the painter, clipped to it.
    void render(QPainter& painter, const QRectF& area, double x0, double x1, double y0, double y1);

private:
    struct Chart;
    std::unique_ptr<Chart> m_chart;
};

} // namespace fovea
