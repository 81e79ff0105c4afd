#include "views/maps/head_map_view.h"

#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>
#include <QWheelEvent>
#include <algorithm>
#include <cmath>

#include "views/maps/head_map_painter.h"
#include "views/maps/head_map_state.h"
#include "views/theme.h"

namespace fovea {
namespace {

constexpr double kWheelStep = 1.25; // per notch of 120
constexpr int kDragFrom = 4;        // pixels; less is a click
constexpr int kPage = 16;
constexpr int kRowsBeforePlanned = 8;

TileStyle styleOf(const HeadMapScene& scene) {
    const Theme& t = theme();
    return {scene.scale, scene.map, scene.overlaid(), scene.mode() == MapMode::Difference,
            t.causal,    t.veil,    t.panel,          t.planB};
}

} // namespace

HeadMapView::HeadMapView(QWidget* parent) : QWidget(parent), m(std::make_unique<State>()) {
    m->scene.emptyText = QStringLiteral("Press Run to see attention.");
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setAttribute(Qt::WA_OpaquePaintEvent);
    setAccessibleName(QStringLiteral("Head map"));
}

HeadMapView::~HeadMapView() = default;

void HeadMapView::setData(std::shared_ptr<const HeadMapData> next) {
    if (next == m->scene.data)
        return;
    const bool wasFit = m->scene.view.empty() || m->scene.view.isFit();
    m->scene.data = std::move(next);
    m->tiles.setData(m->scene.data);
    const std::int64_t tokens = m->scene.data ? m->scene.data->map->tokens : 0;
    const bool resized = tokens != m->scene.view.rows;
    m->scene.view.rows = m->scene.view.columns = tokens;
    m->relayout(size());
    if (resized && wasFit)
        m->scene.view.fit();
    else
        m->scene.view.pan({0, 0}); // back inside, if the map became smaller
    if (m->scene.query >= tokens)
        m->scene.query = static_cast<int>(tokens) - 1;
    if (m->scene.key >= tokens)
        m->scene.key = -1;
    viewChanged();
}

void HeadMapView::viewChanged() {
    update();
    Q_EMIT rangeChanged();
}

void HeadMapView::setTokens(std::vector<QString> tokens) {
    m->scene.tokens = std::move(tokens);
}

void HeadMapView::setQuery(int query) {
    if (query == m->scene.query)
        return;
    m->scene.query = query;
    if (query >= 0 && query < m->scene.view.rows) {
        const QPoint before = m->scene.view.origin();
        m->scene.view.scrollTo(query);
        if (m->scene.view.origin() != before)
            Q_EMIT rangeChanged();
    }
    update();
}

int HeadMapView::query() const {
    return m->scene.query;
}

void HeadMapView::setKey(int key) {
    m->scene.key = key;
    update();
}

void HeadMapView::setScale(ColourScale scale) {
    m->scene.scale = scale;
    update();
}

ColourScale HeadMapView::scale() const {
    return m->scene.scale;
}

void HeadMapView::setColourMap(ColourMap map) {
    m->scene.map = map;
    update();
}

void HeadMapView::setPlanLabel(const QString& label) {
    m->scene.planLabel = label;
}

void HeadMapView::setOverlayVisible(bool visible) {
    m->scene.overlay = visible;
    m->relayout(size());
    update();
}

void HeadMapView::setEmptyText(const QString& text) {
    m->scene.emptyText = text;
    update();
}

void HeadMapView::fit() {
    m->scene.view.fit();
    viewChanged();
}

void HeadMapView::fitPlanned() {
    if (!m->scene.overlaid())
        return fit();
    const HeadMap& map = *m->scene.data->map;
    std::int64_t first = 0;
    while (first < map.tokens && m->scene.data->chosenBy(first).empty())
        ++first;
    showRange(static_cast<int>(std::max<std::int64_t>(0, first - kRowsBeforePlanned)),
              static_cast<int>(map.tokens) - 1, 0, static_cast<int>(map.tokens) - 1);
}

void HeadMapView::showRange(int firstQuery, int lastQuery, int firstKey, int lastKey) {
    m->scene.view.showRange(firstQuery, lastQuery + 1.0, firstKey, lastKey + 1.0);
    viewChanged();
}

QPoint HeadMapView::cellAt(const QPointF& position) const {
    return m->scene.data ? m->scene.view.cellAt(position) : QPoint(-1, -1);
}

QPointF HeadMapView::positionOf(int query, int key) const {
    return m->scene.view.centreOf(query, key);
}

void HeadMapView::paintInto(QPainter& painter, QSize size) const {
    HeadMapScene scene = m->scene;
    const HeadMapLayout layout = layoutOf(scene, size, true);
    scene.view.setArea(layout.map);
    MapTiles tiles;
    tiles.setData(scene.data);
    tiles.setStyle(styleOf(scene));
    paintHeadMap(painter, scene, layout, tiles, 1);
}

QImage HeadMapView::renderToImage(QSize size) const {
    QImage image(size, QImage::Format_RGB32);
    QPainter painter(&image);
    paintInto(painter, size);
    return image;
}

bool HeadMapView::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const QString text = describeAt(help->pos());
        if (text.isEmpty())
            QToolTip::hideText();
        else
            QToolTip::showText(help->globalPos(), text.toHtmlEscaped(), this);
        return true;
    }
    return QWidget::event(event);
}

void HeadMapView::paintEvent(QPaintEvent*) {
    m->tiles.setStyle(styleOf(m->scene));
    QPainter painter(this);
    paintHeadMap(painter, m->scene, m->layout, m->tiles, devicePixelRatioF());
    if (hasFocus() && m->scene.data) {
        painter.setPen(QPen(mixed(theme().panel, theme().accent, 0.45), 1));
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(m->layout.map.adjusted(-1, -1, 0, 0));
    }
}

void HeadMapView::resizeEvent(QResizeEvent*) {
    m->relayout(size());
    viewChanged();
}

void HeadMapView::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::StyleChange)
        update();
    QWidget::changeEvent(event);
}

void HeadMapView::wheelEvent(QWheelEvent* event) {
    if (!m->scene.data)
        return;
    // With Alt or Shift some platforms turn the wheel sideways.
    const int notch = event->angleDelta().y() != 0 ? event->angleDelta().y() : event->angleDelta().x();
    const double factor = std::pow(kWheelStep, notch / 120.0);
    const bool keysOnly = event->modifiers().testFlag(Qt::ControlModifier);
    const bool queriesOnly = event->modifiers().testFlag(Qt::ShiftModifier);
    m->scene.view.zoom(event->position(), queriesOnly ? 1 : factor, keysOnly ? 1 : factor);
    event->accept();
    viewChanged();
}

void HeadMapView::mousePressEvent(QMouseEvent* event) {
    m->pressed = m->last = event->pos();
    m->dragging = false;
    m->buttonDown = event->button() == Qt::LeftButton;
    if (event->button() == Qt::RightButton)
        pick(cellAt(event->position()));
}

void HeadMapView::mouseMoveEvent(QMouseEvent* event) {
    if (!m->buttonDown || !event->buttons().testFlag(Qt::LeftButton))
        return;
    if (!m->dragging && (event->pos() - m->pressed).manhattanLength() < kDragFrom)
        return;
    if (!m->dragging)
        setCursor(Qt::ClosedHandCursor);
    m->dragging = true;
    m->scene.view.pan(event->pos() - m->last);
    m->last = event->pos();
    viewChanged();
}

void HeadMapView::mouseReleaseEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton || !m->buttonDown)
        return;
    m->buttonDown = false;
    unsetCursor();
    if (!m->dragging)
        pick(cellAt(event->position()));
    m->dragging = false;
}

void HeadMapView::leaveEvent(QEvent*) {
    QToolTip::hideText();
}

void HeadMapView::pick(const QPoint& cell) {
    if (cell.y() < 0)
        return;
    setQuery(cell.y());
    Q_EMIT queryPicked(cell.y());
    if (cell.x() <= cell.y()) {
        setKey(cell.x());
        Q_EMIT keyPicked(cell.x());
    }
}

void HeadMapView::keyPressEvent(QKeyEvent* event) {
    const auto tokens = static_cast<int>(m->scene.view.rows);
    if (tokens < 1)
        return QWidget::keyPressEvent(event);
    const auto moveQuery = [&](int to) {
        const int query = std::clamp(to, 0, tokens - 1);
        if (query == m->scene.query)
            return;
        setQuery(query);
        Q_EMIT queryPicked(query);
    };
    const auto moveKey = [&](int to) {
        const int key = std::clamp(to, 0, m->scene.query >= 0 ? m->scene.query : tokens - 1);
        if (key == m->scene.key)
            return;
        setKey(key);
        Q_EMIT keyPicked(key);
    };
    const auto zoom = [&](double factor) {
        m->scene.view.zoom(QRectF(m->layout.map).center(), factor, factor);
        viewChanged();
    };
    if (event->key() == Qt::Key_G && event->modifiers() == Qt::ControlModifier) {
        Q_EMIT goToRequested();
        return;
    }
    switch (event->key()) {
    case Qt::Key_Up:
        return moveQuery(m->scene.query - 1);
    case Qt::Key_Down:
        return moveQuery(m->scene.query + 1);
    case Qt::Key_Left:
        return moveKey(m->scene.key - 1);
    case Qt::Key_Right:
        return moveKey(m->scene.key + 1);
    case Qt::Key_PageUp:
        return moveQuery(m->scene.query - kPage);
    case Qt::Key_PageDown:
        return moveQuery(m->scene.query + kPage);
    case Qt::Key_Home:
        return moveQuery(0);
    case Qt::Key_End:
        return moveQuery(tokens - 1);
    case Qt::Key_F:
        return fit();
    case Qt::Key_D:
        return fitPlanned();
    case Qt::Key_Plus:
    case Qt::Key_Equal:
        return zoom(kWheelStep);
    case Qt::Key_Minus:
        return zoom(1 / kWheelStep);
    default:
        QWidget::keyPressEvent(event);
    }
}

} // namespace fovea
