// Nodes, arcs, the two columns of bars and what is said below them.

#include <QPainter>
#include <QPainterPath>

#include <algorithm>
#include <cmath>

#include "core/trace/byte_text.h"
#include "views/maps/sharing_diagram.h"
#include "views/theme.h"

namespace fovea {

namespace {

constexpr double kMargin = 12, kLabel = 30, kArcs = 46, kNode = 4.5, kColumnGap = 14, kHead = 42, kLine = 16;
constexpr double kText = 54;       // room for "20.5 kB" beside a bar
constexpr double kHighestRow = 34; // few layers do not grow beyond this

QString bytes(std::int64_t n) {
    return QString::fromStdString(byteText(n));
}

} // namespace

struct SharingDiagram::Bar {
    double left = 0, middle = 0; // of the bar
    std::int64_t value = 0, marked = 0, most = 1;
    QColor fill;
    QString instead; // of the bar and its figure
};

int SharingDiagram::footLines() const {
    return 4 + (m_b.note.isEmpty() ? 0 : 2);
}

SharingDiagram::Places SharingDiagram::placesFor(QSizeF size) const {
    Places p;
    p.width = size.width();
    p.height = size.height();
    const double foot = footLines() * kLine + kMargin;
    const double rows = std::max<double>(1, static_cast<double>(m_b.layers.size()));
    p.top = kHead;
    p.pitch = std::clamp((p.height - kHead - foot - 4) / rows, 1., kHighestRow);
    p.foot = std::min(p.top + rows * p.pitch + 10, p.height - foot + 4);
    p.node = kMargin + kLabel + kArcs;
    p.held = p.node + kNode + kColumnGap;
    const double column = (p.width - kMargin - p.held - kColumnGap) / 2;
    p.read = p.held + column + kColumnGap;
    p.bar = std::max(10., column - kText);
    return p;
}

QSize SharingDiagram::pictureSize() const {
    const QSize room = size().expandedTo(sizeHint());
    const double drawn =
        kHead + static_cast<double>(m_b.layers.size()) * kHighestRow + footLines() * kLine + 2 * kMargin;
    return m_b.layers.empty() ? room : QSize(room.width(), std::min(room.height(), static_cast<int>(drawn)));
}

void SharingDiagram::drawInto(QPainter& p, QSizeF size) const {
    p.fillRect(QRectF({0, 0}, size), theme().panel);
    p.setRenderHint(QPainter::Antialiasing);
    if (m_b.layers.empty()) {
        p.setPen(theme().mutedText);
        p.setFont(uiFont(12));
        p.drawText(QRectF({0, 0}, size).adjusted(16, 16, -16, -16), Qt::AlignCenter | Qt::TextWordWrap,
                   m_emptyText);
        return;
    }
    const Places places = placesFor(size);
    if (m_selected >= 0 && m_selected < std::ssize(m_b.layers))
        p.fillRect(QRectF(4, places.top + m_selected * places.pitch, places.width - 8, places.pitch),
                   mixed(theme().panel, theme().accent, .16));
    drawHead(p, places);
    drawArcs(p, places);
    for (int layer = 0; layer < std::ssize(m_b.layers); ++layer)
        drawRow(p, places, layer);
    drawFoot(p, places);
}

void SharingDiagram::drawHead(QPainter& p, const Places& places) const {
    const auto heading = [&](double left, const QString& title, const QString& below) {
        p.setFont(uiFont(11, true));
        p.setPen(theme().text);
        p.drawText(QRectF(left, 6, places.bar + kText, 16), Qt::AlignLeft | Qt::AlignVCenter, title);
        p.setFont(uiFont(11));
        p.setPen(theme().mutedText);
        p.drawText(QRectF(left, 21, places.bar + kText, 16), Qt::AlignLeft | Qt::AlignVCenter, below);
    };
    heading(places.held, tr("holds"), tr("bytes, formula"));
    heading(places.read, tr("reads per step"), tr("bytes, formula"));
    p.setFont(uiFont(11));
    p.setPen(theme().mutedText);
    p.drawText(QRectF(kMargin, 21, places.held - kMargin - 4, 16), Qt::AlignLeft | Qt::AlignVCenter,
               tr("layer"));
}

// The further apart, the wider the arc; what one owner's borrowers draw nests.
void SharingDiagram::drawArcs(QPainter& p, const Places& places) const {
    double furthest = 1;
    for (int layer = 0; layer < std::ssize(m_b.layers); ++layer)
        furthest = std::max<double>(furthest, layer - m_b.layers[static_cast<std::size_t>(layer)].source);
    p.setBrush(Qt::NoBrush);
    for (int layer = 0; layer < std::ssize(m_b.layers); ++layer) {
        const int source = m_b.layers[static_cast<std::size_t>(layer)].source;
        if (source == layer)
            continue;
        const bool picked = layer == m_selected || source == m_selected;
        p.setPen(QPen(picked ? theme().accent : mixed(theme().panel, theme().planB, .75), picked ? 2 : 1.2));
        const double reach = (kArcs - 8) * (.35 + .65 * std::sqrt((layer - source) / furthest));
        const double from = centre(places, layer), to = centre(places, source), x = places.node - kNode;
        QPainterPath arc(QPointF(x, from));
        arc.cubicTo(QPointF(x - reach * 4 / 3, from), QPointF(x - reach * 4 / 3, to), QPointF(x, to));
        p.drawPath(arc);
    }
}

void SharingDiagram::drawBar(QPainter& p, const Places& places, const Bar& bar) const {
    const double height = std::clamp(places.pitch * .56, 1., 14.);
    const auto length = [&](std::int64_t value) {
        return places.bar * static_cast<double>(value) / static_cast<double>(bar.most);
    };
    p.setFont(numberFont(11));
    const bool text = places.pitch >= 11;
    if (!bar.instead.isEmpty()) {
        p.setPen(theme().mutedText);
        p.setFont(uiFont(11));
        if (text)
            p.drawText(QRectF(bar.left, bar.middle - 8, places.bar + kText, 16),
                       Qt::AlignLeft | Qt::AlignVCenter, bar.instead);
    } else {
        p.fillRect(QRectF(bar.left, bar.middle - height / 2, length(bar.value), height), bar.fill);
        p.setPen(theme().text);
        if (text)
            p.drawText(QRectF(bar.left + length(bar.value) + 6, bar.middle - 8, kText, 16),
                       Qt::AlignLeft | Qt::AlignVCenter, bytes(bar.value));
    }
    if (bar.marked != bar.value) // where A's bar would end
        p.fillRect(QRectF(bar.left + length(bar.marked) - 1, bar.middle - height / 2 - 2, 2, height + 4),
                   theme().planA);
}

void SharingDiagram::drawRow(QPainter& p, const Places& places, int index) const {
    const SharingLayers::Layer& layer = m_b.layers[static_cast<std::size_t>(index)];
    const bool compared = m_a.layers.size() == m_b.layers.size();
    const SharingLayers::Layer& other = compared ? m_a.layers[static_cast<std::size_t>(index)] : layer;
    const double middle = centre(places, index);
    const bool owns = layer.source == index;
    // Every label, or every second, fourth, … where rows stand closer than text is high.
    int step = 1;
    while (step * places.pitch < 13)
        step *= 2;
    if (index % step == 0) {
        p.setFont(uiFont(11));
        p.setPen(owns ? theme().text : theme().mutedText);
        p.drawText(QRectF(kMargin, middle - 8, kLabel, 16), Qt::AlignLeft | Qt::AlignVCenter,
                   QStringLiteral("L%1").arg(index));
    }
    const double radius = std::min(kNode, places.pitch * .4);
    p.setPen(QPen(theme().planB, 1.4));
    p.setBrush(owns ? theme().planB : theme().panel);
    p.drawEllipse(QPointF(places.node, middle), radius, radius);
    const QColor borrowed = mixed(theme().panel, theme().planB, .45);
    drawBar(p, places,
            {.left = places.held,
             .middle = middle,
             .value = layer.held,
             .marked = other.held,
             .most = most(&SharingLayers::Layer::held),
             .fill = theme().planB,
             .instead = owns ? QString() : tr("in L%1").arg(layer.source)});
    drawBar(p, places,
            {.left = places.read,
             .middle = middle,
             .value = layer.read,
             .marked = other.read,
             .most = most(&SharingLayers::Layer::read),
             .fill = owns ? theme().planB : borrowed,
             .instead = {}});
}

void SharingDiagram::drawFoot(QPainter& p, const Places& places) const {
    double y = places.foot;
    const auto line = [&](const QString& text, const QColor& color) {
        p.setPen(color);
        const QRectF room(kMargin, y, places.width - 2 * kMargin, kLine);
        p.drawText(room, Qt::AlignLeft | Qt::AlignVCenter,
                   p.fontMetrics().elidedText(text, Qt::ElideRight, static_cast<int>(room.width())));
        y += kLine;
    };
    const auto total = [&](const QString& what, const SharingLayers::Total& b,
                           const SharingLayers::Total& a) {
        QString text = tr("%1 %2 formula").arg(what, bytes(b.formula));
        if (b.counted)
            text += tr(" · %1 counted").arg(bytes(*b.counted));
        if (!m_a.layers.empty() && a.formula != b.formula)
            text += tr(" · A %1").arg(bytes(a.formula));
        return text;
    };
    p.setPen(QPen(theme().border, 1));
    p.drawLine(QPointF(kMargin, y - 4), QPointF(places.width - kMargin, y - 4));
    p.setFont(uiFont(11));
    line(tr("%1 of %2 layers own KV · %3 tokens").arg(m_b.owners()).arg(m_b.layers.size()).arg(m_b.tokens),
         theme().mutedText);
    line(total(tr("held"), m_b.held, m_a.held), theme().text);
    line(total(tr("moved"), m_b.moved, m_a.moved), theme().text);
    drawLegend(p, places, y);
    y += kLine;
    p.setPen(theme().warning);
    p.drawText(QRectF(kMargin, y, places.width - 2 * kMargin, 2 * kLine), Qt::AlignLeft | Qt::TextWordWrap,
               m_b.note);
}

void SharingDiagram::drawLegend(QPainter& p, const Places& places, double top) const {
    double x = kMargin;
    const double middle = top + kLine / 2;
    const auto word = [&](const QString& text) {
        p.setPen(theme().mutedText);
        p.drawText(QRectF(x, top, places.width - x, kLine), Qt::AlignLeft | Qt::AlignVCenter, text);
        x += p.fontMetrics().horizontalAdvance(text) + 14;
    };
    for (const bool owns : {true, false}) {
        p.setPen(QPen(theme().planB, 1.4));
        p.setBrush(owns ? theme().planB : theme().panel);
        p.drawEllipse(QPointF(x + 4, middle), 3.5, 3.5);
        x += 12;
        word(owns ? tr("owns its KV") : tr("reads another's"));
    }
    if (m_a.held.formula == m_b.held.formula && m_a.moved.formula == m_b.moved.formula)
        return;
    p.fillRect(QRectF(x, middle - 6, 2, 12), theme().planA);
    x += 7;
    word(tr("where A's bar ends"));
}

} // namespace fovea
