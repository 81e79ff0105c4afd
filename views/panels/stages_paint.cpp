#include "views/panels/stages_paint.h"

#include <QFontMetricsF>
#include <QObject>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "views/charts/chart_series.h"
#include "views/panels/stages_axes.h"
#include "views/panels/stages_pages.h"
#include "views/theme.h"

namespace fovea {
namespace {

using Method = QueryStages::Method;
using stages::Axes, stages::bar, stages::largestOf, stages::rangeOf;

constexpr double kSide = 10;   // margin
constexpr double kTitle = 17;  // above a plot
constexpr double kFooter = 16;

struct Frames {
    std::array<QRectF, 4> plots;
    QRectF footer;
};

// Shares of the height: the scatter is what one reads, the rest is glanced at.
Frames framesIn(const QRectF& area) {
    constexpr std::array<double, 4> kShare = {0.17, 0.42, 0.20, 0.21};
    Frames frames;
    const double over = 4 * (kTitle + stages::kTicks) + kFooter + 4;
    const double left = area.left() + kSide + stages::kAxis;
    const double width = std::max(area.right() - kSide - left, 10.);
    double y = area.top();
    for (std::size_t i = 0; i < 4; ++i) {
        const double height = std::max((area.height() - over) * kShare[i], 12.);
        frames.plots[i] = QRectF(left, y + kTitle, width, height);
        y += kTitle + height + stages::kTicks;
    }
    frames.footer = QRectF(area.left() + kSide, y + 2, area.width() - 2 * kSide, kFooter);
    return frames;
}

void paintQuery(QPainter& painter, const QRectF& plot, const QueryStages& s) {
    const auto d = static_cast<double>(s.q.size());
    const Axes axes{painter, plot, 0, std::max(d, 1.), 0, largestOf(s.q) * 1.05};
    axes.title(
        s.method == Method::Sparq ? QObject::tr("1  |q|: the r = %1 largest of %2 components").arg(s.components.size()).arg(d)
                                  : QObject::tr("1  |q|: all %1 components").arg(d));
    axes.yTicks(2);
    std::vector<std::uint8_t> kept(s.q.size(), 0);
    for (const auto c : s.components)
        if (c >= 0 && static_cast<std::size_t>(c) < kept.size())
            kept[static_cast<std::size_t>(c)] = 1;
    for (std::size_t i = 0; i < s.q.size(); ++i)
        painter.fillRect(bar(axes, static_cast<double>(i), 1, std::abs(s.q[i]), 0),
                         kept[i] ? theme().planB : theme().faint);
    axes.baseline(0);
    axes.xTicks(4, QObject::tr("component"), true);
}

void paintScatter(QPainter& painter, const QRectF& plot, const StagesPicture& picture) {
    const auto& s = *picture.stages;
    const auto& t = theme();
    const auto [x0, x1] = rangeOf(s.approximate);
    const auto [y0, y1] = rangeOf(s.exact);
    const Axes axes{painter, plot, x0, x1, y0, y1};
    const auto remaining = s.exact.size() - s.evicted.size();
    const auto what = s.method == Method::Topv ? QObject::tr("2  weight in the group against exact score, %1 tokens")
                                               : QObject::tr("2  approximate against exact score, %1 tokens");
    axes.title(s.evicted.empty() ? what.arg(remaining)
                                 : QObject::tr("%1 left, %2 evicted").arg(what.arg(remaining)).arg(s.evicted.size()));
    axes.yTicks(4);
    axes.xTicks(4, s.method == Method::Topv ? QObject::tr("weight") : QObject::tr("approximate"), false);
    painter.setPen(t.border);
    painter.setBrush(Qt::NoBrush);
    painter.drawRect(plot);

    // Two calls of drawPoints: what was not chosen below, what was chosen on top.
    QList<QPointF> rest, chosen;
    const auto n = std::min(s.approximate.size(), s.exact.size());
    rest.reserve(static_cast<qsizetype>(n));
    for (std::size_t i = 0; i < n; ++i)
        if (!std::isnan(s.approximate[i])) // evicted: nothing left to guess from
            (picture.isChosen[i] ? chosen : rest).append({axes.x(s.approximate[i]), axes.y(s.exact[i])});
    painter.setPen(QPen(mixed(t.mutedText, t.panel, 0.3), 2.4, Qt::SolidLine, Qt::SquareCap));
    painter.drawPoints(rest.constData(), static_cast<int>(rest.size()));
    painter.setPen(QPen(t.planB, 3.2, Qt::SolidLine, Qt::SquareCap));
    painter.drawPoints(chosen.constData(), static_cast<int>(chosen.size()));

    painter.setFont(uiFont(10));
    const QFontMetricsF metrics(painter.font());
    const auto label = [&](QPointF at, const QString& text, const QColor& color) {
        QColor back = t.panel;
        back.setAlpha(190);
        painter.fillRect(QRectF(at.x() - 2, at.y() - metrics.ascent(), metrics.horizontalAdvance(text) + 4,
                                metrics.height()),
                         back);
        painter.setPen(color);
        painter.drawText(at, text);
    };
    if (s.threshold > x0 && s.threshold < x1 && !rest.isEmpty()) {
        const double x = axes.x(s.threshold);
        painter.setPen(QPen(t.planB, 1, Qt::DashLine));
        painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()));
        const auto text = QObject::tr("top-k = %1").arg(s.chosen.size());
        const double width = metrics.horizontalAdvance(text);
        const double left = x + 5 + width < plot.right() ? x + 5 : x - width - 5;
        label({left, plot.top() + metrics.ascent() + 2}, text, t.planB);
    }
    const auto recall = QObject::tr("recall of true top-%1: %2 / %1").arg(s.chosen.size()).arg(s.recalled);
    label({plot.right() - metrics.horizontalAdvance(recall) - 5, plot.bottom() - 5}, recall, t.text);
}

// Without a guess: the exact scores along the tokens. What was evicted stands pale on hatched ground.
void paintExact(QPainter& painter, const QRectF& plot, const StagesPicture& picture) {
    const auto& s = *picture.stages;
    const auto& t = theme();
    const auto [y0, y1] = rangeOf(s.exact);
    const Axes axes{painter, plot, 0, std::max<double>(static_cast<double>(s.exact.size()), 1), y0, y1};
    axes.title(s.evicted.empty()
                   ? QObject::tr("2  exact score of every token (nothing guessed)")
                   : QObject::tr("2  exact score of every token, %1 evicted").arg(s.evicted.size()));
    for (std::size_t i = 0; i < s.evicted.size();) {
        std::size_t end = i + 1;
        while (end < s.evicted.size() && s.evicted[end] == s.evicted[end - 1] + 1)
            ++end;
        const double left = axes.x(s.evicted[i]), right = axes.x(s.evicted[end - 1] + 1);
        painter.fillRect(QRectF(left, plot.top(), right - left, plot.height()),
                         QBrush(t.grid, Qt::BDiagPattern));
        i = end;
    }
    axes.yTicks(4);
    axes.xTicks(4, QObject::tr("key position"), true);
    painter.setPen(t.border);
    painter.setBrush(Qt::NoBrush);
    painter.drawRect(plot);
    QList<QPointF> kept, gone;
    for (std::size_t i = 0; i < s.exact.size(); ++i)
        (s.sparse && !picture.isChosen[i] ? gone : kept)
            .append({axes.x(static_cast<double>(i) + 0.5), axes.y(s.exact[i])});
    painter.setPen(QPen(mixed(t.mutedText, t.panel, 0.35), 2, Qt::SolidLine, Qt::SquareCap));
    painter.drawPoints(gone.constData(), static_cast<int>(gone.size()));
    painter.setPen(QPen(s.sparse ? t.planB : t.planA, s.sparse ? 3 : 2.4, Qt::SolidLine, Qt::SquareCap));
    painter.drawPoints(kept.constData(), static_cast<int>(kept.size()));
}

QString weightsTitle(const QueryStages& s, double n) {
    const auto mass = static_cast<double>(s.alpha);
    switch (s.method) {
    case Method::Sparq:
        return QObject::tr("3  read in full: softmax over the %1, α = %2").arg(n).arg(mass, 0, 'f', 3);
    case Method::Topv:
        return (s.renormalised ? QObject::tr("3  the %1 values read: weights shared out anew, of a mass of %2")
                               : QObject::tr("3  the %1 values read: their weights, which keep %2 of the mass"))
            .arg(n)
            .arg(mass, 0, 'f', 3);
    case Method::Quest:
        return QObject::tr("3  read in pages: softmax over the %1").arg(n);
    case Method::All:
        break;
    }
    return s.sparse ? QObject::tr("3  what is left is read: softmax over the %1").arg(n)
                    : QObject::tr("3  read dense: softmax over all %1").arg(n);
}

QString outputTitle(const QueryStages& s) {
    switch (s.method) {
    case Method::Sparq:
        return QObject::tr("4  output = α · attended + (1 − α) · mean value");
    case Method::Topv:
        return QObject::tr("4  output = Σ weight · value of those read");
    case Method::Quest:
        return QObject::tr("4  output over the pages read");
    case Method::All:
        break;
    }
    return s.sparse ? QObject::tr("4  output over what is left") : QObject::tr("4  output, dense");
}

void paintWeights(QPainter& painter, const QRectF& plot, const StagesPicture& picture) {
    const auto& s = *picture.stages;
    const auto n = static_cast<double>(picture.weights.size());
    const Axes axes{painter, plot, 0, std::max(n, 1.), 0, largestOf(picture.weights) * 1.05};
    axes.title(weightsTitle(s, n));
    axes.yTicks(2);
    const auto color = s.sparse ? theme().planB : theme().planA;
    if (n <= plot.width()) {
        for (std::size_t i = 0; i < picture.weights.size(); ++i)
            painter.fillRect(bar(axes, static_cast<double>(i), 1, picture.weights[i], 0), color);
    } else {
        // Sorted, so the first weight of a column is its largest.
        for (int x = 0; x < static_cast<int>(plot.width()); ++x) {
            const auto i = static_cast<std::size_t>(x * n / plot.width());
            const double top = axes.y(picture.weights[i]);
            painter.fillRect(QRectF(plot.left() + x, top, 1, plot.bottom() - top), color);
        }
    }
    axes.baseline(0);
    axes.xTicks(4, QObject::tr("rank"), true);
}

void paintOutput(QPainter& painter, const QRectF& plot, const QueryStages& s) {
    const auto d = static_cast<double>(s.denseOutput.size());
    const double most = std::max(largestOf(s.denseOutput), s.sparse ? largestOf(s.output) : 0.f) * 1.05;
    const Axes axes{painter, plot, 0, std::max(d, 1.), -most, most};
    axes.title(outputTitle(s));
    axes.yTicks(2);
    for (std::size_t i = 0; i < s.denseOutput.size(); ++i) {
        const auto at = static_cast<double>(i);
        painter.fillRect(bar(axes, at, s.sparse ? 0.5 : 1, s.denseOutput[i], 0), theme().planA);
        if (s.sparse && i < s.output.size())
            painter.fillRect(bar(axes, at + 0.5, 0.5, s.output[i], 0), theme().planB);
    }
    axes.baseline(0);
    if (!s.sparse) {
        axes.xTicks(4, QObject::tr("component"), true);
        return;
    }
    const auto a = QObject::tr("■ dense "),
               b = (s.guessed ? QObject::tr(" ■ sparse") : QObject::tr(" ■ kept"));
    const double width = QFontMetricsF(uiFont(10)).horizontalAdvance(a + b);
    axes.xTicks(4, {}, true, width);
    const QFontMetricsF metrics(painter.font());
    const double base = plot.bottom() + stages::kTicks - 3, left = plot.right() - width;
    painter.setPen(theme().planA);
    painter.drawText(QPointF(left, base), a);
    painter.setPen(theme().planB);
    painter.drawText(QPointF(left + metrics.horizontalAdvance(a), base), b);
}

} // namespace

QString stagesFooter(const QueryStages& s) {
    if (!s.sparse)
        return QObject::tr("This row was read dense: nothing missed, no error.");
    const auto text = QObject::tr("error ‖A−B‖/‖A‖ = %1 · mass not read %2 %")
                          .arg(static_cast<double>(s.error), 0, 'g', 3)
                          .arg(100. * static_cast<double>(s.missed), 0, 'g', 3);
    return s.evicted.empty() ? text : text + QObject::tr(" · %1 evicted").arg(s.evicted.size());
}

StagesPicture pictureOf(const QueryStages& s) {
    StagesPicture picture{.stages = &s};
    picture.isChosen.assign(std::max(s.exact.size(), s.approximate.size()), 0);
    std::vector<float> weights = s.weights;
    picture.keys = s.chosen;
    if (!s.sparse) {
        picture.keys.resize(s.exact.size());
        std::iota(picture.keys.begin(), picture.keys.end(), 0);
        const float most = s.exact.empty() ? 0 : *std::max_element(s.exact.begin(), s.exact.end());
        float sum = 0;
        weights.clear();
        for (const float score : s.exact)
            sum += weights.emplace_back(std::exp(score - most));
        for (float& weight : weights)
            weight /= sum;
    }
    for (const auto key : s.chosen)
        if (key >= 0 && static_cast<std::size_t>(key) < picture.isChosen.size())
            picture.isChosen[static_cast<std::size_t>(key)] = 1;
    const auto n = std::min(weights.size(), picture.keys.size());
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](auto i, auto j) { return weights[i] > weights[j]; });
    std::vector<std::int32_t> keys;
    for (const auto i : order) {
        keys.push_back(picture.keys[i]);
        picture.weights.push_back(weights[i]);
    }
    picture.keys = std::move(keys);
    return picture;
}

std::vector<double> ticksBetween(double low, double high, int most) {
    std::vector<double> ticks;
    if (!(high > low))
        return ticks;
    const double step = niceTicks(high - low, std::max(most, 1)).step;
    for (double i = std::ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i)
        ticks.push_back(i * step + 0.); // + 0. turns −0 into 0
    return ticks;
}

void paintStages(QPainter& painter, const QRectF& area, const StagesPicture& picture) {
    const auto& s = *picture.stages;
    const auto frames = framesIn(area);
    painter.setRenderHint(QPainter::Antialiasing, false);
    paintQuery(painter, frames.plots[0], s);
    if (s.method == Method::Quest)
        paintPages(painter, frames.plots[1], s);
    else if (s.guessed)
        paintScatter(painter, frames.plots[1], picture);
    else
        paintExact(painter, frames.plots[1], picture);
    paintWeights(painter, frames.plots[2], picture);
    paintOutput(painter, frames.plots[3], s);
    painter.setFont(uiFont(11));
    painter.setPen(theme().mutedText);
    const auto text =
        QFontMetricsF(painter.font()).elidedText(stagesFooter(s), Qt::ElideRight, frames.footer.width());
    painter.drawText(frames.footer, Qt::AlignLeft | Qt::AlignVCenter, text);
}

QString stagesTip(const QRectF& area, const StagesPicture& picture, const QPointF& at) {
    const auto& s = *picture.stages;
    const auto frames = framesIn(area);
    const auto index = [&](const QRectF& plot, std::size_t n) {
        const double share = (at.x() - plot.left()) / plot.width();
        return std::min(static_cast<std::size_t>(std::max(share, 0.) * static_cast<double>(n)), n - 1);
    };
    const auto inside = [&](int i, std::size_t n) {
        return n > 0 && frames.plots[static_cast<std::size_t>(i)].contains(at);
    };
    if (inside(0, s.q.size())) {
        const auto i = index(frames.plots[0], s.q.size());
        const bool kept = std::binary_search(s.components.begin(), s.components.end(), static_cast<int>(i));
        return QObject::tr("component %1: q = %2%3")
            .arg(i)
            .arg(double(s.q[i]), 0, 'g', 4)
            .arg(kept ? QObject::tr(", kept") : QString());
    }
    if (frames.plots[1].contains(at) && !s.pages.empty())
        return pagesTip(frames.plots[1], s, at);
    if (inside(2, picture.weights.size())) {
        const auto i = index(frames.plots[2], picture.weights.size());
        return QObject::tr("rank %1: key %2, weight %3")
            .arg(i + 1)
            .arg(picture.keys[i])
            .arg(double(picture.weights[i]), 0, 'g', 4);
    }
    if (inside(3, s.denseOutput.size())) {
        const auto i = index(frames.plots[3], s.denseOutput.size());
        auto text = QObject::tr("component %1: dense %2").arg(i).arg(double(s.denseOutput[i]), 0, 'g', 4);
        if (s.sparse && i < s.output.size())
            text += QObject::tr(", sparse %1").arg(double(s.output[i]), 0, 'g', 4);
        return text;
    }
    return {};
}

} // namespace fovea
