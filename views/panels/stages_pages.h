#pragma once
// The inspector's picture of Quest's choice: every page by the most that any of its keys could score with this head's
// query, against the most that one does.

#include <QPainter>
#include <QRectF>
#include <QString>

#include "core/engine/replay.h"

namespace fovea {

void paintPages(QPainter& painter, const QRectF& plot, const QueryStages& stages);
// The tool tip at a point of the plot: the page that is drawn next to it.
QString pagesTip(const QRectF& plot, const QueryStages& stages, const QPointF& at);

} // namespace fovea
