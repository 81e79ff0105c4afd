#pragma once
// The one chart of the program: series over the step axis. Whoever draws a chart includes this; the library
// behind it is named in series_plot.cpp alone.
//
// The picture is kept: moving the cursor repaints two lines, not the chart. Data is set whole (setData),
// thinned to the width and handed over with one call per series.

#include <QImage>
#include <QWidget>

#include <memory>
#include <optional>

#include "views/charts/chart_series.h"

namespace fovea {

class StepChart : public QWidget {
    Q_OBJECT
public:
    explicit StepChart(QString title, ChartUnit unit, QWidget* parent = nullptr);
    ~StepChart() override;

    // Every series has as many y as there are x; x ascends.
    void setData(ChartData given);
    void setTitle(const QString& title);
    // Behind the title, quieter: "formula, Llama-2-7B, f16".
    void setNote(const QString& note);
    // A dashed horizontal line at `value`, in the chart's unit (bytes, GB/s); nothing removes it.
    void setLimit(std::optional<double> value, const QString& label = {});
    QString limitText() const; // empty: there is no limit
    // The visible part of the x axis, first < last.
    void setRange(double first, double last);
    void setCursor(std::optional<double> x);
    // Dotted vertical lines, "prefill ends".
    struct Marker {
        double step = 0;
        QString label;
    };
    void setMarkers(std::vector<Marker> markers);
    // A range being dragged out with the mouse.
    void setSelection(std::optional<std::pair<double, double>> range);
    // Only the lowest chart of a stack carries the step numbers.
    void setStepAxis(bool visible, const QString& name = {});

    const std::vector<double>& x() const;
    const std::vector<ChartSeries>& series() const;
    QString title() const;
    // "KV held, MB"
    QString titleWithUnit() const;
    // The plot area is the same in charts of one width, so that steps line up.
    QRectF plotArea() const;
    double stepAt(double pixelX) const;
    double pixelAt(double step) const;
    // How many points the library was last given, for tests.
    int drawnPoints() const;

    // The values of the step nearest to `step`, one line per series.
    QString describe(double step) const;
    // "step,B K rows counted [bytes],…": every step, not only the visible ones, in bytes, GB/s or nats.
    QString toCsv() const;
    void paintInto(QPainter& painter, QSize size) const;
    QImage renderToImage(QSize size, double devicePixelRatio = 1) const;

Q_SIGNALS:
    // A column of the plot was clicked, dragged over, or wheeled at; steps are not rounded.
    void clicked(double step);
    void dragging(double first, double last);
    void rangeSelected(double first, double last);
    void zoomed(double step, double factor);
    void panned(double steps);

protected:
    struct State;
    // What stands in the plot: value axis, series and their labels. Charts of another kind draw theirs;
    // frame, step axis, cursor, markers and selection are common to all.
    virtual void drawPlot(QPainter& painter, const QRectF& area) const;
    // Behind the title, with a comma: "MB".
    virtual QString unitName() const;
    // The tool tip at a point of the plot.
    virtual QString tipAt(const QPointF& at) const;
    void invalidate();
    void drawValueTicks(QPainter& painter, const QRectF& area, double step, double perUnit, double top) const;

    std::unique_ptr<State> m_state;

    void paintEvent(QPaintEvent*) override;
    void resizeEvent(QResizeEvent*) override;
    void changeEvent(QEvent*) override;
    void mousePressEvent(QMouseEvent*) override;
    void mouseMoveEvent(QMouseEvent*) override;
    void mouseReleaseEvent(QMouseEvent*) override;
    bool event(QEvent*) override; // tool tips name the values of the step under the pointer
    void wheelEvent(QWheelEvent*) override;

private:
    struct Scale;
    Scale scale(const QRectF& area) const;
    QRectF plotArea(const QSize& size) const;
    void drawKept(QPainter& painter, const QSize& size) const;
    void drawTitle(QPainter& painter, const QRectF& area) const;
    void drawStepAxis(QPainter& painter, const QRectF& area) const;
    void drawSeries(QPainter& painter, const QRectF& area, const Scale& scale) const;
    void drawLimit(QPainter& painter, const QRectF& area, const Scale& scale) const;
    void drawEndLabels(QPainter& painter, const QRectF& area, const Scale& scale) const;
    void drawMoving(QPainter& painter, const QSize& size) const;
};

} // namespace fovea
