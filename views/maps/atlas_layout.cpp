// Where the heads stand: by layer and KV group, or ranked.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "views/maps/atlas_spacing.h"
#include "views/maps/atlas_view.h"

namespace fovea {

using namespace atlas;

namespace {

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

} // namespace fovea
