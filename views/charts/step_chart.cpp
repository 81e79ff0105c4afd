#include "views/charts/step_chart.h"

#include <QEvent>
#include <QHelpEvent>
#include <QMouseEvent>
#include <QPaintEngine>
#include <QPainter>
#include <QToolTip>
#include <QWheelEvent>

#include <algorithm>
#include <cmath>

#include "views/charts/series_plot.h"
#include "views/charts/step_chart_state.h"
#include "views/theme.h"

namespace fovea {

StepChart::StepChart(QString title, ChartUnit unit, QWidget* parent)
    : QWidget(parent), m_state(std::make_unique<State>()) {
    m_state->title = std::move(title);
    m_state->unit = unit;
    setMouseTracking(true);
    setMinimumHeight(44);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
}

StepChart::~StepChart() = default;

void StepChart::setData(ChartData given) {
    auto& s = *m_state;
    s.x = std::move(given.x);
    s.series = std::move(given.series);
    s.heights.clear();
    std::vector<double> sum(s.x.size(), 0.);
    for (auto& one : s.series) {
        one.y.resize(s.x.size(), std::nan(""));
        if (one.shape != ChartSeries::Shape::Stacked) {
            s.heights.push_back(one.y);
            continue;
        }
        for (std::size_t i = 0; i < sum.size(); ++i)
            sum[i] += std::isnan(one.y[i]) ? 0 : one.y[i];
        s.heights.push_back(sum);
    }
    invalidate();
}

void StepChart::setTitle(const QString& title) {
    m_state->title = title;
    invalidate();
}

void StepChart::setNote(const QString& note) {
    m_state->note = note;
    invalidate();
}

void StepChart::setLimit(std::optional<double> value, const QString& label) {
    m_state->limit = value;
    m_state->limitLabel = label;
    invalidate();
}

QString StepChart::limitText() const {
    return m_state->limit ? m_state->limitLabel : QString();
}

void StepChart::setRange(double first, double last) {
    auto& s = *m_state;
    if (!(last > first) || (first == s.first && last == s.last))
        return;
    s.first = first;
    s.last = last;
    invalidate();
}

void StepChart::setCursor(std::optional<double> x) {
    if (m_state->cursor == x)
        return;
    m_state->cursor = x;
    update();
}

void StepChart::setMarkers(std::vector<Marker> markers) {
    m_state->markers = std::move(markers);
    update();
}

void StepChart::setSelection(std::optional<std::pair<double, double>> range) {
    m_state->selection = range;
    update();
}

void StepChart::setStepAxis(bool visible, const QString& name) {
    m_state->stepAxis = visible;
    m_state->axisName = name;
    invalidate();
}

const std::vector<double>& StepChart::x() const {
    return m_state->x;
}
const std::vector<ChartSeries>& StepChart::series() const {
    return m_state->series;
}
QString StepChart::title() const {
    return m_state->title;
}
QRectF StepChart::plotArea() const {
    return plotArea(size());
}
int StepChart::drawnPoints() const {
    return m_state->drawnPoints;
}

QString StepChart::titleWithUnit() const {
    return m_state->title + QStringLiteral(", ") + unitName();
}

QString StepChart::unitName() const {
    return m_state->scaleOfUnit().name;
}

QString StepChart::tipAt(const QPointF& at) const {
    return describe(stepAt(at.x()));
}

double StepChart::stepAt(double pixelX) const {
    const auto area = plotArea();
    return m_state->first + (pixelX - area.left()) / std::max(area.width(), 1.) * m_state->width();
}

double StepChart::pixelAt(double step) const {
    return m_state->pixelAt(step, plotArea());
}

QString StepChart::describe(double step) const {
    const auto& s = *m_state;
    if (s.x.empty())
        return {};
    auto at = static_cast<std::size_t>(std::lower_bound(s.x.begin(), s.x.end(), step) - s.x.begin());
    if (at == s.x.size() || (at > 0 && step - s.x[at - 1] < s.x[at] - step))
        --at;
    QString text = QStringLiteral("step %1").arg(s.x[at], 0, 'f', 0);
    for (const auto& one : s.series)
        if (!std::isnan(one.y[at]))
            text += QStringLiteral("\n%1  %2  %3")
                        .arg(one.name, valueText(s.unit, one.y[at]), provenanceName(one.provenance));
    return text;
}

QString StepChart::toCsv() const {
    const auto& s = *m_state;
    const auto unit = s.unit == ChartUnit::Bytes ? QStringLiteral("bytes") : scaleFor(s.unit, 1).name;
    QString csv = QStringLiteral("step");
    for (const auto& one : s.series)
        csv += QStringLiteral(",%1 %2 [%3]").arg(one.name, provenanceName(one.provenance), unit);
    csv += u'\n';
    for (std::size_t i = 0; i < s.x.size(); ++i) {
        csv += QString::number(s.x[i], 'g', 12);
        for (const auto& one : s.series)
            csv += u',' + (std::isnan(one.y[i]) ? QString() : QString::number(one.y[i], 'g', 12));
        csv += u'\n';
    }
    return csv;
}

QImage StepChart::renderToImage(QSize size, double devicePixelRatio) const {
    QImage image(size * devicePixelRatio, QImage::Format_ARGB32_Premultiplied);
    image.setDevicePixelRatio(devicePixelRatio);
    QPainter painter(&image);
    paintInto(painter, size);
    return image;
}

void StepChart::paintInto(QPainter& painter, QSize size) const {
    painter.fillRect(QRect(QPoint(0, 0), size), theme().panel);
    drawKept(painter, size);
    drawMoving(painter, size);
}

void StepChart::invalidate() {
    m_state->kept = {};
    update();
}

void StepChart::paintEvent(QPaintEvent*) {
    auto& s = *m_state;
    const auto ratio = devicePixelRatioF();
    // The whole window drawn into a file of vectors: a kept picture would be pixels there.
    if (QPainter vectors(this); vectors.paintEngine()->type() != QPaintEngine::Raster) {
        drawKept(vectors, size());
        return drawMoving(vectors, size());
    }
    if (s.kept.isNull()) {
        s.kept = QPixmap(size() * ratio);
        s.kept.setDevicePixelRatio(ratio);
        s.kept.fill(Qt::transparent);
        QPainter painter(&s.kept);
        drawKept(painter, size());
    }
    QPainter painter(this);
    painter.drawPixmap(0, 0, s.kept);
    drawMoving(painter, size());
}

void StepChart::resizeEvent(QResizeEvent*) {
    invalidate();
}

void StepChart::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    switch (event->type()) {
    case QEvent::PaletteChange:
    case QEvent::StyleChange:
    case QEvent::FontChange:
        invalidate();
        break;
    default:
        break;
    }
}

void StepChart::mousePressEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton)
        return;
    m_state->pressed = event->position().x();
    m_state->panning = event->modifiers() & Qt::ShiftModifier;
    m_state->dragged = false;
}

void StepChart::mouseMoveEvent(QMouseEvent* event) {
    auto& s = *m_state;
    const double at = event->position().x();
    if (!s.pressed)
        return;
    constexpr double kSlop = 4; // pixels a click may wander
    if (!s.dragged && std::abs(at - *s.pressed) < kSlop)
        return;
    s.dragged = true;
    if (s.panning) {
        const double from = stepAt(*s.pressed);
        s.pressed = at;
        Q_EMIT panned(from - stepAt(at));
    } else {
        const auto [from, to] = std::minmax(stepAt(*s.pressed), stepAt(at));
        Q_EMIT dragging(from, to);
    }
}

void StepChart::mouseReleaseEvent(QMouseEvent* event) {
    auto& s = *m_state;
    if (event->button() != Qt::LeftButton || !s.pressed)
        return;
    const double from = stepAt(*s.pressed), to = stepAt(event->position().x());
    s.pressed.reset();
    if (!s.dragged)
        Q_EMIT clicked(to);
    else if (!s.panning)
        Q_EMIT rangeSelected(std::min(from, to), std::max(from, to));
}

bool StepChart::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip)
        return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    const auto area = plotArea();
    const bool inside = area.adjusted(0, -4, 0, 4).contains(help->pos());
    const auto text = inside ? tipAt(help->pos()) : QString();
    text.isEmpty() ? QToolTip::hideText() : QToolTip::showText(help->globalPos(), text, this);
    return true;
}

void StepChart::wheelEvent(QWheelEvent* event) {
    const auto delta = event->angleDelta();
    if (event->modifiers() & Qt::ShiftModifier || std::abs(delta.x()) > std::abs(delta.y())) {
        const int along = delta.x() ? delta.x() : delta.y();
        Q_EMIT panned(-along / 120. * m_state->width() / 10);
    } else if (delta.y()) {
        Q_EMIT zoomed(stepAt(event->position().x()), std::pow(1.25, -delta.y() / 120.));
    }
    event->accept();
}

} // namespace fovea
