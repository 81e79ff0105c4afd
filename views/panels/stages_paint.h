#pragma once
// The painting of the inspector's four stages: each into a rectangle of its own, with a title, axes that
// carry numbers, and nothing that takes longer than its points.

#include <QPainter>
#include <QRectF>
#include <QString>

#include <cstdint>
#include <vector>

#include "core/engine/replay.h"

namespace fovea {

// What the pictures are drawn from: the stages, and what is derived from them once per query.
struct StagesPicture {
    const QueryStages* stages = nullptr;
    std::vector<std::uint8_t> isChosen; // per key
    std::vector<std::int32_t> keys;     // tokens read, heaviest first
    std::vector<float> weights;         // their softmax, same order
};
StagesPicture pictureOf(const QueryStages& stages);

// Round tick values from low to high, at most `most` + 1 of them.
std::vector<double> ticksBetween(double low, double high, int most);

// The four, from top to bottom of the area.
void paintStages(QPainter& painter, const QRectF& area, const StagesPicture& picture);

// The line below the pictures: error and mass not read, or that the row was read dense.
QString stagesFooter(const QueryStages& stages);

// The tool tip at a point of the same area, or nothing.
QString stagesTip(const QRectF& area, const StagesPicture& picture, const QPointF& at);

} // namespace fovea
