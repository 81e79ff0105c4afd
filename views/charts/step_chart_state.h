#pragma once
// What a StepChart holds; shared by its two source files, the widget and its painting.

#include <QPixmap>

#include <algorithm>

#include "views/charts/series_plot.h"
#include "views/charts/step_chart.h"

namespace fovea {

struct StepChart::State {
    QString title, note;
    ChartUnit unit = ChartUnit::Bytes;
    std::vector<double> x;
    std::vector<ChartSeries> series;
    std::vector<std::vector<double>> heights; // of each series' upper edge: stacked ones summed
    double first = 0, last = 1;               // visible steps
    std::optional<double> limit, cursor;
    QString limitLabel;
    std::vector<Marker> markers;
    std::optional<std::pair<double, double>> selection;
    bool stepAxis = false;
    QString axisName;

    QPixmap kept; // everything but cursor, marker and selection
    SeriesPlot plot;
    int drawnPoints = 0;

    std::optional<double> pressed; // pixel where the button went down
    bool panning = false, dragged = false;

    double width() const { return last - first; }
    double pixelAt(double step, const QRectF& area) const {
        return area.left() + (step - first) / width() * area.width();
    }
    std::pair<std::size_t, std::size_t> visible() const;
    double largest() const; // of the visible heights
    UnitScale scaleOfUnit() const { return scaleFor(unit, largest()); }
};

struct StepChart::Scale {
    UnitScale unit;
    AxisTicks ticks; // in the unit
    double top = 1;  // of the plot, in plain bytes, GB/s or nats
    bool limitBeyond = false;
};

} // namespace fovea
