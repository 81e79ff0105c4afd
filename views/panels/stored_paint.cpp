#include "views/panels/stored_paint.h"

#include <QFontMetricsF>
#include <QImage>
#include <QObject>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "views/panels/stages_axes.h"
#include "views/theme.h"

namespace fovea {

namespace {

using stages::Axes;

constexpr int kFewLevels = 16; // as many are drawn over the whole height
constexpr int kNamedChannels = 3;

QString number(double value, int digits = 3) {
    return QString::number(value, 'g', digits);
}

QString percent(double share) {
    return QObject::tr("%1 %").arg(100 * share, 0, 'g', 2);
}

void paintCaption(QPainter& painter, const QRectF& area, const StoredPart& part, const QString& name) {
    const QRectF first(area.left(), area.top(), area.width(), area.height() / 2);
    painter.setFont(uiFont(12, true));
    painter.setPen(theme().text);
    painter.drawText(first, Qt::AlignLeft | Qt::AlignVCenter, name);
    painter.setFont(numberFont(11));
    painter.drawText(first, Qt::AlignRight | Qt::AlignVCenter,
                     QObject::tr("%1 bits per number").arg(part.bits));
    painter.setFont(uiFont(11));
    painter.setPen(theme().mutedText);
    const QString lost = part.mostError > 0 ? QObject::tr("relative error %1 · largest %2")
                                                  .arg(percent(part.relativeError), number(part.mostError))
                                            : QObject::tr("held exactly as it came: no error");
    const QString said =
        part.notFinite > 0 ? QObject::tr("%1 · %2 are no numbers").arg(lost).arg(part.notFinite) : lost;
    painter.drawText(first.translated(0, first.height()), Qt::AlignLeft | Qt::AlignVCenter,
                     QFontMetricsF(painter.font()).elidedText(said, Qt::ElideRight, area.width()));
}

// Where tokens are more than pixels, a pixel is the largest of its tokens: no error is hidden by its neighbours.
QImage errorImage(const StoredPart& part, int columns, ColourMap colours) {
    const ColourTable& table = colourTable(colours);
    QImage image(columns, part.channels, QImage::Format_RGB32);
    const float scale = part.mostError > 0 ? 255 / part.mostError : 0;
    for (int channel = 0; channel < part.channels; ++channel) {
        auto* line = reinterpret_cast<QRgb*>(image.scanLine(channel));
        for (int x = 0; x < columns; ++x) {
            const std::int64_t first = x * part.tokens / columns, end = (x + 1) * part.tokens / columns;
            float most = 0;
            for (std::int64_t token = first; token < std::max(end, first + 1); ++token)
                most = std::max(most, part.error(token, channel)); // NaN is never the larger one
            line[x] = table[static_cast<std::size_t>(std::clamp(most * scale, 0.f, 255.f))];
        }
    }
    return image;
}

void paintBar(QPainter& painter, const QRectF& bar, float most, ColourMap colours) {
    const ColourTable& table = colourTable(colours);
    QImage image(1, 256, QImage::Format_RGB32);
    for (int i = 0; i < 256; ++i)
        image.setPixel(0, 255 - i, table[static_cast<std::size_t>(i)]);
    painter.drawImage(bar, image);
    painter.setFont(uiFont(10));
    painter.setPen(theme().mutedText);
    const double middle = QFontMetricsF(painter.font()).ascent() / 2 - 1;
    if (!(most > 0)) {
        painter.drawText(QPointF(bar.right() + 4, bar.bottom()), QStringLiteral("0"));
        return;
    }
    for (const double value : ticksBetween(0, static_cast<double>(most), 4)) {
        const double y = bar.bottom() - value / static_cast<double>(most) * bar.height();
        painter.drawLine(QPointF(bar.right() + 1, y), QPointF(bar.right() + 3, y));
        painter.drawText(QPointF(bar.right() + 5, std::max(y + middle, bar.top() + 2 * middle)),
                         number(value));
    }
}

void paintMap(QPainter& painter, const StoredColumn& column, const StoredScene& scene,
              const StoredPart& part) {
    const QRectF& map = column.map;
    const int columns =
        std::max(static_cast<int>(std::min<double>(static_cast<double>(part.tokens), map.width())), 1);
    const auto perPixel = (part.tokens + columns - 1) / columns;
    const Axes axes{painter, map, 0, static_cast<double>(part.tokens), static_cast<double>(part.channels), 0};
    QString title = QObject::tr("error by channel and token");
    if (perPixel > 1)
        title += QObject::tr(", the largest of %1 a pixel").arg(perPixel);
    Axes{painter, map.united(column.bar.adjusted(0, 0, column.before.right() - column.bar.right(), 0))}.title(
        title);
    painter.drawImage(map, errorImage(part, columns, scene.colours));
    paintBar(painter, column.bar, part.mostError, scene.colours);
    axes.xTicks(4, QObject::tr("token"), true);
    painter.setFont(uiFont(10));
    painter.setPen(theme().mutedText);
    const QFontMetricsF metrics(painter.font());
    for (const double channel : ticksBetween(0, part.channels - 1, 4)) {
        const QString text = QString::number(channel);
        painter.drawText(QPointF(map.left() - 5 - metrics.horizontalAdvance(text),
                                 axes.y(channel + .5) + metrics.ascent() / 2 - 1),
                         text);
    }
    painter.setPen(theme().accent);
    const double x = std::round(axes.x(static_cast<double>(scene.token) + .5)) + .5,
                 y = std::round(axes.y(scene.channel + .5)) + .5;
    painter.drawLine(QPointF(x, map.top()), QPointF(x, map.bottom()));
    painter.drawLine(QPointF(map.left(), y), QPointF(map.left() + 6, y));
    painter.drawLine(QPointF(map.right() - 6, y), QPointF(map.right(), y));
}

// From the right; each mark in its colour, its name as quiet as other words.
void paintLegend(QPainter& painter, const QRectF& plot, bool sizes, bool outliers) {
    painter.setFont(uiFont(10));
    const QFontMetricsF metrics(painter.font());
    double right = plot.right();
    const auto put = [&](const QString& text, const QColor& colour) {
        right -= metrics.horizontalAdvance(text);
        painter.setPen(colour);
        painter.drawText(QPointF(right, plot.top() - 5), text);
    };
    const auto entry = [&](const QString& mark, const QString& name, const QColor& colour) {
        put(name, theme().mutedText);
        put(mark + QLatin1Char(' '), colour);
        right -= 8;
    };
    if (outliers)
        entry(QStringLiteral("●"), QObject::tr("outliers"), theme().warning);
    if (!sizes)
        return;
    entry(QStringLiteral("■"), QObject::tr("mean"), theme().planA);
    entry(QStringLiteral("■"), QObject::tr("largest"), theme().faint);
}

struct ChannelPlot {
    QRectF plot;
    const std::vector<ChannelSize>& sizes;
    double most = 0; // of the axis
    QString title;
    bool outliers = false; // these are the numbers among which outliers were looked for
};

// A dot is as large as its channel's share of the outliers.
void paintOutliers(const Axes& axes, const Outliers& outliers) {
    QPainter& painter = axes.painter;
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(theme().warning);
    for (std::size_t channel = 0; channel < outliers.perChannel.size(); ++channel) {
        if (outliers.perChannel[channel] == 0)
            continue;
        const double share =
            static_cast<double>(outliers.perChannel[channel]) / static_cast<double>(outliers.count);
        const double radius = 1 + 3 * std::sqrt(share);
        painter.drawEllipse(QPointF(axes.x(static_cast<double>(channel) + .5), axes.plot.top() + 4), radius,
                            radius);
    }
    painter.setBrush(Qt::NoBrush);
    painter.setRenderHint(QPainter::Antialiasing, false);
}

void paintChannels(QPainter& painter, const ChannelPlot& what, const StoredScene& scene,
                   const StoredPart& part) {
    const QRectF& plot = what.plot;
    const Axes axes{
        painter, plot, 0, static_cast<double>(part.channels), 0, what.most > 0 ? what.most * 1.12 : 1};
    axes.title(what.title);
    axes.yTicks(plot.height() > 100 ? 4 : 2);
    QColor aimed = theme().accent;
    aimed.setAlpha(50);
    painter.fillRect(QRectF(axes.x(scene.channel), plot.top(), axes.x(1) - axes.x(0), plot.height()), aimed);
    for (int channel = 0; channel < part.channels; ++channel) {
        const ChannelSize& size = what.sizes[static_cast<std::size_t>(channel)];
        painter.fillRect(stages::bar(axes, channel, 1, static_cast<double>(size.most), 0), theme().faint);
        painter.fillRect(stages::bar(axes, channel, 1, static_cast<double>(size.mean), 0), theme().planA);
    }
    if (what.outliers)
        paintOutliers(axes, part.outliers);
    axes.baseline(0);
    axes.xTicks(4, QObject::tr("channel"), true);
}

double mostOf(const std::vector<ChannelSize>& sizes) {
    double most = 0;
    for (const ChannelSize& size : sizes)
        most = std::max(most, static_cast<double>(size.most));
    return most;
}

void paintSizes(QPainter& painter, const StoredColumn& column, const StoredScene& scene,
                const StoredPart& part, bool values) {
    if (part.before.empty()) {
        const QRectF whole = column.before.united(column.after);
        const QString title =
            values ? QObject::tr("|v| of each channel") : QObject::tr("|k| of each channel");
        paintChannels(painter, {whole, part.sizes, mostOf(part.sizes), title, true}, scene, part);
        return paintLegend(painter, whole, true, true);
    }
    // On one scale: what RoPE spreads over two channels is seen to be less in each.
    const double most = std::max(mostOf(part.before), mostOf(part.sizes));
    const QString before = QObject::tr("|k| of each channel before RoPE"),
                  after = QObject::tr("|k| of each channel after RoPE");
    paintChannels(painter, {column.before, part.before, most, before, part.beforeRope}, scene, part);
    paintLegend(painter, column.before, true, part.beforeRope);
    paintChannels(painter, {column.after, part.sizes, most, after, !part.beforeRope}, scene, part);
    if (!part.beforeRope)
        paintLegend(painter, column.after, false, true); // the sizes are named above
}

QString levelsTitle(const StoredScene& scene, const StoredPart& part) {
    if (part.levels.perGroup == 0)
        return QObject::tr("numbers; there are no levels to show");
    if (!part.levels.coded(scene.token))
        return QObject::tr("numbers; token %1 is held as it is").arg(scene.token);
    const CodeLevels::Block group = part.levels.group(scene.token, scene.channel);
    const auto span = [](const QString& one, const QString& many, std::int64_t first, std::int64_t end) {
        return end - first > 1 ? many.arg(first).arg(end - 1) : one.arg(first);
    };
    return QObject::tr("numbers, and the %1 levels of %2, %3")
        .arg(part.levels.perGroup)
        .arg(span(QObject::tr("token %1"), QObject::tr("tokens %1–%2"), group.firstToken, group.endToken),
             span(QObject::tr("channel %1"), QObject::tr("channels %1–%2"), group.firstChannel,
                  group.endChannel));
}

// The group's levels, and below them its own numbers; the one looked at and what it became stand out.
void paintLevels(const Axes& axes, const StoredScene& scene, const StoredPart& part) {
    QPainter& painter = axes.painter;
    const QRectF& plot = axes.plot;
    const auto levels = part.levels.at(scene.token, scene.channel);
    const double top = levels.size() <= kFewLevels ? plot.top() : plot.bottom() - plot.height() / 5;
    QColor quiet = theme().planB;
    quiet.setAlpha(levels.size() <= kFewLevels ? 170 : 110);
    painter.setPen(QPen(quiet, 1));
    for (const float level : levels)
        if (const double x = axes.x(static_cast<double>(level)); x >= plot.left() && x <= plot.right())
            painter.drawLine(QPointF(x, top), QPointF(x, plot.bottom()));
    const auto at = [&](std::int64_t token, int channel) {
        return static_cast<std::size_t>(token * part.channels + channel);
    };
    painter.setPen(QPen(theme().accent, 1));
    const CodeLevels::Block group = part.levels.group(scene.token, scene.channel);
    for (std::int64_t token = group.firstToken; token < group.endToken && !levels.empty(); ++token)
        for (int channel = group.firstChannel; channel < group.endChannel; ++channel) {
            const double x = axes.x(static_cast<double>(part.exact[at(token, channel)]));
            painter.drawLine(QPointF(x, plot.bottom() - 5), QPointF(x, plot.bottom()));
        }
    const float exact = part.exact[at(scene.token, scene.channel)],
                held = part.held[at(scene.token, scene.channel)];
    if (!std::isfinite(exact) || !std::isfinite(held))
        return;
    painter.setPen(QPen(theme().planB, 2));
    painter.drawLine(QPointF(axes.x(static_cast<double>(held)), top),
                     QPointF(axes.x(static_cast<double>(held)), plot.bottom()));
    painter.setPen(QPen(theme().accent, 2));
    painter.drawLine(QPointF(axes.x(static_cast<double>(exact)), plot.bottom() - plot.height() / 5),
                     QPointF(axes.x(static_cast<double>(exact)), plot.bottom()));
}

void paintHistogram(QPainter& painter, const QRectF& plot, const StoredScene& scene, const StoredPart& part) {
    const NumberHistogram& histogram = part.histogram;
    const auto most = *std::max_element(histogram.counts.begin(), histogram.counts.end());
    const double bin = (histogram.last - histogram.first) / static_cast<double>(histogram.counts.size());
    // Levels reach a little beyond the numbers.
    const Axes axes{painter,
                    plot,
                    histogram.first - 2 * bin,
                    histogram.last + 2 * bin,
                    0,
                    std::max(static_cast<double>(most), 1.) * 1.05};
    axes.title(levelsTitle(scene, part));
    axes.yTicks(3);
    const QColor fill = mixed(theme().panel, theme().planA, .45); // levels are to stand out
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
        const double first = axes.x(histogram.first + static_cast<double>(i) * bin),
                     y = axes.y(static_cast<double>(histogram.counts[i]));
        painter.fillRect(QRectF(first, y, axes.x(histogram.first + static_cast<double>(i + 1) * bin) - first,
                                plot.bottom() - y),
                         fill);
    }
    painter.setPen(QPen(theme().mutedText, 1, Qt::DashLine));
    for (const double bound : {part.outliers.below, part.outliers.above})
        if (bound > axes.x0 && bound < axes.x1)
            painter.drawLine(QPointF(axes.x(bound), plot.top()), QPointF(axes.x(bound), plot.bottom()));
    paintLevels(axes, scene, part);
    axes.baseline(0);
    axes.xTicks(4, QObject::tr("x"), false);
}

QString outlierText(const StoredPart& part) {
    const Outliers& out = part.outliers;
    const auto all = static_cast<double>(part.tokens) * part.channels;
    QString text = QObject::tr("outside %1 … %2 (%3σ): %4 of the numbers, %5 were they normal.")
                       .arg(number(out.below), number(out.above))
                       .arg(kOutlierDeviations)
                       .arg(percent(static_cast<double>(out.count) / all), percent(kNormalOutliers));
    if (out.count == 0)
        return text;
    std::vector<int> order(out.perChannel.size());
    std::iota(order.begin(), order.end(), 0);
    const auto count = [&](int channel) { return out.perChannel[static_cast<std::size_t>(channel)]; };
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return count(a) > count(b); });
    QStringList named;
    for (const int channel : order)
        if (named.size() < kNamedChannels && count(channel) > 0)
            named << QObject::tr("%1 (%2)").arg(channel).arg(
                percent(static_cast<double>(count(channel)) / static_cast<double>(out.count)));
    const auto others =
        std::count_if(order.begin(), order.end(), [&](int c) { return count(c) > 0; }) - named.size();
    text += QObject::tr(" Most are in channels %1").arg(named.join(QStringLiteral(", ")));
    return others > 0 ? text + QObject::tr("; %1 others have some.").arg(others) : text + QLatin1Char('.');
}

void paintPart(QPainter& painter, const StoredColumn& column, const StoredScene& scene, bool values) {
    const StoredPart& part = values ? scene.head->values : scene.head->keys;
    const QString keys = part.beforeRope ? QObject::tr("Keys, as stored before RoPE") : QObject::tr("Keys");
    paintCaption(painter, column.caption, part, values ? QObject::tr("Values") : keys);
    paintMap(painter, column, scene, part);
    paintSizes(painter, column, scene, part, values);
    paintHistogram(painter, column.histogram, scene, part);
    painter.setFont(uiFont(11));
    painter.setPen(theme().mutedText);
    painter.drawText(column.footer, Qt::AlignLeft | Qt::AlignTop | Qt::TextWordWrap, outlierText(part));
}

} // namespace

void paintStored(QPainter& painter, const QSizeF& size, const StoredScene& scene) {
    const StoredLayout layout = storedLayout(size);
    painter.setRenderHint(QPainter::Antialiasing, false);
    paintPart(painter, layout.keys, scene, false);
    paintPart(painter, layout.values, scene, true);
}

} // namespace fovea
