#include "views/panels/stages_pages.h"

#include <QObject>

#include <algorithm>
#include <cmath>
#include <vector>

#include "views/panels/stages_axes.h"
#include "views/theme.h"

namespace fovea {
namespace {

using stages::Axes, stages::rangeOf;

// Bounds against exact maxima, on axes of one unit: a page lies on or above the diagonal.
Axes axesOf(QPainter& painter, const QRectF& plot, const QueryStages& s) {
    std::vector<float> bounds, exact;
    for (const PageStage& page : s.pages) {
        bounds.push_back(page.bound);
        exact.push_back(page.exact);
    }
    const auto [x0, x1] = rangeOf(exact);
    const auto [y0, y1] = rangeOf(bounds);
    return {painter, plot, x0, x1, y0, y1};
}

} // namespace

void paintPages(QPainter& painter, const QRectF& plot, const QueryStages& s) {
    const auto& t = theme();
    const Axes axes = axesOf(painter, plot, s);
    const auto read =
        std::count_if(s.pages.begin(), s.pages.end(), [](const PageStage& p) { return p.chosen; });
    axes.title(QObject::tr("2  page bounds against their keys' best scores: %1 of %2 pages read")
                   .arg(read)
                   .arg(s.pages.size()));
    axes.yTicks(4);
    axes.xTicks(4, QObject::tr("best exact score of the page"), false);
    painter.setPen(t.border);
    painter.setBrush(Qt::NoBrush);
    painter.drawRect(plot);

    // No page lies below this line: the bound is as good as it can be on it.
    const double low = std::max(axes.x0, axes.y0), high = std::min(axes.x1, axes.y1);
    if (low < high) {
        painter.setPen(QPen(t.mutedText, 1, Qt::DashLine));
        painter.drawLine(QPointF(axes.x(low), axes.y(low)), QPointF(axes.x(high), axes.y(high)));
    }
    QList<QPointF> rest, chosen;
    for (const PageStage& page : s.pages)
        if (std::isfinite(page.exact) && std::isfinite(page.bound))
            (page.chosen ? chosen : rest).append({axes.x(page.exact), axes.y(page.bound)});
    painter.setPen(QPen(mixed(t.mutedText, t.panel, 0.3), 3, Qt::SolidLine, Qt::SquareCap));
    painter.drawPoints(rest.constData(), static_cast<int>(rest.size()));
    painter.setPen(QPen(t.planB, 4, Qt::SolidLine, Qt::SquareCap));
    painter.drawPoints(chosen.constData(), static_cast<int>(chosen.size()));

    painter.setFont(uiFont(10));
    painter.setPen(t.text);
    const QFontMetricsF metrics(painter.font());
    const auto recall = QObject::tr("recall of true top-%1: %2 / %1").arg(s.chosen.size()).arg(s.recalled);
    painter.drawText(QPointF(plot.right() - metrics.horizontalAdvance(recall) - 5, plot.bottom() - 5),
                     recall);
}

QString pagesTip(const QRectF& plot, const QueryStages& s, const QPointF& at) {
    QPainter none; // axes are asked for places alone
    const Axes axes = axesOf(none, plot, s);
    const auto distance = [&](const PageStage& page) {
        const QPointF away = QPointF(axes.x(page.exact), axes.y(page.bound)) - at;
        return QPointF::dotProduct(away, away);
    };
    const auto nearest =
        std::min_element(s.pages.begin(), s.pages.end(),
                         [&](const PageStage& a, const PageStage& b) { return distance(a) < distance(b); });
    if (nearest == s.pages.end() || !(distance(*nearest) <= 64))
        return {};
    return QObject::tr("page %1, tokens %2 to %3: bound %4, best score %5%6")
        .arg(nearest - s.pages.begin())
        .arg(nearest->oldest)
        .arg(nearest->newest)
        .arg(double(nearest->bound), 0, 'g', 4)
        .arg(double(nearest->exact), 0, 'g', 4)
        .arg(nearest->chosen ? QObject::tr(", read") : QString());
}

} // namespace fovea
