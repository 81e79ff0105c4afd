// Where the parts of the quantisation view lie, and what is under a point of it.

#include <QFontMetricsF>
#include <QObject>

#include <algorithm>
#include <cmath>

#include "views/panels/stages_axes.h"
#include "views/panels/stored_paint.h"

namespace fovea {

namespace {

constexpr double kSide = 10;    // margin
constexpr double kTitle = 17;   // above a plot
constexpr double kCaption = 36; // two lines
constexpr double kFooter = 44;  // three
constexpr double kBar = 9, kBarLabels = 42;
constexpr double kLeastColumn = 300;
constexpr int kLeastHeight = 470;

StoredColumn columnIn(const QRectF& area) {
    const double left = area.left() + kSide + stages::kAxis;
    const double width = std::max(area.right() - kSide - left, 20.);
    const double plots =
        std::max(area.height() - kCaption - kFooter - 4 * (kTitle + stages::kTicks) - 6, 60.);
    double y = area.top() + 4;
    const auto next = [&](double share) {
        const QRectF plot(left, y + kTitle, width, plots * share);
        y = plot.bottom() + stages::kTicks;
        return plot;
    };
    StoredColumn column;
    column.caption = QRectF(area.left() + kSide, y, area.width() - 2 * kSide, kCaption);
    y += kCaption;
    column.map = next(.36).adjusted(0, 0, -kBar - kBarLabels, 0);
    column.bar = QRectF(column.map.right() + 6, column.map.top(), kBar, column.map.height());
    column.before = next(.17);
    column.after = next(.17);
    column.histogram = next(.30);
    column.footer = QRectF(area.left() + kSide, y + 2, area.width() - 2 * kSide, kFooter);
    return column;
}

int cellOf(double at, double first, double length, std::int64_t cells) {
    const double share = (at - first) / length;
    return static_cast<int>(std::clamp<double>(std::floor(share * static_cast<double>(cells)), 0,
                                               static_cast<double>(cells - 1)));
}

QString number(float value) {
    return QString::number(static_cast<double>(value), 'g', 4);
}

QString mapTip(const StoredPart& part, const StoredCell& cell) {
    const auto at = static_cast<std::size_t>(cell.token * part.channels + cell.channel);
    QString text =
        QObject::tr("token %1, channel %2\nx = %3, held as %4, error %5")
            .arg(cell.token)
            .arg(cell.channel)
            .arg(number(part.exact[at]), number(part.held[at]), number(part.error(cell.token, cell.channel)));
    if (part.levels.perGroup > 0 && !part.levels.coded(cell.token))
        text += QObject::tr("\nthis token is held as it is");
    return text;
}

QString channelTip(const ChannelSize& size, int channel, const StoredPart& part, const QString& where) {
    const auto outliers = part.outliers.perChannel[static_cast<std::size_t>(channel)];
    return QObject::tr("channel %1%2: largest %3, mean %4\n%5 of %6 numbers beyond %7σ")
        .arg(channel)
        .arg(where, number(size.most), number(size.mean))
        .arg(outliers)
        .arg(part.tokens)
        .arg(kOutlierDeviations);
}

QString binTip(const NumberHistogram& histogram, int bin) {
    const double width = (histogram.last - histogram.first) / static_cast<double>(histogram.counts.size());
    return QObject::tr("%1 numbers from %2 to %3")
        .arg(histogram.counts[static_cast<std::size_t>(bin)])
        .arg(histogram.first + bin * width, 0, 'g', 4)
        .arg(histogram.first + (bin + 1) * width, 0, 'g', 4);
}

} // namespace

StoredLayout storedLayout(const QSizeF& size) {
    const bool beside = size.width() >= 2 * kLeastColumn;
    const QSizeF half =
        beside ? QSizeF(size.width() / 2, size.height()) : QSizeF(size.width(), size.height() / 2);
    return {columnIn({QPointF(0, 0), half}),
            columnIn({beside ? QPointF(half.width(), 0) : QPointF(0, half.height()), half})};
}

int storedHeight(int width) {
    return width >= 2 * kLeastColumn ? kLeastHeight : 2 * kLeastHeight;
}

std::optional<StoredCell> storedCellAt(const QSizeF& size, const StoredScene& scene, const QPointF& at) {
    const StoredLayout layout = storedLayout(size);
    for (const bool values : {false, true}) {
        const StoredColumn& column = values ? layout.values : layout.keys;
        const StoredPart& part = values ? scene.head->values : scene.head->keys;
        if (column.map.contains(at))
            return StoredCell{values, cellOf(at.x(), column.map.left(), column.map.width(), part.tokens),
                              cellOf(at.y(), column.map.top(), column.map.height(), part.channels)};
        if (column.before.united(column.after).contains(at))
            return StoredCell{values, scene.token,
                              cellOf(at.x(), column.after.left(), column.after.width(), part.channels)};
    }
    return std::nullopt;
}

QString storedTip(const QSizeF& size, const StoredScene& scene, const QPointF& at) {
    const StoredLayout layout = storedLayout(size);
    for (const bool values : {false, true}) {
        const StoredColumn& column = values ? layout.values : layout.keys;
        const StoredPart& part = values ? scene.head->values : scene.head->keys;
        if (column.histogram.contains(at))
            return binTip(part.histogram, cellOf(at.x(), column.histogram.left(), column.histogram.width(),
                                                 std::ssize(part.histogram.counts)));
        const auto cell = storedCellAt(size, scene, at);
        if (!cell || cell->values != values)
            continue;
        if (column.map.contains(at))
            return mapTip(part, *cell);
        const bool before = !part.before.empty() && at.y() <= column.before.bottom();
        const auto& sizes = before ? part.before : part.sizes;
        return channelTip(sizes[static_cast<std::size_t>(cell->channel)], cell->channel, part,
                          values   ? QString()
                          : before ? QObject::tr(" before RoPE")
                                   : QObject::tr(" after RoPE"));
    }
    return {};
}

} // namespace fovea
