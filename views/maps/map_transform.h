#pragma once
// Between a matrix (rows: queries, columns: keys) and the pixels it is drawn in. The two axes have scales of
// their own. Pixel x of the whole matrix's picture, counted from its corner, shows the keys from x/scale to
// (x+1)/scale; a view is a rectangle cut out of that picture at whole pixels, so that tiles stay valid while
// panning.

#include <QPoint>
#include <QPointF>
#include <QRect>
#include <cstdint>

namespace fovea {

class MapTransform {
public:
    std::int64_t rows = 0, columns = 0;
    QRect area;                          // where on the widget
    double keyScale = 1, queryScale = 1; // pixels per cell
    double keyFrom = 0, queryFrom = 0;   // cell at the area's left and top edge

    bool empty() const { return rows < 1 || columns < 1 || area.width() < 1 || area.height() < 1; }
    void fit();
    bool isFit() const;
    void setArea(const QRect& newArea); // same cells in view
    void zoom(const QPointF& at, double keyFactor, double queryFactor);
    void pan(const QPointF& pixels); // positive moves the picture right and down
    void showRange(double firstQuery, double endQuery, double firstKey, double endKey); // end exclusive
    void scrollTo(std::int64_t query); // least movement that brings the row into view

    // Corner of the area in the picture of the whole matrix.
    QPoint origin() const;
    QPoint cellAt(const QPointF& position) const; // x: key, y: query; (−1, −1) outside area or matrix
    double xOf(double key) const;                 // left edge of a key
    double yOf(double query) const;               // top edge of a query
    QPointF centreOf(std::int64_t query, std::int64_t key) const;

    // Cells in view, end exclusive.
    std::int64_t firstKey() const;
    std::int64_t endKey() const;
    std::int64_t firstQuery() const;
    std::int64_t endQuery() const;

private:
    void clamp();
};

} // namespace fovea
