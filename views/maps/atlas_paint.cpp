// Thumbnails, brackets, bars and names.

#include <QPainter>
#include <algorithm>

#include "views/maps/atlas_spacing.h"
#include "views/maps/atlas_view.h"
#include "views/theme.h"

namespace fovea {

using namespace atlas;

// Every pixel is the largest weight of the entries it covers, as on the head map itself.
QImage AtlasView::thumbnail(const HeadSummary& head, QSize size) const {
    QImage image(size, QImage::Format_RGB32);
    image.fill(theme().causal);
    const auto entries = static_cast<std::size_t>(std::max(head.side, 0));
    if (entries == 0 || head.thumbnail.size() != entries * entries)
        return image;
    static const ColourLookup lookup(ColourScale::Log10);
    const ColourTable& table = colourTable(m_map);
    const auto row = [&](int y) { return y * head.side / size.height(); };
    const auto column = [&](int x) { return x * head.side / size.width(); };
    for (int y = 0; y < size.height(); ++y) {
        auto* line = reinterpret_cast<QRgb*>(image.scanLine(y));
        const int endRow = std::max(row(y) + 1, row(y + 1));
        for (int x = 0; x < size.width() && column(x) < endRow; ++x) {
            const int endColumn = std::max(column(x) + 1, column(x + 1));
            float largest = 0;
            for (int r = row(y); r < endRow; ++r)
                for (int c = column(x); c < std::min(endColumn, r + 1); ++c)
                    largest = std::max(largest, head.thumbnail[static_cast<std::size_t>(r * head.side + c)]);
            line[x] = table[lookup(largest)];
        }
    }
    return image;
}

void AtlasView::drawPlace(QPainter& p, const Layout& layout, const Place& place, double ratio) const {
    const HeadSummary& head = (*m_heads)[static_cast<std::size_t>(place.summary)];
    const QSize pixels = (layout.cell * ratio).toSize();
    if (m_imageSize != pixels || m_images.size() != m_heads->size()) {
        m_images.assign(m_heads->size(), QImage());
        m_imageSize = pixels;
    }
    QImage& image = m_images[static_cast<std::size_t>(place.summary)];
    if (image.isNull())
        image = thumbnail(head, pixels);
    p.drawImage(place.image, image);
    if (m_missedScale > 0) {
        const QRectF bar(place.image.left(), place.image.bottom() + 2, layout.cell.width(), kBarHeight);
        p.fillRect(bar, theme().field);
        p.fillRect(QRectF(bar.topLeft(), QSizeF(bar.width() * head.missed / m_missedScale, kBarHeight)),
                   theme().planB);
    }
    QRectF line(place.image.left() - 2, place.image.bottom() + kBarSpace - 2, layout.cell.width() + 4,
                kTextSpace);
    if (layout.textLines > 0) {
        p.setFont(uiFont(10));
        p.setPen(theme().text);
        p.drawText(line, Qt::AlignCenter, QStringLiteral("L%1 H%2").arg(head.layer).arg(head.head));
    }
    if (layout.textLines > 1) {
        p.setPen(theme().mutedText);
        p.drawText(line.translated(0, kTextSpace), Qt::AlignCenter, figureText(head));
    }
    if (head.layer == m_selectedLayer && head.head == m_selectedHead) {
        p.setPen(QPen(theme().accent, 2));
        p.setBrush(Qt::NoBrush);
        p.drawRect(place.image.adjusted(-1, -1, 1, 1));
    }
}

void AtlasView::drawGroups(QPainter& p, const Layout& layout) const {
    const double pitch = layout.cell.height() + kBarSpace + kGap;
    const double bottom = kHeadLabels + kGap + m_layers * pitch - kGap;
    const double groupWidth = m_group * layout.cell.width() + (m_group - 1) * kGap;
    const QFontMetrics metrics(p.font());
    for (int group = 0; group < m_headsPerLayer / m_group; ++group) {
        const double left = kMargin + kLabelWidth + group * (groupWidth + kGap + kGroupGap);
        QString text = QStringLiteral("KV head %1").arg(group);
        if (metrics.horizontalAdvance(text) > groupWidth)
            text = QStringLiteral("KV %1").arg(group);
        if (metrics.horizontalAdvance(text) > groupWidth + kGroupGap)
            text = QString::number(group);
        p.setPen(theme().mutedText);
        p.drawText(QRectF(left - 20, 1, groupWidth + 40, kHeadLabels - 4), Qt::AlignCenter, text);
        p.setPen(QPen(theme().border, 1));
        p.setBrush(Qt::NoBrush);
        p.drawRoundedRect(QRectF(left - 4.5, kHeadLabels - 1.5, groupWidth + 9, bottom - kHeadLabels + 5), 3,
                          3);
    }
    p.setPen(theme().mutedText);
    // Every label, or every second, fourth, … when layers stand closer than text is high.
    int step = 1;
    while (step * pitch < metrics.height())
        step *= 2;
    for (int layer = 0; layer < m_layers; layer += step) {
        const double y = kHeadLabels + kGap + layer * pitch;
        p.drawText(QRectF(0, y - 8, kMargin + kLabelWidth - 9, layout.cell.height() + 16),
                   Qt::AlignRight | Qt::AlignVCenter, QStringLiteral("L%1").arg(layer));
    }
}

void AtlasView::drawInto(QPainter& p, const Layout& layout, double ratio) const {
    const QRectF whole(QPointF(0, 0), layout.size);
    p.fillRect(whole, theme().panel);
    if (layout.places.empty()) {
        p.setPen(theme().mutedText);
        p.setFont(uiFont(12));
        p.drawText(whole.adjusted(16, 16, -16, -16), Qt::AlignCenter | Qt::TextWordWrap, m_emptyText);
        return;
    }
    p.setFont(uiFont(11));
    if (m_sort == AtlasSort::Layout)
        drawGroups(p, layout);
    for (const Place& place : layout.places)
        drawPlace(p, layout, place, ratio);
    p.setFont(uiFont(11));
    const QString note =
        m_missedScale > 0
            ? QStringLiteral("bar: mean missed mass, full = %1 %").arg(m_missedScale * 100, 0, 'g', 3)
            : QStringLiteral("no mass missed: every key is read");
    p.setPen(theme().mutedText);
    const QRectF line(kMargin, whole.bottom() - kNote, whole.width() - 2 * kMargin, kNote - 4);
    p.drawText(line, Qt::AlignLeft | Qt::AlignVCenter,
               p.fontMetrics().elidedText(note, Qt::ElideRight, static_cast<int>(line.width())));
}

} // namespace fovea
