#include "views/charts/loss_chart.h"

#include <QEvent>
#include <QFontMetricsF>
#include <QMouseEvent>
#include <QPainter>
#include <QPixmap>

#include <algorithm>
#include <cmath>
#include <optional>

#include "views/charts/chart_series.h"
#include "views/charts/series_plot.h"
#include "views/theme.h"

namespace fovea {

namespace {

constexpr double kLeft = 52, kRight = 18, kTitle = 30, kBottom = 38;

QString lossText(double loss) {
    return QString::number(loss, 'f', loss < 10 ? 3 : 1);
}

QString number(double value) {
    return QString::number(value, 'g', 4);
}

// 1, 2 and 5 times the powers of ten within, thinned to those the width has room for.
std::vector<double> logTicks(double first, double last, double pixelsPerDecade) {
    std::vector<double> ticks;
    const int most = pixelsPerDecade > 180 ? 3 : 1;
    for (double power = std::pow(10., std::floor(std::log10(first))); power <= last; power *= 10)
        for (int i = 0; i < most; ++i)
            if (const double tick = power * (i == 0   ? 1
                                             : i == 1 ? 2
                                                      : 5);
                tick >= first * 0.999 && tick <= last * 1.001)
                ticks.push_back(tick);
    return ticks;
}

} // namespace

struct LossChart::State {
    LossCurves curves;
    QString emptyText;
    bool logTokens = false;
    std::optional<double> pointer; // pixels from the left
    SeriesPlot plot;
    QPixmap kept; // everything but the cursor

    bool empty() const { return curves.training.loss.empty() && curves.heldOut.loss.empty(); }
};

struct LossChart::Axes {
    QRectF area;
    bool logarithmic = false;
    double first = 0, last = 1; // tokens
    double low = 0, high = 1;   // nats
    double tick = 1;            // nats

    // Where the library draws it: tokens, or their logarithm.
    double place(double tokens) const { return logarithmic ? std::log10(std::max(tokens, 1.)) : tokens; }
    double x(double tokens) const {
        return area.left() + (place(tokens) - place(first)) / (place(last) - place(first)) * area.width();
    }
    double tokensAt(double pixel) const {
        const double at = place(first) + (pixel - area.left()) / area.width() * (place(last) - place(first));
        return logarithmic ? std::pow(10., at) : at;
    }
    double y(double loss) const { return area.bottom() - (loss - low) / (high - low) * area.height(); }
};

LossChart::LossChart(QWidget* parent) : QWidget(parent), m_state(std::make_unique<State>()) {
    setMouseTracking(true);
    setMinimumSize(320, 180);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
}

LossChart::~LossChart() = default;

void LossChart::setCurves(LossCurves curves) {
    m_state->curves = std::move(curves);
    invalidate();
}

const LossCurves& LossChart::curves() const {
    return m_state->curves;
}

void LossChart::setEmptyText(const QString& text) {
    m_state->emptyText = text;
    invalidate();
}

void LossChart::setLogTokens(bool logarithmic) {
    m_state->logTokens = logarithmic;
    invalidate();
}

bool LossChart::logTokens() const {
    return m_state->logTokens;
}

QRectF LossChart::plotArea() const {
    return axes(size()).area;
}

double LossChart::pixelAt(double tokens) const {
    return axes(size()).x(tokens);
}

LossChart::Axes LossChart::axes(const QSize& size) const {
    const LossCurves& c = m_state->curves;
    Axes axes;
    axes.area = {kLeft, kTitle, std::max(size.width() - kLeft - kRight, 1.),
                 std::max(size.height() - kTitle - kBottom, 1.)};
    axes.logarithmic = m_state->logTokens;
    if (m_state->empty())
        return axes;
    double smallest = HUGE_VAL, lowest = HUGE_VAL, highest = 0;
    axes.last = 1;
    for (const LossCurves::Points* points : {&c.training, &c.heldOut}) {
        if (points->loss.empty())
            continue;
        smallest = std::min(smallest, points->tokens.front());
        axes.last = std::max(axes.last, points->tokens.back());
        const auto [low, high] = std::minmax_element(points->loss.begin(), points->loss.end());
        lowest = std::min(lowest, *low);
        highest = std::max(highest, *high);
    }
    axes.first = axes.logarithmic ? std::max(1., smallest) : 0;
    if (!(axes.last > axes.first))
        axes.last = axes.first + 1;
    // Losses are read as differences: the axis begins near the lowest, not at 0, unless 0 is near.
    const double span = std::max(highest - lowest, 0.1);
    axes.low = lowest - 0.06 * span < 0.1 * span ? 0 : lowest - 0.06 * span;
    axes.high = highest + 0.06 * span;
    axes.tick =
        niceTicks(axes.high - axes.low, std::clamp(static_cast<int>(axes.area.height() / 40), 2, 8)).step;
    return axes;
}

QString LossChart::describe(double tokens) const {
    const LossCurves& c = m_state->curves;
    const auto nearest = [&](const std::vector<double>& of) {
        auto at = static_cast<std::size_t>(std::lower_bound(of.begin(), of.end(), tokens) - of.begin());
        if (at == of.size() || (at > 0 && tokens - of[at - 1] < of[at] - tokens))
            --at;
        return at;
    };
    QString text;
    if (!c.training.tokens.empty()) {
        const std::size_t at = nearest(c.training.tokens);
        text = tr("%1 tokens, step %2, sequences of %3\ntraining %4, smoothed %5")
                   .arg(tokenCountText(c.training.tokens[at]))
                   .arg(c.training.steps[at])
                   .arg(c.sequence[at])
                   .arg(lossText(c.training.loss[at]), lossText(c.smoothed[at]));
    }
    if (!c.heldOut.tokens.empty()) {
        const std::size_t at = nearest(c.heldOut.tokens);
        text += tr("%1held-out text %2 at %3 tokens")
                    .arg(text.isEmpty() ? QString() : QStringLiteral("\n"), lossText(c.heldOut.loss[at]),
                         tokenCountText(c.heldOut.tokens[at]));
    }
    return text;
}

QImage LossChart::renderToImage(QSize size, double devicePixelRatio) const {
    QImage image(size * devicePixelRatio, QImage::Format_ARGB32_Premultiplied);
    image.setDevicePixelRatio(devicePixelRatio);
    image.fill(theme().panel);
    QPainter painter(&image);
    draw(painter, size);
    return image;
}

void LossChart::invalidate() {
    m_state->kept = {};
    update();
}

void LossChart::paintEvent(QPaintEvent*) {
    State& s = *m_state;
    if (s.kept.isNull()) {
        s.kept = QPixmap(size() * devicePixelRatioF());
        s.kept.setDevicePixelRatio(devicePixelRatioF());
        s.kept.fill(Qt::transparent);
        QPainter painter(&s.kept);
        draw(painter, size());
    }
    QPainter painter(this);
    painter.drawPixmap(0, 0, s.kept);
    if (s.pointer && !s.empty())
        drawCursor(painter, axes(size()));
}

void LossChart::resizeEvent(QResizeEvent*) {
    invalidate();
}

void LossChart::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange)
        invalidate();
}

void LossChart::mouseMoveEvent(QMouseEvent* event) {
    const QRectF area = plotArea();
    const double at = event->position().x();
    m_state->pointer = at >= area.left() && at <= area.right() ? std::optional(at) : std::nullopt;
    update();
}

void LossChart::leaveEvent(QEvent*) {
    m_state->pointer.reset();
    update();
}

void LossChart::draw(QPainter& painter, const QSize& size) const {
    const Axes a = axes(size);
    painter.setFont(uiFont(11));
    if (m_state->empty()) {
        painter.setPen(theme().mutedText);
        painter.drawText(QRectF(QPointF(0, 0), QSizeF(size)).adjusted(40, 0, -40, 0),
                         Qt::AlignCenter | Qt::TextWordWrap, m_state->emptyText);
        return;
    }
    drawGrid(painter, a);
    drawMarks(painter, a);
    drawCurves(painter, a);
    drawBest(painter, a);
    drawTitle(painter, a);
}

void LossChart::drawTitle(QPainter& painter, const Axes& a) const {
    const Theme& t = theme();
    const QFontMetricsF metrics(painter.font());
    const double baseline = a.area.top() - 13;
    painter.setPen(t.text);
    painter.drawText(QPointF(a.area.left(), baseline), tr("loss, nats per token"));
    double right = a.area.right();
    const auto legend = [&](const QColor& color, const QString& text, bool dots) {
        right -= metrics.horizontalAdvance(text);
        painter.setPen(t.mutedText);
        painter.drawText(QPointF(right, baseline), text);
        painter.setPen(QPen(color, 2));
        painter.drawLine(QPointF(right - 24, baseline - 4), QPointF(right - 6, baseline - 4));
        if (dots) {
            painter.setBrush(color);
            painter.setPen(Qt::NoPen);
            painter.drawEllipse(QPointF(right - 15, baseline - 4), 2.5, 2.5);
        }
        right -= 42;
    };
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    if (!m_state->curves.heldOut.loss.empty())
        legend(t.planB, tr("held-out text"), true);
    legend(t.planA, tr("training: text and made-up sequences"), false);
    painter.restore();
}

void LossChart::drawGrid(QPainter& painter, const Axes& a) const {
    const Theme& t = theme();
    const QFontMetricsF metrics(painter.font());
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing, false);
    for (double tick = std::ceil(a.low / a.tick - 1e-9) * a.tick; tick <= a.high; tick += a.tick) {
        const double y = std::round(a.y(tick));
        painter.setPen(t.grid);
        painter.drawLine(QPointF(a.area.left(), y), QPointF(a.area.right(), y));
        painter.setPen(t.mutedText);
        const QString text = number(std::abs(tick) < a.tick / 1e6 ? 0 : tick);
        painter.drawText(
            QPointF(a.area.left() - 8 - metrics.horizontalAdvance(text), y + metrics.ascent() / 2 - 1), text);
    }
    painter.setPen(t.border);
    painter.drawLine(a.area.bottomLeft(), a.area.bottomRight());
    std::vector<double> ticks;
    if (a.logarithmic) {
        ticks = logTicks(a.first, a.last, a.area.width() / std::max(a.place(a.last) - a.place(a.first), 0.1));
    } else {
        const double step = niceTicks(a.last, std::max(static_cast<int>(a.area.width() / 110), 2)).step;
        for (double tick = 0; tick <= a.last * 1.0001; tick += step)
            ticks.push_back(tick);
    }
    for (const double tick : ticks) {
        const double x = std::round(a.x(tick));
        painter.setPen(t.border);
        painter.drawLine(QPointF(x, a.area.bottom()), QPointF(x, a.area.bottom() + 4));
        const QString text = tokenCountText(tick);
        painter.setPen(t.mutedText);
        painter.drawText(QPointF(x - metrics.horizontalAdvance(text) / 2, a.area.bottom() + 17), text);
    }
    const QString name = a.logarithmic ? tr("tokens, logarithmic") : tr("tokens");
    painter.drawText(QPointF(a.area.right() - metrics.horizontalAdvance(name), a.area.bottom() + 32), name);
    painter.restore();
}

void LossChart::drawMarks(QPainter& painter, const Axes& a) const {
    const LossCurves& c = m_state->curves;
    const Theme& t = theme();
    painter.save();
    painter.setFont(uiFont(10));
    const QFontMetricsF metrics(painter.font());
    double taken = -HUGE_VAL; // to the right of the last label
    const auto mark = [&](double tokens, const QString& label, double row, const QColor& color) {
        const double x = std::round(a.x(tokens)) + 0.5, width = metrics.horizontalAdvance(label);
        painter.setPen(QPen(color, 1, Qt::DotLine));
        painter.drawLine(QPointF(x, a.area.top()), QPointF(x, a.area.bottom()));
        const double left = x + 4 + width > a.area.right() ? x - 4 - width : x + 4;
        if (left < taken)
            return;
        painter.setPen(t.mutedText);
        painter.drawText(QPointF(left, a.area.top() + 10 + row), label);
        taken = left + width + 6;
    };
    for (std::size_t i = 1; i < c.sequence.size(); ++i)
        if (c.sequence[i] != c.sequence[i - 1])
            mark(c.training.tokens[i - 1], tr("sequences of %1").arg(c.sequence[i]), 0, t.faint);
    taken = -HUGE_VAL;
    for (const double tokens : c.resumed)
        mark(tokens, tr("resumed"), 13, t.accent);
    painter.restore();
}

void LossChart::drawCurves(QPainter& painter, const Axes& a) const {
    const LossCurves& c = m_state->curves;
    const int pixels = std::max(static_cast<int>(a.area.width()), 1);
    const double first = a.place(a.first), last = a.place(a.last);
    const auto drawn = [&](const std::vector<double>& tokens, const std::vector<double>& loss,
                           const QColor& color) {
        std::vector<double> x;
        x.reserve(tokens.size());
        for (const double value : tokens)
            x.push_back(a.place(value));
        const auto points = decimate(x, loss, first, last, pixels);
        DrawnSeries series;
        series.color = color;
        series.points = QList<QPointF>(points.begin(), points.end());
        return series;
    };
    QColor raw = theme().planA;
    raw.setAlphaF(0.35);
    std::vector<DrawnSeries> series = {drawn(c.training.tokens, c.training.loss, raw),
                                       drawn(c.training.tokens, c.smoothed, theme().planA),
                                       drawn(c.heldOut.tokens, c.heldOut.loss, theme().planB)};
    series.back().dots = static_cast<double>(c.heldOut.loss.size()) * 8 < a.area.width();
    m_state->plot.setSeries(series);
    m_state->plot.render(painter, a.area, first, last, a.low, a.high);
}

void LossChart::drawBest(QPainter& painter, const Axes& a) const {
    const LossCurves& c = m_state->curves;
    if (!c.best)
        return;
    const Theme& t = theme();
    const QPointF at(a.x(c.heldOut.tokens[*c.best]), a.y(c.heldOut.loss[*c.best]));
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(t.planB, 1.5));
    painter.setBrush(t.panel);
    painter.drawEllipse(at, 4, 4);
    const QString text = tr("lowest %1").arg(lossText(c.heldOut.loss[*c.best]));
    const QFontMetricsF metrics(painter.font());
    const double width = metrics.horizontalAdvance(text);
    const double left = std::clamp(at.x() - width / 2, a.area.left() + 4, a.area.right() - width);
    const double below = at.y() + 20 < a.area.bottom() - 3 ? at.y() + 19 : at.y() - 10;
    QColor back = t.panel;
    back.setAlpha(200);
    painter.fillRect(QRectF(left - 3, below - metrics.ascent() - 1, width + 6, metrics.height() + 2), back);
    painter.setPen(mixed(t.planB, t.text, 0.35));
    painter.drawText(QPointF(left, below), text);
    painter.restore();
}

void LossChart::drawCursor(QPainter& painter, const Axes& a) const {
    const Theme& t = theme();
    const double x = std::round(*m_state->pointer) + 0.5;
    painter.setPen(QPen(t.accent, 1));
    painter.drawLine(QPointF(x, a.area.top()), QPointF(x, a.area.bottom()));
    painter.setFont(uiFont(11));
    const QString text = describe(a.tokensAt(x));
    QRectF box = QFontMetricsF(painter.font()).boundingRect(QRectF(0, 0, 400, 200), Qt::AlignLeft, text);
    box.adjust(-8, -6, 8, 6);
    const bool leftwards = x + 12 + box.width() > a.area.right();
    box.moveTopLeft(QPointF(leftwards ? x - 12 - box.width() : x + 12, a.area.top() + 24));
    painter.setPen(t.border);
    painter.setBrush(t.field);
    painter.drawRect(box);
    painter.setPen(t.text);
    painter.drawText(box.adjusted(8, 6, -8, -6), Qt::AlignLeft, text);
}

} // namespace fovea
