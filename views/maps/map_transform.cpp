#include "views/maps/map_transform.h"

#include <algorithm>
#include <cmath>

namespace fovea {
namespace {

constexpr double kLargestCell = 64; // pixels; a map with fewer cells than pixels / 64 is fitted larger

double clampScale(double scale, double fitted) {
    return std::clamp(scale, fitted, std::max(fitted, kLargestCell));
}

} // namespace

void MapTransform::fit() {
    showRange(0, static_cast<double>(rows), 0, static_cast<double>(columns));
}

bool MapTransform::isFit() const {
    return !empty() && firstKey() == 0 && firstQuery() == 0 && endKey() == columns && endQuery() == rows;
}

void MapTransform::setArea(const QRect& newArea) {
    if (newArea == area)
        return;
    const bool hadArea = !empty();
    const double queries = area.height() / queryScale, keys = area.width() / keyScale;
    area = newArea;
    if (hadArea && !empty())
        showRange(queryFrom, queryFrom + queries, keyFrom, keyFrom + keys);
    else if (!empty())
        fit();
}

void MapTransform::showRange(double firstQuery, double endQuery, double firstKey, double endKey) {
    if (empty())
        return;
    keyFrom = firstKey;
    queryFrom = firstQuery;
    keyScale = area.width() / std::max(1.0, endKey - firstKey);
    queryScale = area.height() / std::max(1.0, endQuery - firstQuery);
    clamp();
}

void MapTransform::zoom(const QPointF& at, double keyFactor, double queryFactor) {
    if (empty())
        return;
    const double key = keyFrom + (at.x() - area.left()) / keyScale;
    const double query = queryFrom + (at.y() - area.top()) / queryScale;
    keyScale = clampScale(keyScale * keyFactor, area.width() / static_cast<double>(columns));
    queryScale = clampScale(queryScale * queryFactor, area.height() / static_cast<double>(rows));
    keyFrom = key - (at.x() - area.left()) / keyScale;
    queryFrom = query - (at.y() - area.top()) / queryScale;
    clamp();
}

void MapTransform::pan(const QPointF& pixels) {
    keyFrom -= pixels.x() / keyScale;
    queryFrom -= pixels.y() / queryScale;
    clamp();
}

void MapTransform::scrollTo(std::int64_t query) {
    if (empty())
        return;
    const double visible = area.height() / queryScale;
    const auto row = static_cast<double>(query);
    if (row < queryFrom)
        queryFrom = row;
    else if (row + 1 > queryFrom + visible)
        queryFrom = row + 1 - visible;
    clamp();
}

void MapTransform::clamp() {
    if (empty())
        return;
    keyScale = clampScale(keyScale, area.width() / static_cast<double>(columns));
    queryScale = clampScale(queryScale, area.height() / static_cast<double>(rows));
    keyFrom = std::clamp(keyFrom, 0.0, std::max(0.0, static_cast<double>(columns) - area.width() / keyScale));
    queryFrom =
        std::clamp(queryFrom, 0.0, std::max(0.0, static_cast<double>(rows) - area.height() / queryScale));
}

QPoint MapTransform::origin() const {
    return {static_cast<int>(std::lround(keyFrom * keyScale)),
            static_cast<int>(std::lround(queryFrom * queryScale))};
}

QPoint MapTransform::cellAt(const QPointF& position) const {
    const QPoint pixel(static_cast<int>(std::floor(position.x())),
                       static_cast<int>(std::floor(position.y())));
    if (empty() || !area.contains(pixel))
        return {-1, -1};
    const QPoint inPicture = pixel - area.topLeft() + origin();
    const QPoint cell(static_cast<int>((inPicture.x() + 0.5) / keyScale),
                      static_cast<int>((inPicture.y() + 0.5) / queryScale));
    return {std::min(cell.x(), static_cast<int>(columns - 1)),
            std::min(cell.y(), static_cast<int>(rows - 1))};
}

double MapTransform::xOf(double key) const {
    return area.left() - origin().x() + key * keyScale;
}

double MapTransform::yOf(double query) const {
    return area.top() - origin().y() + query * queryScale;
}

QPointF MapTransform::centreOf(std::int64_t query, std::int64_t key) const {
    return {xOf(static_cast<double>(key) + 0.5), yOf(static_cast<double>(query) + 0.5)};
}

// A hair of slack, so that a range that was asked for is not widened by rounding.
constexpr double kSlack = 1e-6;

std::int64_t MapTransform::firstKey() const {
    return static_cast<std::int64_t>(keyFrom + kSlack);
}

std::int64_t MapTransform::endKey() const {
    return std::min(columns,
                    static_cast<std::int64_t>(std::ceil(keyFrom + area.width() / keyScale - kSlack)));
}

std::int64_t MapTransform::firstQuery() const {
    return static_cast<std::int64_t>(queryFrom + kSlack);
}

std::int64_t MapTransform::endQuery() const {
    return std::min(rows,
                    static_cast<std::int64_t>(std::ceil(queryFrom + area.height() / queryScale - kSlack)));
}

} // namespace fovea
