// The painting of a span map: cells, what groups hold, names, the colour bar.

#include <QPainter>

#include <algorithm>
#include <cmath>

#include "views/maps/map_axis.h"
#include "views/maps/span_map_grid.h"
#include "views/maps/span_map_view.h"
#include "views/theme.h"

namespace fovea {

void SpanMapView::drawCells(QPainter& p, const Grid& grid) const {
    const ColourTable& table = colourTable(m_map);
    const std::int64_t n = tokens();
    p.setFont(numberFont(10));
    const bool numbers = grid.width - grid.gap >= p.fontMetrics().horizontalAdvance(QString::number(n)) + 6 &&
                         grid.height - grid.gap >= 13;
    for (int layer = 0; layer < m_shape.layers; ++layer)
        for (int head = 0; head < m_shape.heads; ++head) {
            const std::int64_t seen = moaRule(*m_params, layer, head).seen(n - 1);
            const double share = static_cast<double>(seen) / static_cast<double>(n);
            const QColor fill = QColor::fromRgb(table[static_cast<std::size_t>(std::lround(share * 255))]);
            const QRectF cell = grid.cell(layer, head);
            p.fillRect(cell, fill);
            if (numbers) {
                p.setPen(readableOn(fill));
                p.drawText(cell, Qt::AlignCenter, QString::number(seen));
            }
            if (grid.below == 0 || head % grid.group != 0)
                continue;
            const double held =
                static_cast<double>(heldAt(*m_params, m_shape, layer, head, n)) / static_cast<double>(n);
            const double right = grid.cell(layer, head + grid.group - 1).right();
            const QRectF bar(cell.left(), cell.bottom() + 2, right - cell.left(), Grid::kHeld);
            p.fillRect(bar, theme().field);
            p.fillRect(QRectF(bar.topLeft(), QSizeF(bar.width() * held, bar.height())), theme().planB);
        }
}

void SpanMapView::drawNames(QPainter& p, const Grid& grid) const {
    p.setFont(uiFont(10));
    p.setPen(theme().mutedText);
    const QFontMetrics metrics(p.font());
    // Every name, or every second, fourth, … where cells are smaller than text.
    int step = 1;
    while (step * (grid.height + grid.below) < metrics.height())
        step *= 2;
    for (int layer = 0; layer < m_shape.layers; layer += step)
        p.drawText(QRectF(0, grid.cell(layer, 0).top() - 6, Grid::kNames - 5, grid.height + 12),
                   Qt::AlignRight | Qt::AlignVCenter, QStringLiteral("L%1").arg(layer));
    step = 1;
    while (step * grid.width < metrics.horizontalAdvance(QStringLiteral("H%1").arg(m_shape.heads)) + 4)
        step *= 2;
    for (int head = 0; head < m_shape.heads; head += step)
        p.drawText(QRectF(grid.cell(0, head).left() - 10, 2, grid.width - grid.gap + 20, Grid::kHeads - 3),
                   Qt::AlignCenter, QStringLiteral("H%1").arg(head));
    p.drawText(QRectF(0, 2, Grid::kNames - 5, Grid::kHeads - 3), Qt::AlignRight | Qt::AlignVCenter,
               tr("all"));
}

void SpanMapView::drawTarget(QPainter& p, const Grid& grid) const {
    const auto of = [&](int layer, int head) { return grid.cell(layer, head); };
    QRectF rect = of(std::max(m_target.layer, 0), std::max(m_target.head, 0));
    if (m_target.layer < 0)
        rect = rect.united(of(m_shape.layers - 1, std::max(m_target.head, 0)));
    if (m_target.head < 0)
        rect = rect.united(of(std::max(m_target.layer, 0), m_shape.heads - 1));
    if (m_target.all())
        rect = rect.united(of(m_shape.layers - 1, m_shape.heads - 1));
    p.setPen(QPen(theme().accent, 2));
    p.setBrush(Qt::NoBrush);
    p.drawRect(rect.adjusted(-1, -1, 1, 1));
}

void SpanMapView::drawColourBar(QPainter& p, const QRectF& bar) const {
    const ColourTable& table = colourTable(m_map);
    const int rows = std::max(static_cast<int>(bar.height()), 1);
    for (int row = 0; row < rows; ++row)
        p.fillRect(QRectF(bar.left(), bar.bottom() - row - 1, bar.width(), 1.5),
                   QColor::fromRgb(table[static_cast<std::size_t>(row * 255 / std::max(rows - 1, 1))]));
    p.setFont(numberFont(10));
    p.setPen(theme().mutedText);
    const std::int64_t n = tokens();
    const double height = bar.height() / static_cast<double>(n);
    for (const std::int64_t tick : positionTicks(0, n + 1, height, 26)) {
        const double y = bar.bottom() - static_cast<double>(tick) * height;
        p.drawLine(QPointF(bar.right() + 1, y), QPointF(bar.right() + 4, y));
        p.drawText(QRectF(bar.right() + 6, y - 8, 40, 16), Qt::AlignLeft | Qt::AlignVCenter,
                   QString::number(tick));
    }
}

void SpanMapView::paintInto(QPainter& p, QSize size) const {
    const QRectF whole(QPointF(0, 0), QSizeF(size));
    p.fillRect(whole, theme().panel);
    if (!m_params || m_shape.layers == 0) {
        p.setPen(theme().mutedText);
        p.setFont(uiFont(12));
        p.drawText(whole.adjusted(16, 12, -16, -12), Qt::AlignCenter | Qt::TextWordWrap,
                   tr("Plan B has no spans. Choose MoA spans under KEEP, or load a plan file."));
        return;
    }
    const Grid grid = gridFor(size);
    drawCells(p, grid);
    drawNames(p, grid);
    drawTarget(p, grid);
    const double height = std::max(grid.cells.height() - grid.gap - grid.below, 40.);
    drawColourBar(p, {grid.cells.right() + 12, grid.cells.top(), 8, height});

    const std::int64_t n = tokens();
    const SpanShares shares = sharesAt(*m_params, m_shape, n);
    p.setFont(uiFont(11));
    p.setPen(theme().mutedText);
    QString note = tr("tokens seen at N = %1: %2 % of all").arg(n).arg(100 * shares.seen, 0, 'f', 1);
    if (m_shape.group > 1)
        note += tr("\nheld: %1 %, the longest span of each KV group").arg(100 * shares.held, 0, 'f', 1);
    p.drawText(QRectF(Grid::kMargin, whole.bottom() - Grid::kNote, whole.width() - 2 * Grid::kMargin,
                      Grid::kNote - 2),
               Qt::AlignLeft | Qt::AlignVCenter, note);
}

void SpanMapView::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    paintInto(painter, size());
}

QImage SpanMapView::renderToImage(QSize size) const {
    QImage image(size, QImage::Format_RGB32);
    QPainter painter(&image);
    paintInto(painter, size);
    return image;
}

} // namespace fovea
