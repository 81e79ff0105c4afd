#include "views/maps/sharing_diagram.h"

#include <QHelpEvent>
#include <QImage>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>

#include <algorithm>
#include <utility>

#include "core/trace/byte_text.h"

namespace fovea {

int SharingLayers::owners() const {
    int owners = 0;
    for (std::size_t layer = 0; layer < layers.size(); ++layer)
        owners += layers[layer].source == static_cast<int>(layer) ? 1 : 0;
    return owners;
}

SharingDiagram::SharingDiagram(QWidget* parent)
    : QWidget(parent), m_emptyText(tr("Open a model to see whose keys and values its layers read.")) {
    setFocusPolicy(Qt::StrongFocus);
    setAttribute(Qt::WA_OpaquePaintEvent);
    setAccessibleName(tr("Sharing of keys and values between layers"));
}

void SharingDiagram::setPlans(SharingLayers a, SharingLayers b) {
    m_a = std::move(a);
    m_b = std::move(b);
    update();
}

void SharingDiagram::setSelected(int layer) {
    m_selected = layer;
    update();
}

void SharingDiagram::setEmptyText(const QString& text) {
    m_emptyText = text;
    update();
}

std::int64_t SharingDiagram::most(std::int64_t SharingLayers::Layer::*figure) const {
    std::int64_t most = 1;
    for (const SharingLayers* plan : {&m_a, &m_b})
        for (const SharingLayers::Layer& layer : plan->layers)
            most = std::max(most, layer.*figure);
    return most;
}

QRectF SharingDiagram::rowRect(int layer) const {
    if (layer < 0 || layer >= std::ssize(m_b.layers))
        return {};
    const Places places = placesFor(size());
    return {0, places.top + layer * places.pitch, places.width, places.pitch};
}

int SharingDiagram::layerAt(const QPointF& position) const {
    for (int layer = 0; layer < std::ssize(m_b.layers); ++layer)
        if (rowRect(layer).contains(position))
            return layer;
    return -1;
}

void SharingDiagram::pick(int layer) {
    if (layer < 0 || layer >= std::ssize(m_b.layers) || layer == m_selected)
        return;
    setSelected(layer);
    Q_EMIT layerPicked(layer);
}

QString SharingDiagram::describe(int index) const {
    const SharingLayers::Layer& layer = m_b.layers[static_cast<std::size_t>(index)];
    const auto bytes = [](std::int64_t n) { return QString::fromStdString(byteText(n)); };
    const QString figures =
        tr("holds %1, reads %2 per step (formula)").arg(bytes(layer.held), bytes(layer.read));
    if (layer.source != index)
        return tr("layer %1 reads the KV of layer %2\n%3").arg(index).arg(layer.source).arg(figures);
    QStringList readers;
    for (int other = index + 1; other < std::ssize(m_b.layers); ++other)
        if (m_b.layers[static_cast<std::size_t>(other)].source == index)
            readers << QString::number(other);
    const QString own = tr("layer %1 owns its KV").arg(index);
    return (readers.isEmpty() ? own : tr("%1, read by %2 too").arg(own, readers.join(QStringLiteral(", ")))) +
           QLatin1Char('\n') + figures;
}

void SharingDiagram::paintInto(QPainter& painter, QSize size) const {
    drawInto(painter, size);
}

QImage SharingDiagram::renderToImage(QSize size) const {
    QImage image(size, QImage::Format_RGB32);
    QPainter painter(&image);
    paintInto(painter, size);
    return image;
}

QString SharingDiagram::toCsv() const {
    QString csv = QStringLiteral("plan,layer,source,held_bytes_formula,read_bytes_formula\n");
    for (const auto& [plan, name] : {std::pair(&m_a, u'A'), std::pair(&m_b, u'B')})
        for (std::size_t layer = 0; layer < plan->layers.size(); ++layer)
            csv += QStringLiteral("%1,%2,%3,%4,%5\n")
                       .arg(QChar(name))
                       .arg(layer)
                       .arg(plan->layers[layer].source)
                       .arg(plan->layers[layer].held)
                       .arg(plan->layers[layer].read);
    return csv;
}

bool SharingDiagram::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const int layer = layerAt(help->pos());
        if (layer < 0)
            QToolTip::hideText();
        else
            QToolTip::showText(help->globalPos(), describe(layer), this);
        return true;
    }
    return QWidget::event(event);
}

void SharingDiagram::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    drawInto(painter, size());
}

void SharingDiagram::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::StyleChange)
        update();
    QWidget::changeEvent(event);
}

void SharingDiagram::mousePressEvent(QMouseEvent* event) {
    pick(layerAt(event->position()));
}

void SharingDiagram::keyPressEvent(QKeyEvent* event) {
    const int last = static_cast<int>(m_b.layers.size()) - 1;
    switch (event->key()) {
    case Qt::Key_Up:
        return pick(m_selected - 1);
    case Qt::Key_Down:
        return pick(m_selected + 1);
    case Qt::Key_Home:
        return pick(0);
    case Qt::Key_End:
        return pick(last);
    default:
        QWidget::keyPressEvent(event);
    }
}

} // namespace fovea
