// The painting of a StepChart: title, axes and labels by hand, the series through SeriesPlot.
#include <QFontMetricsF>
#include <QPainter>

#include <cmath>
#include <numeric>

#include "views/charts/step_chart.h"
#include "views/charts/step_chart_state.h"
#include "views/theme.h"

namespace fovea {
namespace {

constexpr double kLeft = 64, kRight = 92; // tick labels, end labels
constexpr double kTitle = 16, kStepAxis = 18, kBottom = 4;

QString number(double value) {
    return QString::number(value, 'g', 4);
}

} // namespace

std::pair<std::size_t, std::size_t> StepChart::State::visible() const {
    const auto from = std::lower_bound(x.begin(), x.end(), first) - x.begin();
    const auto to = std::upper_bound(x.begin(), x.end(), last) - x.begin();
    return {static_cast<std::size_t>(from), static_cast<std::size_t>(to)};
}

double StepChart::State::largest() const {
    const auto [from, to] = visible();
    double most = 0;
    for (const auto& h : heights)
        for (auto i = from; i < to; ++i)
            if (h[i] > most) // false for NaN
                most = h[i];
    return most;
}

QRectF StepChart::plotArea(const QSize& size) const {
    const double bottom = m_state->stepAxis ? kStepAxis : kBottom;
    return {kLeft, kTitle, std::max(size.width() - kLeft - kRight, 1.),
            std::max(size.height() - kTitle - bottom, 1.)};
}

StepChart::Scale StepChart::scale(const QRectF& area) const {
    const auto& s = *m_state;
    Scale scale;
    double largest = s.largest();
    // Runs that agree differ by what rounding leaves, 1e-12: no hills are made of that.
    constexpr double kLeastNats = 1e-6;
    if (s.unit == ChartUnit::Nats && largest > 0)
        largest = std::max(largest, kLeastNats);
    // A limit far above the data would flatten it to a line: then the label alone says where the limit is.
    constexpr double kFar = 4;
    scale.limitBeyond = s.limit && largest > 0 && *s.limit > kFar * largest;
    if (s.limit && !scale.limitBeyond)
        largest = std::max(largest, *s.limit * 1.02);
    scale.unit = scaleFor(s.unit, largest);
    const int most = std::clamp(static_cast<int>(area.height() / 18), 2, 6);
    scale.ticks = niceTicks(largest / scale.unit.perUnit, most);
    scale.top = largest > 0 ? largest * 1.04 : scale.unit.perUnit;
    return scale;
}

void StepChart::drawKept(QPainter& painter, const QSize& size) const {
    const auto area = plotArea(size);
    painter.setFont(uiFont(10));
    if (m_state->series.empty()) { // nothing to put numbers to
        drawTitle(painter, area);
        return;
    }
    drawPlot(painter, area);
    if (m_state->stepAxis)
        drawStepAxis(painter, area);
    drawTitle(painter, area);
}

void StepChart::drawPlot(QPainter& painter, const QRectF& area) const {
    const auto scaled = scale(area);
    drawValueTicks(painter, area, scaled.ticks.step, scaled.unit.perUnit, scaled.top);
    drawSeries(painter, area, scaled);
    drawLimit(painter, area, scaled);
    drawEndLabels(painter, area, scaled);
}

void StepChart::drawTitle(QPainter& painter, const QRectF& area) const {
    const auto& s = *m_state;
    const auto& t = theme();
    const QFont font = uiFont(11);
    painter.save();
    painter.setFont(font);
    const auto title = s.series.empty() ? s.title : titleWithUnit();
    painter.setPen(t.text);
    painter.drawText(QPointF(area.left(), kTitle - 4), title);
    double left = area.left() + QFontMetricsF(font).horizontalAdvance(title) + 10;
    painter.restore();

    const QFontMetricsF metrics(painter.font());
    if (!s.note.isEmpty()) {
        painter.setPen(s.series.empty() ? t.mutedText : t.planB);
        painter.drawText(QPointF(left, kTitle - 4), s.note);
        left += metrics.horizontalAdvance(s.note) + 10;
    }
    // The legend, from the right; what does not fit is left to the labels at the curves' ends.
    double right = area.right();
    for (auto it = s.series.rbegin(); it != s.series.rend(); ++it) {
        if (it->legend.isEmpty())
            continue;
        const auto line = it->shape == ChartSeries::Shape::Dashed ? QStringLiteral("┄")
                          : it->shape == ChartSeries::Shape::Line ? QStringLiteral("─")
                                                                  : QString();
        const auto mark = line + provenanceMark(it->provenance);
        const double markWidth = metrics.horizontalAdvance(mark) + 3;
        const double width = markWidth + metrics.horizontalAdvance(it->legend);
        if (right - width < left)
            break;
        painter.setPen(it->color);
        painter.drawText(QPointF(right - width, kTitle - 4), mark);
        painter.setPen(t.mutedText);
        painter.drawText(QPointF(right - width + markWidth, kTitle - 4), it->legend);
        right -= width + 12;
    }
}

// Ticks every `step` units up to `top`, which is in plain values.
void StepChart::drawValueTicks(QPainter& painter, const QRectF& area, double step, double perUnit,
                               double top) const {
    const auto& t = theme();
    const QFontMetricsF metrics(painter.font());
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing, false);
    for (double tick = 0; tick * perUnit <= top; tick += step) {
        const double y = area.bottom() - tick * perUnit / top * area.height();
        painter.setPen(tick == 0 ? t.border : t.grid);
        painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y));
        painter.setPen(t.mutedText);
        const auto text = number(tick);
        painter.drawText(
            QPointF(area.left() - 6 - metrics.horizontalAdvance(text), y + metrics.ascent() / 2 - 1), text);
    }
    painter.restore();
}

void StepChart::drawStepAxis(QPainter& painter, const QRectF& area) const {
    const auto& s = *m_state;
    const auto& t = theme();
    const QFontMetricsF metrics(painter.font());
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing, false);
    // Whole steps only, whatever the zoom.
    const auto ticks = niceTicks(s.width(), std::max(static_cast<int>(area.width() / 90), 2));
    const double step = std::max(std::ceil(ticks.step), 1.);
    for (double tick = std::ceil(s.first / step) * step; tick <= s.last; tick += step) {
        const double x = s.pixelAt(tick, area);
        painter.setPen(t.border);
        painter.drawLine(QPointF(x, area.bottom()), QPointF(x, area.bottom() + 3));
        const auto text = QString::number(tick, 'f', 0);
        painter.setPen(t.mutedText);
        painter.drawText(QPointF(x - metrics.horizontalAdvance(text) / 2, area.bottom() + 14), text);
    }
    painter.drawText(QPointF(area.right() + 22, area.bottom() + 14), s.axisName);
    painter.restore();
}

void StepChart::drawSeries(QPainter& painter, const QRectF& area, const Scale& scaled) const {
    auto& s = *m_state;
    const int pixels = std::max(static_cast<int>(area.width()), 1);
    const auto [from, to] = s.visible();
    const bool sparse = (to - from) * 6 < static_cast<std::size_t>(pixels);
    std::vector<DrawnSeries> areas, lines;
    s.drawnPoints = 0;
    for (std::size_t i = 0; i < s.series.size(); ++i) {
        const auto& one = s.series[i];
        const auto points = decimate(s.x, s.heights[i], s.first, s.last, pixels);
        DrawnSeries drawn;
        drawn.color = one.color;
        drawn.dots = sparse && one.provenance == Provenance::Timed;
        // A quarter of a pixel off cannot be seen; dots stay on every point.
        const auto line = drawn.dots ? points : straightened(points, 0.25 * scaled.top / area.height());
        drawn.points = QList<QPointF>(line.begin(), line.end());
        s.drawnPoints += static_cast<int>(line.size());
        if (one.shape == ChartSeries::Shape::Stacked) {
            drawn.kind = DrawnSeries::Kind::Area;
            if (one.provenance == Provenance::Formula) { // an outline, as the legend's mark
                drawn.edge = one.color;
                drawn.color = mixed(one.color, theme().panel, 0.65);
            }
            areas.push_back(std::move(drawn));
        } else {
            drawn.kind =
                one.shape == ChartSeries::Shape::Dashed ? DrawnSeries::Kind::Dashed : DrawnSeries::Kind::Line;
            lines.push_back(std::move(drawn));
        }
    }
    // The tallest area first: each next one covers its lower part, which is the stack.
    std::reverse(areas.begin(), areas.end());
    areas.insert(areas.end(), std::make_move_iterator(lines.begin()), std::make_move_iterator(lines.end()));
    s.plot.setSeries(areas);
    s.plot.render(painter, area, s.first, s.last, 0, scaled.top);
}

void StepChart::drawLimit(QPainter& painter, const QRectF& area, const Scale& scaled) const {
    const auto& s = *m_state;
    if (!s.limit)
        return;
    const auto& t = theme();
    const QFontMetricsF metrics(painter.font());
    const double y = scaled.limitBeyond ? area.top() : area.bottom() - *s.limit / scaled.top * area.height();
    painter.save();
    if (!scaled.limitBeyond) {
        painter.setPen(QPen(t.text, 1, Qt::DashLine));
        painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y));
    }
    const auto text = (scaled.limitBeyond ? QStringLiteral("↑ above: ") : QString()) + s.limitLabel;
    const double width = metrics.horizontalAdvance(text);
    const QRectF box(area.left() + 6, y + 2, width + 6, metrics.height());
    QColor back = t.panel;
    back.setAlpha(200);
    painter.fillRect(box, back);
    painter.setPen(t.text);
    painter.drawText(QPointF(box.left() + 3, box.top() + metrics.ascent()), text);
    painter.restore();
}

void StepChart::drawEndLabels(QPainter& painter, const QRectF& area, const Scale& scaled) const {
    const auto& s = *m_state;
    const QFontMetricsF metrics(painter.font());
    struct Label {
        double y;
        double weight; // pixels of curve it names; the least is dropped first
        std::size_t series;
    };
    std::vector<Label> labels;
    const auto [from, to] = s.visible();
    double below = 0;
    for (std::size_t i = 0; i < s.series.size() && to > from; ++i) {
        const auto& one = s.series[i];
        const double top = s.heights[i][to - 1];
        const bool stacked = one.shape == ChartSeries::Shape::Stacked;
        const double middle = stacked ? (top + below) / 2 : top;
        const double pixels = (stacked ? top - below : scaled.top) / scaled.top * area.height();
        if (stacked)
            below = top;
        if (one.endLabel.isEmpty() || std::isnan(middle) || pixels < 1)
            continue;
        labels.push_back({area.bottom() - middle / scaled.top * area.height(), pixels, i});
    }
    constexpr double kPitch = 10; // labels may touch, not overlap
    const auto room = static_cast<std::size_t>(std::max(area.height() / kPitch, 1.));
    while (labels.size() > room)
        labels.erase(std::min_element(labels.begin(), labels.end(),
                                      [](auto& p, auto& q) { return p.weight < q.weight; }));
    // From the top down push overlapping labels apart, then from the bottom up what fell out of the plot.
    std::sort(labels.begin(), labels.end(), [](auto& p, auto& q) { return p.y < q.y; });
    for (std::size_t i = 0; i < labels.size(); ++i)
        labels[i].y = std::max(labels[i].y, i ? labels[i - 1].y + kPitch : area.top() + 2);
    double floor = area.bottom() - 3;
    for (auto it = labels.rbegin(); it != labels.rend(); ++it) {
        it->y = std::min(it->y, floor);
        floor = it->y - kPitch;
    }
    for (const auto& label : labels) {
        // Towards the text's colour: the shades of a stack are too near the panel to be read.
        painter.setPen(mixed(s.series[label.series].color, theme().text, 0.35));
        painter.drawText(QPointF(area.right() + 8, label.y + metrics.ascent() / 2 - 1),
                         s.series[label.series].endLabel);
    }
}

void StepChart::drawMoving(QPainter& painter, const QSize& size) const {
    const auto& s = *m_state;
    const auto& t = theme();
    const auto area = plotArea(size);
    painter.setFont(uiFont(10));
    const auto inside = [&](double step) { return step >= s.first && step <= s.last; };
    const auto line = [&](double step, const QPen& pen) {
        const double x = std::round(s.pixelAt(step, area)) + 0.5;
        painter.setPen(pen);
        painter.drawLine(QPointF(x, area.top() - 2), QPointF(x, area.bottom() + 2));
        return x;
    };
    if (s.selection) {
        QColor wash = t.accent;
        wash.setAlpha(48);
        const double from = std::max(s.pixelAt(s.selection->first, area), area.left());
        const double to = std::min(s.pixelAt(s.selection->second, area), area.right());
        if (to > from)
            painter.fillRect(QRectF(from, area.top(), to - from, area.height()), wash);
    }
    for (const auto& marker : s.markers) {
        if (!inside(marker.step))
            continue;
        const double x = line(marker.step, QPen(t.mutedText, 1, Qt::DotLine));
        const double width = QFontMetricsF(painter.font()).horizontalAdvance(marker.label);
        if (marker.label.isEmpty())
            continue;
        const double left = x - width - 5 > area.left() ? x - width - 5 : x + 5;
        QColor back = t.panel;
        back.setAlpha(230);
        painter.fillRect(QRectF(left - 2, area.top(), width + 4, 12), back);
        painter.drawText(QPointF(left, area.top() + 9), marker.label);
    }
    if (s.cursor && inside(*s.cursor))
        line(*s.cursor, QPen(t.accent, 1.5));
}

} // namespace fovea
