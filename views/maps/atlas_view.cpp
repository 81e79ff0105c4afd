#include "views/maps/atlas_view.h"

#include <QComboBox>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>

#include "views/maps/atlas_spacing.h"
#include "views/maps/map_axis.h"
#include "views/theme.h"

namespace fovea {

using namespace atlas;

AtlasView::AtlasView(QWidget* parent)
    : QWidget(parent), m_emptyText(QStringLiteral("Press Run to see every head.")) {
    setFocusPolicy(Qt::StrongFocus);
    setAttribute(Qt::WA_OpaquePaintEvent);
    setAccessibleName(QStringLiteral("Atlas of heads"));
}

void AtlasView::setHeads(std::shared_ptr<const std::vector<HeadSummary>> heads, int group) {
    m_heads = std::move(heads);
    m_group = std::max(1, group);
    m_layers = m_headsPerLayer = 0;
    float missed = 0;
    if (m_heads)
        for (const HeadSummary& head : *m_heads) {
            m_layers = std::max(m_layers, head.layer + 1);
            m_headsPerLayer = std::max(m_headsPerLayer, head.head + 1);
            missed = std::max(missed, head.missed);
        }
    // Whole KV groups, so that brackets close while heads are still arriving.
    m_headsPerLayer = (m_headsPerLayer + m_group - 1) / m_group * m_group;
    m_missedScale = missed > 0 ? missedScale(missed) : 0;
    relayout();
}

void AtlasView::setSelected(int layer, int head) {
    m_selectedLayer = layer;
    m_selectedHead = head;
    update();
}

void AtlasView::setSort(AtlasSort sort) {
    if (sort == m_sort)
        return;
    m_sort = sort;
    relayout();
    Q_EMIT sortChanged(sort);
}

void AtlasView::setColourMap(ColourMap map) {
    m_map = map;
    m_images.clear();
    update();
}

void AtlasView::setEmptyText(const QString& text) {
    m_emptyText = text;
    update();
}

QComboBox* AtlasView::createSortControl(QWidget* parent) {
    auto* box = new QComboBox(parent);
    box->setProperty("header", true);
    box->setToolTip(QStringLiteral("Order of the heads; by a figure, the largest comes first"));
    box->addItems({QStringLiteral("sort: layout"), QStringLiteral("sort: missed mass"),
                   QStringLiteral("sort: entropy"), QStringLiteral("sort: sink mass")});
    box->setCurrentIndex(static_cast<int>(m_sort));
    connect(box, &QComboBox::currentIndexChanged, this,
            [this](int index) { setSort(static_cast<AtlasSort>(index)); });
    connect(this, &AtlasView::sortChanged, box,
            [box](AtlasSort sort) { box->setCurrentIndex(static_cast<int>(sort)); });
    return box;
}

double AtlasView::figure(const HeadSummary& head) const {
    switch (m_sort) {
    case AtlasSort::Missed:
        return head.missed;
    case AtlasSort::Entropy:
        return head.entropy;
    case AtlasSort::Sink:
        return head.sink;
    case AtlasSort::Layout:
        break;
    }
    return 0;
}

QString AtlasView::figureText(const HeadSummary& head) const {
    if (m_sort == AtlasSort::Entropy)
        return QStringLiteral("%1 nats").arg(figure(head), 0, 'f', 2);
    return QStringLiteral("%1 %").arg(figure(head) * 100, 0, 'f', 1);
}

QString AtlasView::describe(const HeadSummary& head) const {
    return QStringLiteral(
               "layer %1, head %2 (KV head %3)\nmissed mass %4 %\nentropy %5 nats\nmass on token 0 %6 %")
        .arg(head.layer)
        .arg(head.head)
        .arg(head.head / m_group)
        .arg(static_cast<double>(head.missed) * 100, 0, 'f', 2)
        .arg(static_cast<double>(head.entropy), 0, 'f', 2)
        .arg(static_cast<double>(head.sink) * 100, 0, 'f', 1);
}

void AtlasView::relayout() {
    m_layout = layoutFor(size());
    m_images.clear();
    update();
}

QRectF AtlasView::cellRect(int layer, int head) const {
    for (const Place& place : m_layout.places) {
        const HeadSummary& summary = (*m_heads)[static_cast<std::size_t>(place.summary)];
        if (summary.layer == layer && summary.head == head)
            return place.image;
    }
    return {};
}

void AtlasView::paintInto(QPainter& painter, QSize size) const {
    drawInto(painter, layoutFor(size), 1);
}

QImage AtlasView::renderToImage(QSize size) const {
    QImage image(size, QImage::Format_RGB32);
    QPainter painter(&image);
    paintInto(painter, size);
    return image;
}

QString AtlasView::toCsv() const {
    QString csv = QStringLiteral("layer,head,kv_head,missed,entropy_nats,sink\n");
    for (const Place& place : m_layout.places) {
        const HeadSummary& head = (*m_heads)[static_cast<std::size_t>(place.summary)];
        csv += QStringLiteral("%1,%2,%3,%4,%5,%6\n")
                   .arg(head.layer)
                   .arg(head.head)
                   .arg(head.head / m_group)
                   .arg(static_cast<double>(head.missed), 0, 'g', 9)
                   .arg(static_cast<double>(head.entropy), 0, 'g', 9)
                   .arg(static_cast<double>(head.sink), 0, 'g', 9);
    }
    return csv;
}

int AtlasView::placeAt(const QPointF& position) const {
    for (std::size_t i = 0; i < m_layout.places.size(); ++i)
        if (m_layout.places[i].image.adjusted(-kGap / 2, -kGap / 2, kGap / 2, kBarSpace).contains(position))
            return static_cast<int>(i);
    return -1;
}

int AtlasView::selectedPlace() const {
    for (std::size_t i = 0; i < m_layout.places.size(); ++i) {
        const HeadSummary& head = (*m_heads)[static_cast<std::size_t>(m_layout.places[i].summary)];
        if (head.layer == m_selectedLayer && head.head == m_selectedHead)
            return static_cast<int>(i);
    }
    return -1;
}

void AtlasView::pick(int place) {
    if (place < 0 || place >= static_cast<int>(m_layout.places.size()))
        return;
    const HeadSummary& head =
        (*m_heads)[static_cast<std::size_t>(m_layout.places[static_cast<std::size_t>(place)].summary)];
    if (head.layer == m_selectedLayer && head.head == m_selectedHead)
        return;
    setSelected(head.layer, head.head);
    Q_EMIT headPicked(head.layer, head.head);
}

bool AtlasView::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const int place = placeAt(help->pos());
        if (place < 0)
            QToolTip::hideText();
        else
            QToolTip::showText(help->globalPos(),
                               describe((*m_heads)[static_cast<std::size_t>(
                                   m_layout.places[static_cast<std::size_t>(place)].summary)]),
                               this);
        return true;
    }
    return QWidget::event(event);
}

void AtlasView::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    drawInto(painter, m_layout, devicePixelRatioF());
}

void AtlasView::resizeEvent(QResizeEvent*) {
    relayout();
}

void AtlasView::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::StyleChange) {
        m_images.clear();
        update();
    }
    QWidget::changeEvent(event);
}

void AtlasView::mousePressEvent(QMouseEvent* event) {
    pick(placeAt(event->position()));
}

void AtlasView::keyPressEvent(QKeyEvent* event) {
    const int at = selectedPlace();
    const auto count = static_cast<int>(m_layout.places.size());
    int to = at;
    switch (event->key()) {
    case Qt::Key_Left:
        to = at - 1;
        break;
    case Qt::Key_Right:
        to = at + 1;
        break;
    case Qt::Key_Up:
        to = at - m_layout.columns;
        break;
    case Qt::Key_Down:
        to = at + m_layout.columns;
        break;
    case Qt::Key_Home:
        to = 0;
        break;
    case Qt::Key_End:
        to = count - 1;
        break;
    default:
        return QWidget::keyPressEvent(event);
    }
    pick(at < 0 ? 0 : to);
}

} // namespace fovea
