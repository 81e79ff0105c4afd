#include "views/charts/series_plot.h"

#include <QGraphicsLayout>
#include <QGraphicsScene>
#include <QPainter>
#include <QPen>
#include <QtCharts/QAreaSeries>
#include <QtCharts/QChart>
#include <QtCharts/QLegend>
#include <QtCharts/QLineSeries>
#include <QtCharts/QValueAxis>

namespace fovea {

struct SeriesPlot::Chart {
    QGraphicsScene scene;
    QChart* chart = new QChart;     // owned by the scene
    QValueAxis* x = new QValueAxis; // owned by the chart
    QValueAxis* y = new QValueAxis;
    std::vector<DrawnSeries::Kind> kinds;
    std::vector<QLineSeries*> lines; // the upper edge, for an area
    std::vector<QAreaSeries*> areas; // null for a line
};

SeriesPlot::SeriesPlot() : m_chart(std::make_unique<Chart>()) {
    auto* chart = m_chart->chart;
    m_chart->scene.addItem(chart);
    chart->legend()->hide();
    chart->setBackgroundVisible(false);
    chart->setMargins({});
    chart->addAxis(m_chart->x, Qt::AlignBottom);
    chart->addAxis(m_chart->y, Qt::AlignLeft);
    // Axes are painted by StepChart, which can place labels in a plot of 40 pixels; here they only scale.
    m_chart->x->setVisible(false);
    m_chart->y->setVisible(false);
}

SeriesPlot::~SeriesPlot() = default;

void SeriesPlot::setSeries(const std::vector<DrawnSeries>& series) {
    auto& c = *m_chart;
    std::vector<DrawnSeries::Kind> kinds;
    for (const auto& s : series)
        kinds.push_back(s.kind);
    if (kinds != c.kinds) {
        c.chart->removeAllSeries();
        c.lines.clear();
        c.areas.clear();
        c.kinds = kinds;
        for (const auto kind : kinds) {
            auto* line = new QLineSeries;
            auto* area = kind == DrawnSeries::Kind::Area ? new QAreaSeries(line) : nullptr;
            if (area)
                line->setParent(area);
            QAbstractSeries* added = area ? static_cast<QAbstractSeries*>(area) : line;
            c.chart->addSeries(added);
            added->attachAxis(c.x);
            added->attachAxis(c.y);
            c.lines.push_back(line);
            c.areas.push_back(area);
        }
    }
    for (std::size_t i = 0; i < series.size(); ++i) {
        const auto& s = series[i];
        if (c.areas[i]) {
            c.areas[i]->setBrush(s.color);
            c.areas[i]->setPen(s.edge.isValid() ? QPen(s.edge, 1.2) : QPen(Qt::NoPen));
        } else {
            QPen pen(s.color, 1.5, s.kind == DrawnSeries::Kind::Dashed ? Qt::CustomDashLine : Qt::SolidLine,
                     Qt::FlatCap, Qt::BevelJoin);
            if (s.kind == DrawnSeries::Kind::Dashed)
                pen.setDashPattern({4, 3});
            c.lines[i]->setPen(pen);
            c.lines[i]->setMarkerSize(2); // a radius
            c.lines[i]->setPointsVisible(s.dots);
        }
        c.lines[i]->replace(s.points);
    }
}

void SeriesPlot::render(QPainter& painter, const QRectF& area, double x0, double x1, double y0, double y1) {
    auto& c = *m_chart;
    const QRectF local(QPointF(0, 0), area.size());
    c.chart->resize(local.size());
    c.chart->setPlotArea(local);
    c.x->setRange(x0, x1);
    c.y->setRange(y0, y1);
    c.chart->layout()->activate();
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setClipRect(area);
    c.scene.render(&painter, area, local, Qt::IgnoreAspectRatio);
    painter.restore();
}

} // namespace fovea
