#include "views/maps/atlas_view.h"

#include <QComboBox>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "views/maps/map_axis.h"
#include "views/theme.h"

namespace fovea {
namespace {

constexpr double kMargin = 8, kLabelWidth = 26, kHeadLabels = 20, kNote = 20;
constexpr double kGap = 4, kGroupGap = 10;
constexpr double kBarSpace = 8, kBarHeight = 3;      // below a thumbnail
constexpr double kTextSpace = 13;                    // each line below a ranked one
constexpr double kLargestSide = 120, kTallest = 1.6; // pixels; height / width
constexpr double kSideForName = 30, kSideForFigure = 46;

// The largest square side with which `count` places with `below` under them fill no more than the given
// space.
double rankedSide(QSizeF space, int count, double below, int& columns) {
    double best = 0;
    columns = 1;
    for (int tried = 1; tried <= count; ++tried) {
        const int rows = (count + tried - 1) / tried;
        const double side =
            std::min({space.width() / tried - kGap, space.height() / rows - below, kLargestSide});
        if (side > best) {
            best = side;
            columns = tried;
        }
    }
    return std::max(4.0, std::floor(best));
}

} // namespace

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
    m_missedScale = missed > 0 ? niceCeiling(missed) : 0;
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

AtlasView::Layout AtlasView::layoutFor(QSizeF size) const {
    Layout layout;
    layout.size = size;
    if (!m_heads || m_heads->empty())
        return layout;
    if (m_sort == AtlasSort::Layout)
        placeByLayer(layout);
    else
        placeRanked(layout);
    return layout;
}

void AtlasView::placeByLayer(Layout& layout) const {
    const int groups = m_headsPerLayer / m_group;
    const double gaps = (m_headsPerLayer - 1) * kGap + (groups - 1) * kGroupGap;
    const double wide = (layout.size.width() - 2 * kMargin - kLabelWidth - gaps) / m_headsPerLayer;
    const double tall = (layout.size.height() - kHeadLabels - kNote - kMargin) / m_layers - kBarSpace - kGap;
    const double width = std::floor(std::clamp(std::min(wide, tall), 4.0, kLargestSide));
    layout.cell = {width, std::floor(std::clamp(tall, width, width * kTallest))};
    layout.columns = m_headsPerLayer;
    for (int i = 0; i < static_cast<int>(m_heads->size()); ++i) {
        const HeadSummary& head = (*m_heads)[static_cast<std::size_t>(i)];
        if (head.layer < 0 || head.head < 0)
            continue;
        const double x = kMargin + kLabelWidth + head.head * (layout.cell.width() + kGap) +
                         head.head / m_group * kGroupGap;
        const double y = kHeadLabels + kGap + head.layer * (layout.cell.height() + kBarSpace + kGap);
        layout.places.push_back({i, QRectF(QPointF(x, y), layout.cell)});
    }
    std::sort(layout.places.begin(), layout.places.end(), [](const Place& a, const Place& b) {
        return std::pair(a.image.y(), a.image.x()) < std::pair(b.image.y(), b.image.x());
    });
}

void AtlasView::placeRanked(Layout& layout) const {
    std::vector<int> order(m_heads->size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [this](int a, int b) {
        return figure((*m_heads)[static_cast<std::size_t>(a)]) >
               figure((*m_heads)[static_cast<std::size_t>(b)]);
    });
    const QSizeF space(layout.size.width() - 2 * kMargin + kGap, layout.size.height() - kMargin - kNote);
    double side = 0, below = 0;
    for (layout.textLines = 2; layout.textLines >= 0; --layout.textLines) {
        below = kBarSpace + kGap + layout.textLines * kTextSpace;
        side = rankedSide(space, static_cast<int>(order.size()), below, layout.columns);
        if (side >= (layout.textLines == 2 ? kSideForFigure : layout.textLines == 1 ? kSideForName : 0))
            break;
    }
    layout.cell = {side, side};
    for (std::size_t i = 0; i < order.size(); ++i) {
        const auto column = static_cast<double>(i % static_cast<std::size_t>(layout.columns));
        const auto row = static_cast<double>(i / static_cast<std::size_t>(layout.columns));
        layout.places.push_back(
            {order[i],
             QRectF(QPointF(kMargin + column * (side + kGap), kMargin + row * (side + below)), layout.cell)});
    }
}

void AtlasView::relayout() {
    m_layout = layoutFor(size());
    m_images.clear();
    update();
}

// Every pixel is the largest weight of the entries it covers, as on the head map itself.
QImage AtlasView::thumbnail(const HeadSummary& head, QSize size) const {
    QImage image(size, QImage::Format_RGB32);
    image.fill(theme().causal);
    const auto entries = static_cast<std::size_t>(std::max(head.side, 0));
    if (entries == 0 || head.thumbnail.size() != entries * entries)
        return image;
    static const ColourLookup lookup(ColourScale::Log10);
    const ColourTable& table = colourTable(m_map);
    const auto row = [&](int y) { return y * head.side / size.height(); };
    const auto column = [&](int x) { return x * head.side / size.width(); };
    for (int y = 0; y < size.height(); ++y) {
        auto* line = reinterpret_cast<QRgb*>(image.scanLine(y));
        const int endRow = std::max(row(y) + 1, row(y + 1));
        for (int x = 0; x < size.width() && column(x) < endRow; ++x) {
            const int endColumn = std::max(column(x) + 1, column(x + 1));
            float largest = 0;
            for (int r = row(y); r < endRow; ++r)
                for (int c = column(x); c < std::min(endColumn, r + 1); ++c)
                    largest = std::max(largest, head.thumbnail[static_cast<std::size_t>(r * head.side + c)]);
            line[x] = table[lookup(largest)];
        }
    }
    return image;
}

void AtlasView::drawPlace(QPainter& p, const Layout& layout, const Place& place, double ratio) const {
    const HeadSummary& head = (*m_heads)[static_cast<std::size_t>(place.summary)];
    const QSize pixels = (layout.cell * ratio).toSize();
    if (m_imageSize != pixels || m_images.size() != m_heads->size()) {
        m_images.assign(m_heads->size(), QImage());
        m_imageSize = pixels;
    }
    QImage& image = m_images[static_cast<std::size_t>(place.summary)];
    if (image.isNull())
        image = thumbnail(head, pixels);
    p.drawImage(place.image, image);
    if (m_missedScale > 0) {
        const QRectF bar(place.image.left(), place.image.bottom() + 2, layout.cell.width(), kBarHeight);
        p.fillRect(bar, theme().field);
        p.fillRect(QRectF(bar.topLeft(), QSizeF(bar.width() * head.missed / m_missedScale, kBarHeight)),
                   theme().planB);
    }
    QRectF line(place.image.left() - 2, place.image.bottom() + kBarSpace - 2, layout.cell.width() + 4,
                kTextSpace);
    if (layout.textLines > 0) {
        p.setFont(uiFont(10));
        p.setPen(theme().text);
        p.drawText(line, Qt::AlignCenter, QStringLiteral("L%1 H%2").arg(head.layer).arg(head.head));
    }
    if (layout.textLines > 1) {
        p.setPen(theme().mutedText);
        p.drawText(line.translated(0, kTextSpace), Qt::AlignCenter, figureText(head));
    }
    if (head.layer == m_selectedLayer && head.head == m_selectedHead) {
        p.setPen(QPen(theme().accent, 2));
        p.setBrush(Qt::NoBrush);
        p.drawRect(place.image.adjusted(-1, -1, 1, 1));
    }
}

void AtlasView::drawGroups(QPainter& p, const Layout& layout) const {
    const double pitch = layout.cell.height() + kBarSpace + kGap;
    const double bottom = kHeadLabels + kGap + m_layers * pitch - kGap;
    const double groupWidth = m_group * layout.cell.width() + (m_group - 1) * kGap;
    const QFontMetrics metrics(p.font());
    for (int group = 0; group < m_headsPerLayer / m_group; ++group) {
        const double left = kMargin + kLabelWidth + group * (groupWidth + kGap + kGroupGap);
        QString text = QStringLiteral("KV head %1").arg(group);
        if (metrics.horizontalAdvance(text) > groupWidth)
            text = QStringLiteral("KV %1").arg(group);
        if (metrics.horizontalAdvance(text) > groupWidth + kGroupGap)
            text = QString::number(group);
        p.setPen(theme().mutedText);
        p.drawText(QRectF(left - 20, 1, groupWidth + 40, kHeadLabels - 4), Qt::AlignCenter, text);
        p.setPen(QPen(theme().border, 1));
        p.setBrush(Qt::NoBrush);
        p.drawRoundedRect(QRectF(left - 4.5, kHeadLabels - 1.5, groupWidth + 9, bottom - kHeadLabels + 5), 3,
                          3);
    }
    p.setPen(theme().mutedText);
    // Every label, or every second, fourth, … when layers stand closer than text is high.
    int step = 1;
    while (step * pitch < metrics.height())
        step *= 2;
    for (int layer = 0; layer < m_layers; layer += step) {
        const double y = kHeadLabels + kGap + layer * pitch;
        p.drawText(QRectF(0, y - 8, kMargin + kLabelWidth - 9, layout.cell.height() + 16),
                   Qt::AlignRight | Qt::AlignVCenter, QStringLiteral("L%1").arg(layer));
    }
}

void AtlasView::drawInto(QPainter& p, const Layout& layout, double ratio) const {
    const QRectF whole(QPointF(0, 0), layout.size);
    p.fillRect(whole, theme().panel);
    if (layout.places.empty()) {
        p.setPen(theme().mutedText);
        p.setFont(uiFont(12));
        p.drawText(whole.adjusted(16, 16, -16, -16), Qt::AlignCenter | Qt::TextWordWrap, m_emptyText);
        return;
    }
    p.setFont(uiFont(11));
    if (m_sort == AtlasSort::Layout)
        drawGroups(p, layout);
    for (const Place& place : layout.places)
        drawPlace(p, layout, place, ratio);
    p.setFont(uiFont(11));
    const QString note =
        m_missedScale > 0
            ? QStringLiteral("bar: mean missed mass, full = %1 %").arg(m_missedScale * 100, 0, 'g', 3)
            : QStringLiteral("no mass missed: every key is read");
    p.setPen(theme().mutedText);
    const QRectF line(kMargin, whole.bottom() - kNote, whole.width() - 2 * kMargin, kNote - 4);
    p.drawText(line, Qt::AlignLeft | Qt::AlignVCenter,
               p.fontMetrics().elidedText(note, Qt::ElideRight, static_cast<int>(line.width())));
}

QRectF AtlasView::cellRect(int layer, int head) const {
    for (const Place& place : m_layout.places) {
        const HeadSummary& summary = (*m_heads)[static_cast<std::size_t>(place.summary)];
        if (summary.layer == layer && summary.head == head)
            return place.image;
    }
    return {};
}

QImage AtlasView::renderToImage(QSize size) const {
    QImage image(size, QImage::Format_RGB32);
    QPainter painter(&image);
    drawInto(painter, layoutFor(size), 1);
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
