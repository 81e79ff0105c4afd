#include "views/charts/sweep_chart.h"

#include <QEvent>
#include <QFontMetricsF>
#include <QMouseEvent>
#include <QPainter>
#include <QPixmap>

#include <algorithm>
#include <cmath>

#include "core/trace/byte_text.h"
#include "core/trace/evaluation_report.h"
#include "views/charts/sweep_layout.h"
#include "views/theme.h"

namespace fovea {

namespace {

constexpr double kReach = 12; // pixels within which a point is meant

QString text(std::string_view utf8) {
    return QString::fromUtf8(utf8.data(), static_cast<qsizetype>(utf8.size()));
}

QString bytesText(double bytes) {
    return text(byteText(static_cast<std::int64_t>(std::llround(bytes))));
}

} // namespace

struct SweepChart::State {
    SweepTable table;
    std::vector<SweepSeries> series;
    QString emptyText, chosen, pointed;
    QPixmap kept; // everything but what the pointer shows

    bool empty() const { return series.empty() && !(table.dense() && table.dense()->refused.empty()); }
};

SweepChart::SweepChart(QWidget* parent) : QWidget(parent), m_state(std::make_unique<State>()) {
    setMouseTracking(true);
    setMinimumSize(320, 200);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
}

SweepChart::~SweepChart() = default;

void SweepChart::setTable(SweepTable table) {
    m_state->table = std::move(table);
    m_state->series = sweepSeries(m_state->table);
    m_state->pointed.clear();
    invalidate();
}

const SweepTable& SweepChart::table() const {
    return m_state->table;
}

void SweepChart::setEmptyText(const QString& text) {
    m_state->emptyText = text;
    invalidate();
}

void SweepChart::setChosen(const QString& plan) {
    m_state->chosen = plan;
    update();
}

QString SweepChart::describe(const QString& plan) const {
    const SweepTable& table = m_state->table;
    const SweepRow* row = table.find(plan.toStdString());
    if (!row || !row->refused.empty())
        return {};
    const SweepRow* dense = table.dense();
    const auto beside = [&](double value, double ofDense) {
        return dense && ofDense > 0 && row != dense
                   ? tr("%1, %2 of dense").arg(bytesText(value)).arg(value / ofDense, 0, 'f', 3)
                   : bytesText(value);
    };
    return plan + QLatin1Char('\n') +
           tr("%1 %2\nmoved per token %3\nheld %4\nKL to dense %5 nats, largest %6\ntop-1 agreement %7 %")
               .arg(text(table.arguments.metric), text(scoreText(row->score, table.arguments.samples)),
                    beside(row->moved.counted, dense ? dense->moved.counted : 0),
                    beside(row->held.counted, dense ? dense->held.counted : 0),
                    QString::number(row->klMean, 'g', 3), QString::number(row->klMax, 'g', 3),
                    QString::number(100 * row->agreement, 'f', 1));
}

void SweepChart::paintInto(QPainter& painter, QSize size) const {
    painter.fillRect(QRect(QPoint(0, 0), size), theme().panel);
    if (m_state->empty()) {
        painter.setFont(uiFont(11));
        painter.setPen(theme().mutedText);
        painter.drawText(QRectF(QPointF(0, 0), QSizeF(size)).adjusted(40, 0, -40, 0),
                         Qt::AlignCenter | Qt::TextWordWrap, m_state->emptyText);
        return;
    }
    drawSweep(painter, m_state->table, m_state->series, layOutSweep(m_state->table, m_state->series, size));
}

QImage SweepChart::renderToImage(QSize size, double devicePixelRatio) const {
    QImage image(size * devicePixelRatio, QImage::Format_ARGB32_Premultiplied);
    image.setDevicePixelRatio(devicePixelRatio);
    QPainter painter(&image);
    paintInto(painter, size);
    return image;
}

QPointF SweepChart::pointOf(const QString& plan) const {
    const SweepLayout layout = layOutSweep(m_state->table, m_state->series, size());
    const SweepRow* row = m_state->table.find(plan.toStdString());
    return row ? QPointF(layout.x(row->moved.counted), layout.y(row->score.mean)) : QPointF(-1, -1);
}

QString SweepChart::planAt(QPointF at) const {
    const SweepLayout layout = layOutSweep(m_state->table, m_state->series, size());
    QString nearest;
    double distance = kReach;
    for (const SweepRow& row : m_state->table.rows) {
        if (!row.refused.empty())
            continue;
        const QPointF off = QPointF(layout.x(row.moved.counted), layout.y(row.score.mean)) - at;
        if (const double d = std::hypot(off.x(), off.y()); d < distance) {
            distance = d;
            nearest = text(row.plan);
        }
    }
    return nearest;
}

void SweepChart::invalidate() {
    m_state->kept = {};
    update();
}

void SweepChart::paintEvent(QPaintEvent*) {
    State& s = *m_state;
    if (s.kept.isNull()) {
        s.kept = QPixmap(size() * devicePixelRatioF());
        s.kept.setDevicePixelRatio(devicePixelRatioF());
        QPainter painter(&s.kept);
        paintInto(painter, size());
    }
    QPainter painter(this);
    painter.drawPixmap(0, 0, s.kept);
    drawPointed(painter);
}

void SweepChart::drawPointed(QPainter& painter) const {
    const Theme& t = theme();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setBrush(Qt::NoBrush);
    for (const QString& plan : {m_state->chosen, m_state->pointed}) {
        if (!plan.isEmpty() && m_state->table.find(plan.toStdString())) {
            painter.setPen(QPen(t.accent, 1.5));
            painter.drawEllipse(pointOf(plan), 8, 8);
        }
    }
    const QString facts = describe(m_state->pointed);
    if (facts.isEmpty())
        return;
    painter.setRenderHint(QPainter::Antialiasing, false);
    painter.setFont(uiFont(11));
    QRectF box = QFontMetricsF(painter.font()).boundingRect(QRectF(0, 0, 520, 300), Qt::AlignLeft, facts);
    box.adjust(-8, -6, 8, 6);
    const QPointF at = pointOf(m_state->pointed);
    const double left = at.x() + 14 + box.width() > width() ? at.x() - 14 - box.width() : at.x() + 14;
    box.moveTopLeft({std::max(left, 4.),
                     std::clamp(at.y() - box.height() / 2, 4., std::max(height() - box.height() - 4., 4.))});
    painter.setPen(t.border);
    painter.setBrush(t.field);
    painter.drawRect(box);
    painter.setPen(t.text);
    painter.drawText(box.adjusted(8, 6, -8, -6), Qt::AlignLeft, facts);
}

void SweepChart::resizeEvent(QResizeEvent*) {
    invalidate();
}

void SweepChart::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange)
        invalidate();
}

void SweepChart::mouseMoveEvent(QMouseEvent* event) {
    const QString plan = planAt(event->position());
    if (plan == m_state->pointed)
        return;
    m_state->pointed = plan;
    setCursor(plan.isEmpty() ? Qt::ArrowCursor : Qt::PointingHandCursor);
    update();
}

void SweepChart::mousePressEvent(QMouseEvent* event) {
    const QString plan = planAt(event->position());
    if (event->button() == Qt::LeftButton && !plan.isEmpty())
        Q_EMIT planPicked(plan);
}

void SweepChart::leaveEvent(QEvent*) {
    m_state->pointed.clear();
    update();
}

} // namespace fovea
