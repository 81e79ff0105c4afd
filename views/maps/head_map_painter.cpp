#include "views/maps/head_map_painter.h"

#include <QFontMetrics>
#include <algorithm>
#include <cmath>

#include "views/maps/map_axis.h"
#include "views/theme.h"

namespace fovea {
namespace {

constexpr int kMarginLeft = 58, kMarginTop = 22, kMarginBottom = 40, kMarginRight = 10;
constexpr int kShareHeight = 5;
constexpr int kMissedGap = 8, kMissedWidth = 46;
constexpr int kBarGap = 16, kBarWidth = 10, kBarLabels = 36;
constexpr int kFooter = 20;
constexpr int kAxisFont = 11;
constexpr double kBoxedShare = 0.75; // of the planned rows in view: such a key is outlined as one column
constexpr int kMostBoxes = 60;       // more outlines than this say nothing

void drawTiles(QPainter& p, const HeadMapScene& scene, MapTiles& tiles, double ratio) {
    const MapTransform& view = scene.view;
    p.fillRect(view.area, theme().causal);
    const double keyScale = view.keyScale * ratio, queryScale = view.queryScale * ratio;
    const QPointF origin = QPointF(view.origin()) * ratio;
    const auto tilesOf = [](double from, double length) {
        return std::pair(static_cast<int>(from) / MapTiles::kSide,
                         static_cast<int>(std::ceil(from + length) - 1) / MapTiles::kSide);
    };
    const auto [firstX, lastX] = tilesOf(origin.x(), view.area.width() * ratio);
    const auto [firstY, lastY] = tilesOf(origin.y(), view.area.height() * ratio);
    for (int y = firstY; y <= lastY; ++y)
        for (int x = firstX; x <= lastX; ++x) {
            const QPointF corner = (QPointF(x, y) * MapTiles::kSide - origin) / ratio;
            const double side = MapTiles::kSide / ratio;
            p.drawImage(QRectF(QPointF(view.area.topLeft()) + corner, QSizeF(side, side)),
                        tiles.tile({keyScale, queryScale, x, y}));
        }
}

// Keys that nearly every planned row in view reads: sinks, separators. At a coarse zoom single cells cannot
// be outlined, these columns can.
void drawKeptColumns(QPainter& p, const HeadMapScene& scene, const std::vector<float>& shares) {
    const MapTransform& view = scene.view;
    std::int64_t top = view.firstQuery();
    while (top < view.endQuery() && scene.data->chosenBy(top).empty())
        ++top;
    // Younger keys are seen by some of the rows only; the local window would be one large box.
    const std::int64_t first = view.firstKey(), end = std::min(view.endKey(), top + 1);
    std::vector<std::pair<std::int64_t, std::int64_t>> runs;
    for (std::int64_t key = first; key < end; ++key) {
        if (shares[static_cast<std::size_t>(key - first)] < kBoxedShare)
            continue;
        if (!runs.empty() && runs.back().second == key)
            runs.back().second = key + 1;
        else
            runs.emplace_back(key, key + 1);
    }
    if (runs.size() > kMostBoxes)
        return;
    p.setPen(QPen(theme().planB, 1));
    p.setBrush(Qt::NoBrush);
    const double y = view.yOf(static_cast<double>(top));
    for (const auto& [from, to] : runs) {
        const double left = view.xOf(static_cast<double>(from)), right = view.xOf(static_cast<double>(to));
        p.drawRect(QRectF(std::floor(left) - 1.5, std::floor(y) - 0.5, std::ceil(right - left) + 2,
                          view.area.bottom() + 4 - y));
    }
}

void drawShares(QPainter& p, const HeadMapScene& scene, const QRect& strip,
                const std::vector<float>& shares) {
    const MapTransform& view = scene.view;
    p.fillRect(strip, theme().field);
    const std::int64_t first = view.firstKey();
    std::vector<float> largest(static_cast<std::size_t>(strip.width()), 0.0F);
    for (std::size_t i = 0; i < shares.size(); ++i) {
        const double left = view.xOf(static_cast<double>(first) + static_cast<double>(i)) - strip.left();
        const int begin = std::clamp(static_cast<int>(std::floor(left)), 0, strip.width() - 1);
        const int end =
            std::clamp(static_cast<int>(std::ceil(left + view.keyScale)), begin + 1, strip.width());
        for (int x = begin; x < end; ++x)
            largest[static_cast<std::size_t>(x)] = std::max(largest[static_cast<std::size_t>(x)], shares[i]);
    }
    for (int x = 0; x < strip.width(); ++x)
        if (const float share = largest[static_cast<std::size_t>(x)]; share > 0)
            p.fillRect(strip.left() + x, strip.top(), 1, strip.height(),
                       mixed(theme().field, theme().planB, share));
}

void drawDecodeFrom(QPainter& p, const HeadMapScene& scene) {
    const MapTransform& view = scene.view;
    const std::int64_t from = scene.data->map->decodeFrom;
    if (from <= view.firstQuery() || from >= view.endQuery())
        return;
    const double y = std::floor(view.yOf(static_cast<double>(from))) - 0.5;
    p.setPen(QPen(theme().mutedText, 1, Qt::DashLine));
    p.drawLine(QPointF(view.area.left(), y), QPointF(view.area.right() + 1, y));
    const QString text = QStringLiteral("decode from %1").arg(from);
    const QFontMetrics metrics(p.font());
    QRectF box(0, 0, metrics.horizontalAdvance(text) + 8, metrics.height());
    const bool above = y - box.height() - 2 > view.area.top();
    box.moveTopRight({view.area.right() - 3.0, above ? y - box.height() - 2 : y + 3});
    p.fillRect(box, mixed(theme().causal, theme().causal, 0));
    p.setPen(theme().mutedText);
    p.drawText(box, Qt::AlignCenter, text);
}

void drawCursor(QPainter& p, const HeadMapScene& scene) {
    const MapTransform& view = scene.view;
    QColor soft = theme().accent;
    soft.setAlpha(120);
    if (scene.key >= view.firstKey() && scene.key < view.endKey()) {
        p.setPen(QPen(soft, 1, Qt::DotLine));
        const double x = std::floor(view.xOf(scene.key + 0.5)) + 0.5;
        p.drawLine(QPointF(x, view.area.top()), QPointF(x, view.area.bottom() + 1));
    }
    if (scene.query < view.firstQuery() || scene.query >= view.endQuery())
        return;
    const double top = view.yOf(scene.query),
                 right = std::min<double>(view.xOf(scene.query + 1), view.area.right());
    if (view.queryScale >= 4) {
        QPen pen(theme().accent, 2);
        pen.setJoinStyle(Qt::MiterJoin);
        p.setPen(pen);
        p.setBrush(Qt::NoBrush);
        p.drawRect(QRectF(view.area.left() - 1, std::floor(top) - 1, right - view.area.left() + 2,
                          std::ceil(view.queryScale) + 2));
    } else { // a line of its own below the row, which it would otherwise hide
        const double y = std::min(std::floor(top + std::max(1.0, view.queryScale)), view.area.bottom() - 1.0);
        p.fillRect(QRectF(view.area.left(), y, right - view.area.left() + 1, 2), theme().accent);
    }
}

void drawQueryAxis(QPainter& p, const HeadMapScene& scene) {
    const MapTransform& view = scene.view;
    const QFontMetrics metrics(p.font());
    const auto label = [&](std::int64_t query) {
        const double y = view.yOf(static_cast<double>(query) + 0.5);
        p.drawText(QRectF(0, y - metrics.height() / 2.0, view.area.left() - 7, metrics.height()),
                   Qt::AlignRight | Qt::AlignVCenter, QString::number(query));
        return y;
    };
    const bool cursor = scene.query >= view.firstQuery() && scene.query < view.endQuery();
    const double cursorY = cursor ? view.yOf(scene.query + 0.5) : -1000;
    for (const std::int64_t query : positionTicks(view.firstQuery(), view.endQuery(), view.queryScale, 44)) {
        const double y = view.yOf(static_cast<double>(query) + 0.5);
        p.setPen(theme().faint);
        p.drawLine(QPointF(view.area.left() - 4, y), QPointF(view.area.left() - 1, y));
        p.setPen(theme().mutedText);
        if (std::abs(y - cursorY) > metrics.height())
            label(query);
    }
    if (cursor) {
        p.setPen(theme().accent);
        label(scene.query);
    }
    p.save();
    p.setPen(theme().mutedText);
    p.translate(metrics.height() / 2.0 + 4, view.area.center().y());
    p.rotate(-90);
    p.drawText(QRectF(-100, -metrics.height() / 2.0, 200, metrics.height()), Qt::AlignCenter,
               QStringLiteral("query position"));
    p.restore();
}

void drawKeyAxis(QPainter& p, const HeadMapScene& scene, const HeadMapLayout& layout) {
    const MapTransform& view = scene.view;
    const QFontMetrics metrics(p.font());
    const double top = layout.share.isEmpty() ? view.area.bottom() + 1 : layout.share.bottom() + 1;
    const auto label = [&](std::int64_t key) {
        const double x = view.xOf(static_cast<double>(key) + 0.5);
        p.drawText(QRectF(x - 40, top + 4, 80, metrics.height()), Qt::AlignCenter, QString::number(key));
    };
    const bool cursor = scene.key >= view.firstKey() && scene.key < view.endKey();
    const double cursorX = cursor ? view.xOf(scene.key + 0.5) : -1000;
    const double spacing = metrics.horizontalAdvance(QStringLiteral("00000")) + 24.0;
    for (const std::int64_t key : positionTicks(view.firstKey(), view.endKey(), view.keyScale, spacing)) {
        const double x = view.xOf(static_cast<double>(key) + 0.5);
        p.setPen(theme().faint);
        p.drawLine(QPointF(x, top), QPointF(x, top + 3));
        p.setPen(theme().mutedText);
        if (std::abs(x - cursorX) > 36)
            label(key);
    }
    if (cursor) {
        p.setPen(theme().accent);
        label(scene.key);
    }
    p.setPen(theme().mutedText);
    p.drawText(QRectF(view.area.left(), top + 5 + metrics.height(), view.area.width(), metrics.height()),
               Qt::AlignCenter, QStringLiteral("key position"));
}

void drawColourBar(QPainter& p, const HeadMapScene& scene, const QRect& bar) {
    const bool difference = scene.mode() == MapMode::Difference;
    const ColourTable& table = difference ? differenceTable() : colourTable(scene.map);
    QImage image(1, 256, QImage::Format_RGB32);
    for (int i = 0; i < 256; ++i)
        image.setPixel(0, 255 - i, table[static_cast<std::size_t>(i)]);
    p.save();
    p.setRenderHint(QPainter::SmoothPixmapTransform);
    p.drawImage(bar, image);
    p.restore();
    const QFontMetrics metrics(p.font());
    p.setPen(theme().mutedText);
    for (const ColourTick& tick : difference ? differenceTicks(scene.scale) : colourTicks(scene.scale)) {
        const double y = bar.bottom() + 1 - tick.fraction * bar.height();
        p.drawLine(QPointF(bar.right() + 1, y), QPointF(bar.right() + 3, y));
        p.drawText(QRectF(bar.right() + 6, y - metrics.height() / 2.0, kBarLabels, metrics.height()),
                   Qt::AlignLeft | Qt::AlignVCenter, tick.label);
    }
    p.drawText(QRectF(bar.left() - kBarGap, bar.top() - metrics.height() - 4,
                      kBarWidth + kBarGap + kBarLabels, metrics.height()),
               Qt::AlignCenter, difference ? QStringLiteral("A − B") : QStringLiteral("weight"));
    p.drawText(QRectF(bar.left() - kBarGap + 2, bar.bottom() + 10, kBarWidth + kBarGap + kBarLabels,
                      metrics.height()),
               Qt::AlignHCenter | Qt::AlignTop, name(scene.scale));
}

void drawMissed(QPainter& p, const HeadMapScene& scene, const QRect& column) {
    const MapTransform& view = scene.view;
    const double scale = missedScale(scene.data->missedMax);
    constexpr double kSeen = 0.05; // of a pixel: what is more is shown as one, what is less is noise
    const QFontMetrics metrics(p.font());
    p.fillRect(column, theme().field);
    std::vector<float> largest(static_cast<std::size_t>(column.height()), 0.0F);
    for (std::int64_t query = view.firstQuery(); query < view.endQuery(); ++query) {
        const double top = view.yOf(static_cast<double>(query)) - column.top();
        const int begin = std::clamp(static_cast<int>(std::floor(top)), 0, column.height() - 1);
        // A gap between bars as soon as there is room for one.
        const int end = static_cast<int>(std::floor(top + view.queryScale)) - (view.queryScale >= 4 ? 1 : 0);
        for (int y = begin; y < std::clamp(end, begin + 1, column.height()); ++y)
            largest[static_cast<std::size_t>(y)] =
                std::max(largest[static_cast<std::size_t>(y)], scene.data->missed(query));
    }
    for (int y = 0; y < column.height(); ++y)
        if (const double width = largest[static_cast<std::size_t>(y)] / scale * column.width(); width > kSeen)
            p.fillRect(QRectF(column.left(), column.top() + y, std::max(1.0, width), 1), theme().planB);
    p.setPen(theme().mutedText);
    p.drawText(QRectF(column.left() - 20, column.top() - metrics.height() - 4, column.width() + 40,
                      metrics.height()),
               Qt::AlignCenter, QStringLiteral("missed"));
    const double below = column.bottom() + 1 + kShareHeight + 4;
    p.drawText(QRectF(column.left(), below, column.width(), metrics.height()), Qt::AlignLeft,
               QStringLiteral("0"));
    p.drawText(QRectF(column.left() - 10, below, column.width() + 14, metrics.height()), Qt::AlignRight,
               QStringLiteral("%1 %").arg(scale * 100, 0, 'g', 3));
}

void drawEmpty(QPainter& p, const HeadMapScene& scene, const QRect& whole) {
    p.setPen(theme().mutedText);
    p.setFont(uiFont(12));
    p.drawText(whole.adjusted(16, 16, -16, -16), Qt::AlignCenter | Qt::TextWordWrap, scene.emptyText);
}

} // namespace

HeadMapLayout layoutOf(const HeadMapScene& scene, QSize size, bool footer) {
    HeadMapLayout layout;
    layout.whole = QRect(QPoint(0, 0), size);
    layout.footer = footer ? kFooter : 0;
    const bool overlaid = scene.overlaid();
    const int right =
        kMarginRight + kBarLabels + 6 + kBarWidth + kBarGap + (overlaid ? kMissedGap + kMissedWidth : 0);
    const int bottom = kMarginBottom + layout.footer + (overlaid ? kShareHeight + 1 : 0);
    layout.map = QRect(kMarginLeft, kMarginTop, std::max(1, size.width() - kMarginLeft - right),
                       std::max(1, size.height() - kMarginTop - bottom));
    int x = layout.map.right() + 1;
    if (overlaid) {
        layout.share = QRect(layout.map.left(), layout.map.bottom() + 2, layout.map.width(), kShareHeight);
        layout.missed = QRect(x + kMissedGap, layout.map.top(), kMissedWidth, layout.map.height());
        x = layout.missed.right() + 1;
    }
    layout.bar = QRect(x + kBarGap, layout.map.top(), kBarWidth, std::min(layout.map.height(), 260));
    return layout;
}

std::vector<float> readShares(const HeadMapScene& scene) {
    const MapTransform& view = scene.view;
    const std::int64_t first = view.firstKey(), end = view.endKey();
    std::vector<float> reads(static_cast<std::size_t>(std::max<std::int64_t>(end - first, 0)), 0.0F);
    std::vector<std::int64_t> planned;
    for (std::int64_t query = view.firstQuery(); query < view.endQuery(); ++query) {
        const auto chosen = scene.data->chosenBy(query);
        if (chosen.empty())
            continue;
        planned.push_back(query);
        auto at = std::lower_bound(chosen.begin(), chosen.end(), static_cast<std::int32_t>(first));
        for (; at != chosen.end() && *at < end; ++at)
            reads[static_cast<std::size_t>(*at - first)] += 1;
    }
    if (planned.empty())
        return {};
    for (std::int64_t key = first; key < end; ++key) {
        const auto seeing = planned.end() - std::lower_bound(planned.begin(), planned.end(), key);
        if (seeing > 0)
            reads[static_cast<std::size_t>(key - first)] /= static_cast<float>(seeing);
    }
    return reads;
}

void paintHeadMap(QPainter& p, const HeadMapScene& scene, const HeadMapLayout& layout, MapTiles& tiles,
                  double ratio) {
    p.fillRect(layout.whole, theme().panel);
    if (!scene.data || scene.view.empty()) {
        drawEmpty(p, scene, layout.whole);
        return;
    }
    p.setFont(uiFont(kAxisFont));
    p.save();
    p.setClipRect(scene.view.area);
    drawTiles(p, scene, tiles, ratio);
    std::vector<float> shares;
    if (scene.overlaid())
        shares = readShares(scene);
    if (!shares.empty() && std::min(scene.view.keyScale, scene.view.queryScale) < MapTiles::kOutlineFrom)
        drawKeptColumns(p, scene, shares);
    if (scene.overlaid())
        drawDecodeFrom(p, scene);
    drawCursor(p, scene);
    p.restore();
    drawQueryAxis(p, scene);
    drawKeyAxis(p, scene, layout);
    drawColourBar(p, scene, layout.bar);
    if (scene.overlaid()) {
        drawShares(p, scene, layout.share, shares);
        drawMissed(p, scene, layout.missed);
    }
    if (layout.footer > 0) {
        p.setPen(theme().mutedText);
        p.drawText(QRect(kMarginLeft, layout.whole.bottom() - layout.footer - 2,
                         layout.whole.width() - kMarginLeft, layout.footer),
                   Qt::AlignLeft | Qt::AlignVCenter, sceneCaption(scene));
    }
}

QString rangeCaption(const HeadMapScene& scene) {
    if (!scene.data)
        return {};
    return QStringLiteral("queries %1–%2, keys %3–%4")
        .arg(scene.view.firstQuery())
        .arg(scene.view.endQuery() - 1)
        .arg(scene.view.firstKey())
        .arg(scene.view.endKey() - 1);
}

QString sceneCaption(const HeadMapScene& scene) {
    if (!scene.data)
        return {};
    const bool difference = scene.mode() == MapMode::Difference;
    // From the bar's head to its foot.
    const std::vector<ColourTick> ticks =
        difference ? differenceTicks(scene.scale) : colourTicks(scene.scale);
    const QString what = difference                   ? QStringLiteral("weight used by A less that by B")
                         : scene.mode() == MapMode::B ? QStringLiteral("weight used by B")
                         : scene.data->used.a         ? QStringLiteral("weight used by A")
                                                      : QStringLiteral("weight");
    QString text = QStringLiteral("layer %1 · head %2 · %3 · %4, %5 %6 … %7, %8")
                       .arg(scene.data->map->layer)
                       .arg(scene.data->map->head)
                       .arg(rangeCaption(scene), what, name(scene.scale), ticks.back().label,
                            ticks.front().label, name(difference ? ColourMap::BlueOrange : scene.map));
    if (scene.overlaid())
        text += QStringLiteral(" · grey: not read by %1").arg(scene.planLabel);
    if (scene.overlaid() && scene.data->anyEvicted)
        text += QStringLiteral(", hatched: evicted");
    return text;
}

} // namespace fovea
