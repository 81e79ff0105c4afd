// The painting of a SlotChart. Thousands of lines share a plot of fifty pixels, so they are not drawn but
// counted: each pixel knows how much of it is lived in, and takes its colour from that.
#include <QFontMetricsF>
#include <QPainter>

#include <algorithm>
#include <cmath>

#include "core/engine/run.h"
#include "views/charts/slot_chart.h"
#include "views/charts/slot_chart_lives.h"
#include "views/charts/step_chart_state.h"
#include "views/theme.h"

namespace fovea {
namespace {

// How much of each pixel is covered, per kind; the sum over a row is kept as differences until it is asked
// for.
class Coverage {
public:
    Coverage(int width, int height)
        : m_width(width),
          m_cells(static_cast<std::size_t>(width + 1) * static_cast<std::size_t>(height), 0.f) {}

    void add(int row, int from, int to, float share) {
        at(row, from) += share;
        at(row, to) -= share;
    }
    // Turns differences into coverage.
    void sum() {
        const auto wide = static_cast<std::size_t>(m_width + 1);
        for (std::size_t i = 0; i < m_cells.size(); ++i)
            if (i % wide != 0)
                m_cells[i] += m_cells[i - 1];
    }
    float& at(int row, int column) {
        return m_cells[static_cast<std::size_t>(row) * static_cast<std::size_t>(m_width + 1) +
                       static_cast<std::size_t>(column)];
    }

private:
    int m_width;
    std::vector<float> m_cells;
};

QRgb over(QRgb below, const QColor& color, double share) {
    const auto mix = [share](int a, int b) { return static_cast<int>(a + (b - a) * share + 0.5); };
    return qRgba(mix(qRed(below), color.red()), mix(qGreen(below), color.green()),
                 mix(qBlue(below), color.blue()), 255);
}

} // namespace

void SlotChart::drawPlot(QPainter& painter, const QRectF& area) const {
    const double top = rowsShown();
    const int most = std::clamp(static_cast<int>(area.height() / 18), 2, 6);
    drawValueTicks(painter, area, std::max(std::ceil(niceTicks(top, most).step), 1.), 1, top);
    const bool bySlot = m_lives->rows == Rows::Slot;
    if (!bySlot || m_lives->a.evicted > 0)
        drawStays(painter, area, m_lives->a, m_lives->b.stays.empty() ? 0.75 : 0.34);
    drawStays(painter, area, m_lives->b, 0.80);

    // What is live at the right edge, in words.
    const QFontMetricsF metrics(painter.font());
    double y = area.top() + metrics.ascent();
    for (const auto& [lane, name, color] : {std::tuple(&m_lives->b, QStringLiteral("B"), theme().planB),
                                            std::tuple(&m_lives->a, QStringLiteral("A"), theme().planA)}) {
        if (!lane->run)
            continue;
        const auto live = std::count_if(lane->stays.begin(), lane->stays.end(), [&](const SlotStay& stay) {
            const double last =
                std::min(m_state->last, static_cast<double>(lane->run->steps.back().position));
            return static_cast<double>(stay.from) <= last && last < static_cast<double>(stay.to);
        });
        painter.setPen(mixed(color, theme().text, 0.35));
        painter.drawText(QPointF(area.right() + 8, y), tr("%1 %2 seen").arg(name).arg(live));
        y += 12;
    }
}

void SlotChart::drawStays(QPainter& painter, const QRectF& area, const Lane& lane, double share) const {
    if (lane.stays.empty())
        return;
    const bool ofB = &lane == &m_lives->b;
    const double ratio = painter.device() ? painter.device()->devicePixelRatioF() : 1;
    const int width = std::max(static_cast<int>(std::ceil(area.width() * ratio)), 1);
    const int height = std::max(static_cast<int>(std::ceil(area.height() * ratio)), 1);
    const double perRow = height / rowsShown(), perStep = width / m_state->width();
    const auto column = [&](double step) {
        return std::clamp(static_cast<int>(std::lround((step - m_state->first) * perStep)), 0, width);
    };

    Coverage living(width, height), lasting(width, height), handed(width, height);
    for (const SlotStay& stay : lane.stays) {
        // A step is a point of the axis; its token is there from half a step before it to half a step after.
        const int from = column(static_cast<double>(stay.from) - 0.5),
                  to = column(static_cast<double>(stay.to) - 0.5);
        const auto row = static_cast<double>(rowOf(stay));
        if (row * perRow >= height)
            continue; // a row that is not shown
        // A row covers its share of every pixel it touches, so that five and a half rows to a pixel leave no pattern.
        const double bottom = row * perRow, top = std::min((row + 1) * perRow, static_cast<double>(height));
        for (int y = static_cast<int>(bottom); y < top && to > from; ++y) {
            const auto part =
                static_cast<float>(std::min(top, y + 1.) - std::max(bottom, static_cast<double>(y)));
            living.add(y, from, to, part);
            if (stay.outlived)
                lasting.add(y, from, to, part);
            if (stay.order % 2 == 1)
                handed.add(y, from, to, part);
        }
    }
    living.sum();
    lasting.sum();
    handed.sum();

    const auto& t = theme();
    const QColor base = ofB ? t.planB : t.planA;
    const QColor bright = mixed(base, t.text, 0.45);
    QImage image(width, height, QImage::Format_ARGB32);
    image.fill(Qt::transparent);
    const bool bySlot = m_lives->rows == Rows::Slot;
    for (int y = 0; y < height; ++y) {
        auto* line = reinterpret_cast<QRgb*>(image.scanLine(height - 1 - y));
        for (int x = 0; x < width; ++x) {
            const double lived = std::min(1.f, living.at(y, x));
            if (lived < 1e-4)
                continue;
            // Even one token of a hundred under a pixel must be seen.
            double strength = share * (0.45 + 0.55 * lived);
            if (bySlot && handed.at(y, x) > 1e-4)
                strength *= 0.62; // every other tenant, so that one sees where a slot changed hands
            QRgb pixel = over(t.panel.rgb(), base, strength);
            if (ofB && lasting.at(y, x) > 1e-4)
                pixel = over(pixel, bright, 0.85);
            line[x] = pixel;
        }
    }
    image.setDevicePixelRatio(ratio);
    painter.drawImage(area.topLeft(), image);
}

} // namespace fovea
