#include "views/charts/sweep_layout.h"

#include <QCoreApplication>
#include <QFontMetricsF>
#include <QPainterPath>
#include <QPolygonF>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/trace/byte_text.h"
#include "views/charts/chart_series.h"
#include "views/theme.h"

namespace fovea {

namespace {

constexpr double kLeft = 60, kRight = 24, kBottom = 44, kTop = 46, kLegendRow = 18;
constexpr double kMark = 4; // radius
constexpr int kLineSamples = 120;

QString tr(const char* text) {
    return QCoreApplication::translate("fovea::SweepChart", text);
}

QString text(std::string_view utf8) {
    return QString::fromUtf8(utf8.data(), static_cast<qsizetype>(utf8.size()));
}

QString bytesText(double bytes) {
    return text(byteText(static_cast<std::int64_t>(std::llround(bytes))));
}

// 1, 2, 3, 5 and 7 times the powers of ten within, thinned to what the width has room for.
std::vector<double> logTicks(double first, double last, double pixels) {
    const double perDecade = pixels / std::max(last - first, 0.01);
    const std::vector<double> parts = perDecade < 160   ? std::vector<double>{1}
                                      : perDecade < 320 ? std::vector<double>{1, 2, 5}
                                                        : std::vector<double>{1, 2, 3, 5, 7};
    std::vector<double> ticks;
    for (double power = std::floor(first); power <= last; power += 1)
        for (const double part : parts)
            if (const double at = power + std::log10(part); at >= first && at <= last)
                ticks.push_back(std::pow(10., at));
    return ticks;
}

void widen(double& low, double& high, double a, double b) {
    low = std::min(low, a);
    high = std::max(high, b);
}

void drawGrid(QPainter& painter, const SweepTable& table, const SweepLayout& l) {
    const Theme& t = theme();
    const QFontMetricsF metrics(painter.font());
    painter.setRenderHint(QPainter::Antialiasing, false);
    for (double tick = std::ceil(l.low / l.tick - 1e-9) * l.tick; tick <= l.high + l.tick * 1e-9;
         tick += l.tick) {
        const double y = std::round(l.y(tick));
        painter.setPen(t.grid);
        painter.drawLine(QPointF(l.area.left(), y), QPointF(l.area.right(), y));
        painter.setPen(t.mutedText);
        const QString number = QString::number(std::abs(tick) < l.tick / 1e6 ? 0 : tick, 'g', 4);
        painter.drawText(
            QPointF(l.area.left() - 8 - metrics.horizontalAdvance(number), y + metrics.ascent() / 2 - 1),
            number);
    }
    painter.setPen(t.border);
    painter.drawLine(l.area.bottomLeft(), l.area.bottomRight());
    double taken = -HUGE_VAL;
    for (const double tick : logTicks(l.first, l.last, l.area.width())) {
        const double x = std::round(l.x(tick));
        painter.setPen(t.grid);
        painter.drawLine(QPointF(x, l.area.top()), QPointF(x, l.area.bottom()));
        painter.setPen(t.border);
        painter.drawLine(QPointF(x, l.area.bottom()), QPointF(x, l.area.bottom() + 4));
        QString label = bytesText(tick);
        label.replace(QLatin1String(".00 "), QLatin1String(" "))
            .replace(QLatin1String(".0 "), QLatin1String(" "));
        const double left = x - metrics.horizontalAdvance(label) / 2;
        if (left < taken)
            continue;
        painter.setPen(t.mutedText);
        painter.drawText(QPointF(left, l.area.bottom() + 18), label);
        taken = left + metrics.horizontalAdvance(label) + 10;
    }
    const QString name = tr("bytes that attention moves per token, counted (logarithmic)");
    painter.setPen(t.mutedText);
    painter.drawText(QPointF(l.area.right() - metrics.horizontalAdvance(name), l.area.bottom() + 36), name);
    const QString key = tr("filled: no other of its method is as good for as few bytes");
    if (metrics.horizontalAdvance(key) + metrics.horizontalAdvance(name) + 20 < l.area.width())
        painter.drawText(QPointF(l.area.left(), l.area.bottom() + 36), key);
    const SweepArguments& a = table.arguments;
    QString title = text(a.metric);
    if (!title.isEmpty())
        title[0] = title[0].toUpper();
    painter.setPen(t.text);
    painter.drawText(QPointF(l.area.left(), 19), title);
    double at = l.area.left() + metrics.horizontalAdvance(title) + 10;
    painter.setPen(t.mutedText);
    const QString model = text(a.model).section(QLatin1Char('/'), -1);
    const QString note = tr("%1 · %2 · %3 · %4 samples")
                             .arg(a.higherBetter ? tr("higher is better") : tr("lower is better"),
                                  tr("%1 of %2").arg(text(a.task), model), text(a.figures))
                             .arg(a.samples);
    painter.drawText(QPointF(at, 19),
                     metrics.elidedText(note, Qt::ElideRight, std::max(l.area.right() - at, 0.)));
}

void drawDense(QPainter& painter, const SweepTable& table, const SweepLayout& l) {
    const SweepRow* dense = table.dense();
    if (!dense || !dense->refused.empty())
        return;
    const Theme& t = theme();
    const QFontMetricsF metrics(painter.font());
    const double y = l.y(dense->score.mean), x = l.x(dense->moved.counted);
    QColor band = t.planA;
    band.setAlpha(40);
    const double above = l.y(dense->score.mean + dense->score.standardError);
    const double below = l.y(dense->score.mean - dense->score.standardError);
    painter.fillRect(QRectF(QPointF(l.area.left(), above), QPointF(l.area.right(), below)) & l.area, band);
    QPen pen(t.planA, 1.5, Qt::CustomDashLine, Qt::FlatCap);
    pen.setDashPattern({4, 3});
    painter.setPen(pen);
    painter.drawLine(QPointF(l.area.left(), y), QPointF(l.area.right(), y));
    painter.setPen(Qt::NoPen);
    painter.setBrush(t.planA);
    painter.drawRect(QRectF(x - kMark, y - kMark, 2 * kMark, 2 * kMark));
    const QString label = tr("dense %1").arg(QString::number(dense->score.mean, 'g', 4));
    const double width = metrics.horizontalAdvance(label);
    painter.setPen(t.mutedText);
    // Under the line where it runs along the top, and left of the mark.
    const double baseline = y - 7 - metrics.ascent() > l.area.top() ? y - 7 : y + 7 + metrics.ascent();
    painter.drawText(QPointF(std::min(x - width / 2, l.area.right() - width), baseline), label);
}

void drawErrorBar(QPainter& painter, const SweepLayout& l, const SweepPoint& p, QColor colour) {
    if (!(p.error > 0))
        return;
    colour.setAlphaF(p.best ? 0.8F : 0.4F);
    painter.setPen(QPen(colour, 1.2));
    const double x = l.x(p.bytes), top = l.y(p.score + p.error), bottom = l.y(p.score - p.error);
    painter.drawLine(QPointF(x, top), QPointF(x, bottom));
    for (const double y : {top, bottom})
        painter.drawLine(QPointF(x - 3, y), QPointF(x + 3, y));
}

void drawSeries(QPainter& painter, const SweepLayout& l, const SweepSeries& series, std::size_t index) {
    const QColor colour = sweepColour(index);
    QPolygonF line;
    for (const SweepPoint& p : series.points)
        if (p.best)
            line << QPointF(l.x(p.bytes), l.y(p.score));
    QColor soft = colour;
    soft.setAlphaF(0.75F);
    painter.setPen(QPen(soft, 1.5));
    painter.setBrush(Qt::NoBrush);
    painter.drawPolyline(line);
    for (const SweepPoint& p : series.points)
        drawErrorBar(painter, l, p, colour);
    for (const bool best : {false, true}) // what is best stands above the rest
        for (const SweepPoint& p : series.points) {
            if (p.best != best)
                continue;
            painter.setPen(QPen(best ? theme().panel : colour, best ? 1 : 1.3));
            painter.setBrush(best ? colour : theme().panel);
            drawSweepMark(painter, index, {l.x(p.bytes), l.y(p.score)}, kMark);
        }
}

// The switches of what is best, where there is room for them.
void drawLabels(QPainter& painter, const SweepLayout& l, const std::vector<SweepSeries>& all,
                const std::vector<QRectF>& fixed) {
    painter.setFont(uiFont(10));
    const QFontMetricsF metrics(painter.font());
    std::vector<QRectF> taken = fixed;
    for (const SweepSeries& series : all)
        for (const SweepPoint& p : series.points) {
            taken.emplace_back(l.x(p.bytes) - kMark - 1, l.y(p.score) - kMark - 1, 2 * kMark + 2,
                               2 * kMark + 2);
            taken.emplace_back(QPointF(l.x(p.bytes) - 4, l.y(p.score + p.error)),
                               QPointF(l.x(p.bytes) + 4, l.y(p.score - p.error)));
        }
    std::vector<QPointF> lines; // points of them, close enough together that none slips through a label
    for (const SweepSeries& series : all) {
        const SweepPoint* before = nullptr;
        for (const SweepPoint& p : series.points) {
            if (!p.best)
                continue;
            for (int i = 0; before && i <= kLineSamples; ++i) {
                const double share = static_cast<double>(i) / kLineSamples;
                lines.emplace_back(l.x(before->bytes) * (1 - share) + l.x(p.bytes) * share,
                                   l.y(before->score) * (1 - share) + l.y(p.score) * share);
            }
            before = &p;
        }
    }
    const auto free = [&](const QRectF& box) {
        return l.area.contains(box) &&
               std::none_of(taken.begin(), taken.end(),
                            [&](const QRectF& other) { return other.intersects(box); }) &&
               std::none_of(lines.begin(), lines.end(), [&](QPointF point) { return box.contains(point); });
    };
    painter.setPen(theme().mutedText);
    for (const SweepSeries& series : all)
        for (const SweepPoint& p : series.points) {
            if (!p.best)
                continue;
            const QString label = metrics.elidedText(p.switches, Qt::ElideRight, 150);
            const double x = l.x(p.bytes), y = l.y(p.score), w = metrics.horizontalAdvance(label) + 2,
                         h = metrics.height();
            for (const QPointF corner : {QPointF(x + 8, y + 2), QPointF(x + 8, y - h - 2),
                                         QPointF(x - w - 8, y - h - 2), QPointF(x - w - 8, y + 2)}) {
                const QRectF box(corner, QSizeF(w, h));
                if (!free(box))
                    continue;
                painter.drawText(QPointF(corner.x(), corner.y() + metrics.ascent()), label);
                taken.push_back(box);
                break;
            }
        }
    painter.setFont(uiFont(11));
}

} // namespace

double SweepLayout::x(double bytes) const {
    return area.left() + (std::log10(std::max(bytes, 1.)) - first) / (last - first) * area.width();
}

double SweepLayout::y(double score) const {
    return area.bottom() - (score - low) / (high - low) * area.height();
}

QColor sweepColour(std::size_t index) {
    const Theme& t = theme();
    const std::array<QColor, 7> colours = {t.planB,   t.accent, t.good, t.bad, mixed(t.accent, t.bad, 0.5),
                                           t.warning, t.text};
    return colours[index % colours.size()];
}

void drawSweepMark(QPainter& painter, std::size_t index, QPointF at, double r) {
    const auto polygon = [&](std::initializer_list<QPointF> corners) {
        QPolygonF points;
        for (const QPointF& corner : corners)
            points << at + corner * r;
        painter.drawPolygon(points);
    };
    switch (index % 8) { // one more than there are colours: the two together repeat after 56 methods
    case 0:
        return painter.drawEllipse(at, r, r);
    case 1:
        return polygon({{-.9, -.9}, {.9, -.9}, {.9, .9}, {-.9, .9}});
    case 2:
        return polygon({{0, -1.2}, {1.15, .9}, {-1.15, .9}});
    case 3:
        return polygon({{0, -1.3}, {1.3, 0}, {0, 1.3}, {-1.3, 0}});
    case 4:
        return polygon({{0, 1.2}, {1.15, -.9}, {-1.15, -.9}});
    case 6: {
        constexpr double a = .4, b = 1.2;
        return polygon({{-a, -b},
                        {a, -b},
                        {a, -a},
                        {b, -a},
                        {b, a},
                        {a, a},
                        {a, b},
                        {-a, b},
                        {-a, a},
                        {-b, a},
                        {-b, -a},
                        {-a, -a}});
    }
    case 7:
        return polygon({{1.2, 0}, {-.9, 1.15}, {-.9, -1.15}});
    default:
        return polygon({{-.5, -1.2}, {.5, -1.2}, {1.2, 0}, {.5, 1.2}, {-.5, 1.2}, {-1.2, 0}});
    }
}

namespace {

struct LegendEntry {
    QPointF at; // of the mark
    QString text;
};

// From left to right, in as many rows as they need.
std::vector<LegendEntry> legendOf(const std::vector<SweepSeries>& all, double width,
                                  const QFontMetricsF& metrics) {
    std::vector<LegendEntry> entries;
    double x = kLeft, y = 38;
    for (const SweepSeries& series : all) {
        const QString name =
            metrics.elidedText(series.method, Qt::ElideRight, std::max(width - kLeft - kRight - 40, 40.));
        const double needs = 20 + metrics.horizontalAdvance(name) + 18;
        if (x > kLeft && x + needs - 18 > width - kRight) {
            x = kLeft;
            y += kLegendRow;
        }
        entries.push_back({{x + 6, y}, name});
        x += needs;
    }
    return entries;
}

} // namespace

SweepLayout layOutSweep(const SweepTable& table, const std::vector<SweepSeries>& all, QSize size) {
    SweepLayout l;
    const auto legend = legendOf(all, size.width(), QFontMetricsF(uiFont(11)));
    const double top = kTop + (legend.empty() ? -8 : legend.back().at.y() - 38 + 8);
    l.area = {kLeft, top, std::max(size.width() - kLeft - kRight, 1.),
              std::max(size.height() - top - kBottom, 1.)};
    double least = HUGE_VAL, most = -HUGE_VAL, low = HUGE_VAL, high = -HUGE_VAL;
    const auto take = [&](double bytes, double score, double error) {
        widen(least, most, std::log10(std::max(bytes, 1.)), std::log10(std::max(bytes, 1.)));
        widen(low, high, score - error, score + error);
    };
    for (const SweepSeries& series : all)
        for (const SweepPoint& p : series.points)
            take(p.bytes, p.score, p.error);
    if (const SweepRow* dense = table.dense(); dense && dense->refused.empty())
        take(dense->moved.counted, dense->score.mean, dense->score.standardError);
    if (least > most)
        return l;
    const double room = std::max(0.06 * (most - least), 0.08);
    l.first = least - room;
    l.last = most + room;
    const double span = std::max(high - low, 1e-3 * std::max(std::abs(high), 1e-6));
    l.low = low - 0.08 * span;
    l.high = high + 0.08 * span;
    if (table.arguments.high > 0) // no room for what cannot be
        l.high = std::min(l.high, table.arguments.high + 0.04 * span);
    if (low >= 0 && l.low < 0.15 * span) // near 0 the axis begins there
        l.low = std::min(0., low) - 0.02 * span;
    l.tick = niceTicks(l.high - l.low, std::clamp(static_cast<int>(l.area.height() / 48), 2, 8)).step;
    return l;
}

void drawSweep(QPainter& painter, const SweepTable& table, const std::vector<SweepSeries>& all,
               const SweepLayout& l) {
    painter.save();
    painter.setFont(uiFont(11));
    drawGrid(painter, table, l);
    painter.setRenderHint(QPainter::Antialiasing);
    drawDense(painter, table, l);
    for (std::size_t i = 0; i < all.size(); ++i)
        drawSeries(painter, l, all[i], i);
    std::vector<QRectF> fixed;
    if (const SweepRow* dense = table.dense(); dense && dense->refused.empty())
        fixed.emplace_back(l.area.left(), l.y(dense->score.mean) - 2, l.area.width(), 4);
    drawLabels(painter, l, all, fixed);
    const QFontMetricsF metrics(painter.font());
    const auto legend = legendOf(all, l.area.right() + kRight, metrics);
    for (std::size_t i = 0; i < legend.size(); ++i) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(sweepColour(i));
        drawSweepMark(painter, i, legend[i].at, kMark);
        painter.setPen(theme().mutedText);
        painter.drawText(QPointF(legend[i].at.x() + 10, legend[i].at.y() + metrics.ascent() / 2 - 1),
                         legend[i].text);
    }
    painter.restore();
}

} // namespace fovea
