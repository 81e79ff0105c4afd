#include "views/charts/span_lines.h"

#include <QHelpEvent>
#include <QPainter>
#include <QToolTip>

#include <algorithm>
#include <cmath>

#include "views/maps/map_axis.h"
#include "views/theme.h"

namespace fovea {

namespace {

QString formula(const MoaSpan& span) {
    const QString alpha = QString::number(span.alpha, 'g', 7);
    return span.beta == 0 ? alpha
                          : QStringLiteral("%1 + %2·N").arg(alpha, QString::number(span.beta, 'g', 4));
}

} // namespace

SpanLines::SpanLines(QWidget* parent) : QWidget(parent) {
    setAttribute(Qt::WA_OpaquePaintEvent);
    setAccessibleName(tr("Spans against length"));
}

void SpanLines::setShape(const SpanShape& shape) {
    m_shape = shape;
    update();
}

void SpanLines::setParams(const std::optional<MoaParams>& params) {
    m_params = params;
    update();
}

void SpanLines::setTokens(std::int64_t tokens) {
    m_tokens = tokens;
    update();
}

void SpanLines::setTarget(const SpanTarget& target) {
    m_target = target;
    update();
}

std::int64_t SpanLines::longest() const {
    return std::max<std::int64_t>({m_shape.context, m_tokens, 16});
}

// Each distinct span once; those aimed at last, so that they lie above the others.
std::vector<SpanLines::Line> SpanLines::lines() const {
    std::vector<Line> all;
    for (int layer = 0; m_params && layer < m_shape.layers; ++layer)
        for (int head = 0; head < m_shape.heads; ++head) {
            const MoaSpan& span = m_params->of(layer, head);
            auto line = std::find_if(all.begin(), all.end(), [&](const Line& l) { return l.span == span; });
            if (line == all.end())
                line = all.insert(all.end(), {span, layer, head, 0, false});
            ++line->heads;
            line->aimed |= m_target.holds(layer, head);
        }
    std::stable_partition(all.begin(), all.end(), [](const Line& line) { return !line.aimed; });
    return all;
}

QRectF SpanLines::areaOf(QSizeF size) const {
    return {44, 22, std::max(size.width() - 60, 10.), std::max(size.height() - 58, 10.)};
}

void SpanLines::drawAxes(QPainter& p, const QRectF& area) const {
    const auto n = static_cast<double>(longest());
    p.setFont(numberFont(10));
    for (const std::int64_t tick : positionTicks(0, longest() + 1, area.width() / n, 62)) {
        const double x = area.left() + static_cast<double>(tick) / n * area.width();
        p.setPen(theme().grid);
        p.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()));
        p.setPen(theme().mutedText);
        p.drawText(QRectF(x - 30, area.bottom() + 3, 60, 14), Qt::AlignCenter, QString::number(tick));
    }
    for (const std::int64_t tick : positionTicks(0, longest() + 1, area.height() / n, 30)) {
        const double y = area.bottom() - static_cast<double>(tick) / n * area.height();
        p.setPen(theme().grid);
        p.drawLine(QPointF(area.left(), y), QPointF(area.right(), y));
        p.setPen(theme().mutedText);
        p.drawText(QRectF(0, y - 8, area.left() - 6, 16), Qt::AlignRight | Qt::AlignVCenter,
                   QString::number(tick));
    }
    p.setPen(QPen(theme().mutedText, 1, Qt::DotLine));
    p.drawLine(area.bottomLeft(), area.topRight());
    p.setFont(uiFont(10));
    p.setPen(theme().mutedText);
    p.drawText(QRectF(area.left(), 4, area.width(), 16), Qt::AlignLeft | Qt::AlignVCenter, tr("tokens seen"));
    p.drawText(QRectF(area.left(), 4, area.width(), 16), Qt::AlignRight | Qt::AlignVCenter,
               tr("dotted: all"));
    p.drawText(QRectF(area.left(), area.bottom() + 17, area.width() + 12, 15),
               Qt::AlignRight | Qt::AlignVCenter, tr("N, tokens so far"));
}

// A point per pixel of what is truly seen: cut, in blocks, and filling up behind each block.
void SpanLines::drawLine(QPainter& p, const QRectF& area, const Line& line) const {
    const KeepRule rule = moaRule(*m_params, line.layer, line.head);
    const auto n = static_cast<double>(longest());
    QPolygonF points;
    for (double x = 0; x <= area.width(); x += 1) {
        const auto at = std::max<std::int64_t>(std::llround(x / area.width() * n), 1);
        points << QPointF(area.left() + x,
                          area.bottom() - static_cast<double>(rule.seen(at - 1)) / n * area.height());
    }
    const QColor colour = line.aimed ? theme().planB : mixed(theme().planB, theme().panel, 0.5);
    p.setPen(QPen(colour, line.aimed ? 2 : 1));
    p.drawPolyline(points);
}

void SpanLines::drawNow(QPainter& p, const QRectF& area, const std::vector<Line>& all) const {
    if (m_tokens <= 0)
        return;
    const auto n = static_cast<double>(longest());
    const double x = area.left() + static_cast<double>(m_tokens) / n * area.width();
    p.setPen(QPen(theme().accent, 1));
    p.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()));
    p.setFont(uiFont(11));
    double free = area.bottom();
    std::vector<std::pair<double, QString>> labels;
    for (const Line& line : all) {
        if (!line.aimed)
            continue;
        const std::int64_t seen = moaRule(*m_params, line.layer, line.head).seen(m_tokens - 1);
        const double y = area.bottom() - static_cast<double>(seen) / n * area.height();
        p.setBrush(theme().planB);
        p.setPen(QPen(theme().panel, 1));
        p.drawEllipse(QPointF(x, y), 4, 4);
        labels.emplace_back(
            y, line.heads > 1 ? tr("%1 · %2 (%3 heads)").arg(seen).arg(formula(line.span)).arg(line.heads)
                              : tr("%1 · %2").arg(seen).arg(formula(line.span)));
    }
    // From below upwards, none on another; on the side with more room.
    std::sort(labels.begin(), labels.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    const bool left = x - area.left() > area.width() / 2;
    for (const auto& [y, text] : labels) {
        if (free < area.top() + 6)
            break; // a whole layer of different spans: the rest are in the tool tip
        const double at = std::max(std::min(y - 20, free), area.top() + 6); // above its line
        free = at - 15;
        const double wide = p.fontMetrics().horizontalAdvance(text) + 8.;
        const QRectF box(left ? std::max(x - wide - 7, area.left() + 1) : x + 7, at - 8, wide, 15);
        p.fillRect(box, mixed(theme().panel, theme().field, 0.5));
        p.setPen(theme().text);
        p.drawText(box, Qt::AlignCenter, text);
    }
}

void SpanLines::paintInto(QPainter& p, QSize size) const {
    p.fillRect(QRectF(QPointF(0, 0), QSizeF(size)), theme().panel);
    if (!m_params || m_shape.layers == 0)
        return;
    p.setRenderHint(QPainter::Antialiasing);
    const QRectF area = areaOf(size);
    const std::vector<Line> all = lines();
    drawAxes(p, area);
    for (const Line& line : all)
        drawLine(p, area, line);
    drawNow(p, area, all);
}

bool SpanLines::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip)
        return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    const QRectF area = areaOf(size());
    const double share = (help->pos().x() - area.left()) / area.width();
    if (!m_params || share < 0 || share > 1) {
        QToolTip::hideText();
        return true;
    }
    const auto n = std::max<std::int64_t>(std::llround(share * static_cast<double>(longest())), 1);
    QString text = tr("at N = %1").arg(n);
    int shown = 0;
    for (const Line& line : lines())
        if (line.aimed && ++shown <= 12)
            text += tr("\n%1 · %2, %3 heads")
                        .arg(moaRule(*m_params, line.layer, line.head).seen(n - 1))
                        .arg(formula(line.span))
                        .arg(line.heads);
    QToolTip::showText(help->globalPos(), text, this);
    return true;
}

void SpanLines::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    paintInto(painter, size());
}

QImage SpanLines::renderToImage(QSize size) const {
    QImage image(size, QImage::Format_RGB32);
    QPainter painter(&image);
    paintInto(painter, size);
    return image;
}

} // namespace fovea
