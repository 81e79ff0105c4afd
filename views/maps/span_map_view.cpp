#include "views/maps/span_map_view.h"

#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QToolTip>

#include <algorithm>
#include <cmath>

#include "views/maps/span_map_grid.h"

namespace fovea {

SpanMapView::SpanMapView(QWidget* parent) : QWidget(parent) {
    setFocusPolicy(Qt::StrongFocus);
    setAttribute(Qt::WA_OpaquePaintEvent);
    setMouseTracking(true);
    setAccessibleName(tr("Span map"));
}

void SpanMapView::setShape(const SpanShape& shape) {
    if (shape == m_shape)
        return;
    m_shape = shape;
    m_target = {0, 0};
    update();
}

void SpanMapView::setParams(const std::optional<MoaParams>& params) {
    m_params = params;
    if (!params)
        m_pressed.reset();
    update();
}

void SpanMapView::setTokens(std::int64_t tokens) {
    m_tokens = tokens;
    update();
}

std::int64_t SpanMapView::tokens() const {
    return m_tokens > 0 ? m_tokens : std::max<std::int64_t>(m_shape.context, 1);
}

void SpanMapView::setSelected(int layer, int head) {
    // A whole layer or head that is aimed at stays so while the head looked at is one of it.
    if (!m_target.holds(layer, head))
        aim({layer, head});
}

void SpanMapView::setColourMap(ColourMap map) {
    m_map = map;
    update();
}

void SpanMapView::aim(const SpanTarget& target) {
    if (target == m_target)
        return;
    m_target = target;
    update();
    Q_EMIT targetChanged(target);
}

SpanMapView::Grid SpanMapView::gridFor(QSizeF size) const {
    Grid grid;
    const int layers = std::max(m_shape.layers, 1), heads = std::max(m_shape.heads, 1);
    grid.group = std::max(m_shape.group, 1);
    const double room = size.width() - Grid::kNames - Grid::kBar - Grid::kMargin;
    const double tall = size.height() - Grid::kHeads - Grid::kNote - Grid::kMargin;
    grid.groupGap = grid.group > 1 ? std::clamp(room / heads * 0.25, 2., 8.) : 0;
    const int groups = (heads + grid.group - 1) / grid.group;
    grid.width = std::max(2., (room - (groups - 1) * grid.groupGap) / heads);
    const double place = std::max(3., tall / layers);
    grid.below = grid.group > 1 && place > 12 ? Grid::kHeld + 3 : 0;
    grid.height = std::min(place - grid.below, grid.width * 1.6 + 6);
    grid.gap = std::min(grid.width, grid.height) > 8 ? 2 : 0.5;
    grid.cells = QRectF(Grid::kNames, Grid::kHeads, heads * grid.width + (groups - 1) * grid.groupGap,
                        layers * (grid.height + grid.below));
    return grid;
}

QRectF SpanMapView::rectOf(const SpanTarget& target) const {
    const Grid grid = gridFor(size());
    if (target.layer >= 0 && target.head >= 0)
        return grid.cell(target.layer, target.head);
    const QRectF cell = grid.cell(std::max(target.layer, 0), std::max(target.head, 0));
    if (target.all())
        return {0, 0, Grid::kNames, Grid::kHeads};
    return target.head < 0 ? QRectF(0, cell.top(), Grid::kNames, cell.height())
                           : QRectF(cell.left(), 0, cell.width(), Grid::kHeads);
}

std::optional<SpanTarget> SpanMapView::targetAt(const QPointF& at) const {
    if (m_shape.layers == 0)
        return std::nullopt;
    const Grid grid = gridFor(size());
    if (at.y() > grid.cells.bottom() || at.x() > grid.cells.right())
        return std::nullopt;
    // Gaps belong to the cell before them.
    int layer = -1, head = -1;
    if (at.y() >= Grid::kHeads)
        layer = std::clamp(static_cast<int>((at.y() - grid.cells.top()) / (grid.height + grid.below)), 0,
                           m_shape.layers - 1);
    if (at.x() >= Grid::kNames)
        for (head = 0; head + 1 < m_shape.heads && grid.cell(0, head + 1).left() <= at.x();)
            ++head;
    return SpanTarget{layer, head};
}

void SpanMapView::edit(const MoaParams& from, int steps) {
    if (!m_params)
        return;
    const MoaParams after = moved(from, m_shape, m_target, m_part, steps);
    if (after == *m_params)
        return;
    m_params = after;
    update();
    Q_EMIT edited(after, tr("%1 of %2").arg(name(m_part), name(m_target)));
}

void SpanMapView::mousePressEvent(QMouseEvent* event) {
    const auto target = event->button() == Qt::LeftButton ? targetAt(event->position()) : std::nullopt;
    if (!target)
        return QWidget::mousePressEvent(event);
    aim(*target);
    if (target->layer >= 0 && target->head >= 0)
        Q_EMIT headPicked(target->layer, target->head);
    m_pressed = m_params;
    m_pressedAt = event->position();
    m_dragging = false;
}

void SpanMapView::mouseMoveEvent(QMouseEvent* event) {
    if (!(event->buttons() & Qt::LeftButton) || !m_pressed) {
        setCursor(m_params && targetAt(event->position()) ? Qt::SizeVerCursor : Qt::ArrowCursor);
        return;
    }
    const double up = m_pressedAt.y() - event->position().y();
    m_dragging |= std::abs(up) >= Grid::kPixelsPerStep;
    if (m_dragging)
        edit(*m_pressed, static_cast<int>(std::lround(up / Grid::kPixelsPerStep)));
    if (m_dragging)
        QToolTip::showText(event->globalPosition().toPoint(), describe(m_target), this);
}

void SpanMapView::mouseReleaseEvent(QMouseEvent*) {
    m_pressed.reset();
    if (std::exchange(m_dragging, false))
        Q_EMIT editFinished();
}

void SpanMapView::keyPressEvent(QKeyEvent* event) {
    const int layer = std::max(m_target.layer, 0), head = std::max(m_target.head, 0);
    const auto go = [&](int layers, int heads) {
        const SpanTarget next{std::clamp(layer + layers, 0, std::max(m_shape.layers - 1, 0)),
                              std::clamp(head + heads, 0, std::max(m_shape.heads - 1, 0))};
        aim(next);
        if (m_shape.layers > 0)
            Q_EMIT headPicked(next.layer, next.head);
    };
    switch (event->key()) {
    case Qt::Key_Left:
        return go(0, -1);
    case Qt::Key_Right:
        return go(0, 1);
    case Qt::Key_Up:
        return go(-1, 0);
    case Qt::Key_Down:
        return go(1, 0);
    case Qt::Key_L:
        return aim({layer, -1});
    case Qt::Key_H:
        return aim({-1, head});
    case Qt::Key_A:
        return aim({-1, -1});
    case Qt::Key_Plus:
    case Qt::Key_Equal:
    case Qt::Key_Minus:
        if (m_params) {
            edit(*m_params, event->key() == Qt::Key_Minus ? -1 : 1);
            Q_EMIT editFinished();
        }
        return;
    default:
        QWidget::keyPressEvent(event);
    }
}

QString SpanMapView::describe(const SpanTarget& target) const {
    if (!m_params)
        return {};
    const std::int64_t n = tokens();
    if (target.layer < 0 || target.head < 0) {
        const SpanShares shares = sharesAt(*m_params, m_shape, n);
        return tr("%1\nall heads at N = %2: %3 % seen, %4 % held")
            .arg(name(target))
            .arg(n)
            .arg(100 * shares.seen, 0, 'f', 1)
            .arg(100 * shares.held, 0, 'f', 1);
    }
    const MoaSpan& span = m_params->of(target.layer, target.head);
    const std::int64_t seen = moaRule(*m_params, target.layer, target.head).seen(n - 1);
    const std::int64_t wanted =
        std::min<std::int64_t>(moaTokens(*m_params, span, m_params->length > 0 ? m_params->length : n), n);
    QString text =
        tr("layer %1, head %2 (KV head %3)\nS = %4 + %5·N%6\nat N = %7: sees %8")
            .arg(target.layer)
            .arg(target.head)
            .arg(target.head / m_shape.group)
            .arg(span.alpha, 0, 'g', 7)
            .arg(span.beta, 0, 'g', 4)
            .arg(m_params->length > 0 ? tr(" with N = %1 throughout").arg(m_params->length) : QString())
            .arg(n)
            .arg(seen);
    if (seen < wanted)
        text += tr(" of its span of %1, which has just grown and fills up").arg(wanted);
    const std::int64_t held = heldAt(*m_params, m_shape, target.layer, target.head, n);
    if (m_shape.group > 1)
        text += held > seen ? tr("\nits KV head holds %1 for another head of the group").arg(held)
                            : tr("\nits KV head holds %1").arg(held);
    return text;
}

bool SpanMapView::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip)
        return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    const auto target = targetAt(help->pos());
    if (!target || !m_params)
        QToolTip::hideText();
    else
        QToolTip::showText(help->globalPos(), describe(*target), this);
    return true;
}

QString SpanMapView::toCsv() const {
    QString csv = QStringLiteral("layer,head,kv_head,alpha,beta,tokens,seen,held\n");
    const std::int64_t n = tokens();
    for (int layer = 0; m_params && layer < m_shape.layers; ++layer)
        for (int head = 0; head < m_shape.heads; ++head)
            csv += QStringLiteral("%1,%2,%3,%4,%5,%6,%7,%8\n")
                       .arg(layer)
                       .arg(head)
                       .arg(head / m_shape.group)
                       .arg(m_params->of(layer, head).alpha, 0, 'g', 17)
                       .arg(m_params->of(layer, head).beta, 0, 'g', 17)
                       .arg(n)
                       .arg(moaRule(*m_params, layer, head).seen(n - 1))
                       .arg(heldAt(*m_params, m_shape, layer, head, n));
    return csv;
}

} // namespace fovea
