#include "views/charts/statistics_chart.h"

#include <QFontMetricsF>
#include <QPainter>
#include <QPolygonF>

#include <algorithm>
#include <array>
#include <cmath>

#include "views/charts/log_axis.h"
#include "views/charts/sweep_layout.h"
#include "views/theme.h"

namespace fovea {

namespace {

constexpr double kLeft = 52, kRight = 16, kTop = 76, kBottom = 40, kGap = 62, kMark = 3.5;

struct Figure {
    const char* name;
    double (*of)(const Moments&);
};
constexpr std::array<Figure, 3> kFigures = {{
    {QT_TRANSLATE_NOOP("fovea::StatisticsChart", "AbsMax"), [](const Moments& m) { return m.most; }},
    {QT_TRANSLATE_NOOP("fovea::StatisticsChart", "standard deviation"),
     [](const Moments& m) { return m.deviation(); }},
    {QT_TRANSLATE_NOOP("fovea::StatisticsChart", "kurtosis (3: normal)"),
     [](const Moments& m) { return m.kurtosis(); }},
}};

int layersOf(const StatisticsTable& table) {
    int layers = 0;
    for (const TensorStatistics& row : table.rows)
        layers = std::max(layers, row.layer + 1);
    return layers;
}

class Plot {
public:
    Plot(const StatisticsTable& table, const Figure& figure, QRectF area)
        : m_table(table), m_figure(figure), m_area(area), m_layers(std::max(layersOf(table), 1)) {
        double least = HUGE_VAL, most = 0;
        for (const TensorStatistics& row : table.rows)
            if (const double value = figure.of(row.moments); row.part.empty() && value > 0) {
                least = std::min(least, value);
                most = std::max(most, value);
            }
        m_axis = decadesAround(least, most);
    }

    void draw(QPainter& painter) const {
        painter.setPen(theme().text);
        painter.drawText(QPointF(m_area.left(), m_area.top() - 10), StatisticsChart::tr(m_figure.name));
        m_axis.drawGrid(painter, m_area, [](double tick) { return QString::number(tick, 'g', 3); });
        drawLayers(painter);
        painter.setRenderHint(QPainter::Antialiasing);
        for (int tensor = 0; tensor < kStudiedTensors; ++tensor)
            drawTensor(painter, tensor);
    }

private:
    double x(int layer) const { return m_area.left() + m_area.width() * (layer + 0.5) / m_layers; }

    void drawLayers(QPainter& painter) const {
        const QFontMetricsF metrics(painter.font());
        painter.setPen(theme().mutedText);
        double taken = -HUGE_VAL;
        for (int layer = 0; layer < m_layers; ++layer) {
            const QString number = QString::number(layer);
            const double left = x(layer) - metrics.horizontalAdvance(number) / 2;
            if (left < taken)
                continue;
            painter.drawText(QPointF(left, m_area.bottom() + 15), number);
            taken = left + metrics.horizontalAdvance(number) + 8;
        }
        const QString name = StatisticsChart::tr("layer");
        painter.drawText(QPointF(m_area.right() - metrics.horizontalAdvance(name), m_area.bottom() + 30),
                         name);
    }

    void drawTensor(QPainter& painter, int tensor) const {
        const auto index = static_cast<std::size_t>(tensor);
        QPolygonF line;
        for (const TensorStatistics& row : m_table.rows)
            if (row.part.empty() && row.tensor == static_cast<StudiedTensor>(tensor))
                if (const double value = m_figure.of(row.moments); value > 0)
                    line << QPointF(x(row.layer), m_axis.y(m_area, value));
        painter.setPen(QPen(sweepColour(index), 1.4));
        painter.setBrush(Qt::NoBrush);
        painter.drawPolyline(line);
        painter.setPen(QPen(theme().panel, 1));
        painter.setBrush(sweepColour(index));
        for (const QPointF& at : line)
            drawSweepMark(painter, index, at, kMark);
    }

    const StatisticsTable& m_table;
    const Figure& m_figure;
    const QRectF m_area;
    const int m_layers;
    LogAxis m_axis;
};

void drawHead(QPainter& painter, const StatisticsTable& table, double width) {
    const Theme& t = theme();
    painter.setFont(uiFont(12, true));
    QFontMetricsF metrics(painter.font());
    const QString title = StatisticsChart::tr("What is rounded, layer by layer");
    painter.setPen(t.text);
    painter.drawText(QPointF(16, 20), title);
    double x = 16 + metrics.horizontalAdvance(title) + 12;
    painter.setFont(uiFont(11));
    metrics = QFontMetricsF(painter.font());
    painter.setPen(t.mutedText);
    const QString note =
        StatisticsChart::tr("%1 · %2 tokens of %3 · activations: what matrices multiply · keys after RoPE")
            .arg(QString::fromStdString(table.model).section(QLatin1Char('/'), -1))
            .arg(table.blocks * table.length)
            .arg(QString::fromStdString(table.text).section(QLatin1Char(','), 0, 0));
    painter.drawText(QPointF(x, 20), metrics.elidedText(note, Qt::ElideRight, std::max(width - x - 16, 0.)));
    x = 22;
    for (std::size_t i = 0; i < kStudiedTensors; ++i) {
        const QString name = QString::fromUtf8(kStudiedTensorNames[i].data(),
                                               static_cast<qsizetype>(kStudiedTensorNames[i].size()));
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(Qt::NoPen);
        painter.setBrush(sweepColour(i));
        drawSweepMark(painter, i, {x, 38}, kMark);
        painter.setPen(t.mutedText);
        painter.drawText(QPointF(x + 10, 38 + metrics.ascent() / 2 - 1), name);
        x += 10 + metrics.horizontalAdvance(name) + 20;
    }
}

} // namespace

StatisticsChart::StatisticsChart(QWidget* parent) : QWidget(parent) {
    setMinimumSize(420, 200);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
}

void StatisticsChart::setStatistics(StatisticsTable table) {
    m_table = std::move(table);
    update();
}

void StatisticsChart::paintInto(QPainter& painter, QSize size) const {
    painter.fillRect(QRect(QPoint(0, 0), size), theme().panel);
    painter.save();
    painter.setFont(uiFont(11));
    if (m_table.rows.empty()) {
        painter.setPen(theme().mutedText);
        painter.drawText(
            QRectF(QPointF(0, 0), QSizeF(size)).adjusted(40, 0, -40, 0), Qt::AlignCenter | Qt::TextWordWrap,
            tr("What weights, activations, keys and values are like is looked at when a study begins."));
    } else {
        drawHead(painter, m_table, size.width());
        const double plots = kFigures.size();
        const double width = std::max((size.width() - kLeft - kRight - kGap * (plots - 1)) / plots, 1.);
        for (std::size_t i = 0; i < kFigures.size(); ++i)
            Plot(m_table, kFigures[i],
                 QRectF(kLeft + static_cast<double>(i) * (width + kGap), kTop, width,
                        std::max(size.height() - kTop - kBottom, 1.)))
                .draw(painter);
    }
    painter.restore();
}

QImage StatisticsChart::renderToImage(QSize size, double devicePixelRatio) const {
    QImage image(size * devicePixelRatio, QImage::Format_ARGB32_Premultiplied);
    image.setDevicePixelRatio(devicePixelRatio);
    QPainter painter(&image);
    paintInto(painter, size);
    return image;
}

void StatisticsChart::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    paintInto(painter, size());
}

} // namespace fovea
