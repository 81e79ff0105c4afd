#pragma once
// What a chart draws, free of any chart library: series over one shared x, where each number comes from, and
// the two things that keep ten thousand steps quick to draw and honest: thinning that keeps every peak, and
// units chosen by magnitude.

#include <QColor>
#include <QPointF>
#include <QString>

#include <span>
#include <vector>

namespace fovea {

// Where a number comes from; never mixed, always told apart in legends and tables.
enum class Provenance { Formula, Counted, Timed, Computed };
QString provenanceName(Provenance); // "formula", "counted", "timed", "computed"
QString provenanceMark(Provenance); // "□", "■", "●", none

struct ChartSeries {
    enum class Shape {
        Stacked, // area on top of the stacked series before it
        Line,
        Dashed,
    };
    QString name;     // CSV column and tool tip, "B K rows"
    QString legend;   // in the title row behind its mark; empty: none
    QString endLabel; // at the right end of the curve; empty: none
    QColor color;
    Shape shape = Shape::Line;
    Provenance provenance = Provenance::Counted;
    std::vector<double> y; // one per x; NaN where nothing was measured
};

// What the y values are. Bytes are shown in B, kB, MB or GB, whichever suits the largest one visible.
enum class ChartUnit { Bytes, GigabytesPerSecond, Nats, Slots };

// One x for all its series.
struct ChartData {
    std::vector<double> x;
    std::vector<ChartSeries> series;
};

struct UnitScale {
    double perUnit = 1; // values are divided by this
    QString name;       // "kB"
};
UnitScale scaleFor(ChartUnit unit, double largest);
// "1.24 MB", "36.1 GB/s"
QString valueText(ChartUnit unit, double value);

// Ticks at 1, 2, 2.5 or 5 times a power of ten, at most `most` of them, from 0 to at least `largest` >= 0.
struct AxisTicks {
    double step = 1;
    double top = 1;
};
AxisTicks niceTicks(double largest, int most);

// The points of (x, y) with first <= x <= last, one beyond either end for the line to leave the plot, thinned
// to the lowest and highest of each pixel column: never more than 2 * pixels + 2 points, and no peak is lost.
// x ascends. NaN is left out.
std::vector<QPointF> decimate(std::span<const double> x, std::span<const double> y, double first, double last,
                              int pixels);

// Drops points that lie within `tolerance` of the straight line between those kept, measured along y.
// Antialiased paths cost by their points, and most byte curves are straight. x ascends.
std::vector<QPointF> straightened(std::span<const QPointF> points, double tolerance);

} // namespace fovea
