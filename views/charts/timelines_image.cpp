// The charts of the timelines one below the other, as they are exported.

#include <QPainter>

#include <algorithm>

#include "views/charts/step_chart.h"
#include "views/charts/timelines.h"
#include "views/theme.h"

namespace fovea {

void Timelines::paintInto(QPainter& painter, QSize size) const {
    painter.fillRect(QRect(QPoint(0, 0), size), theme().panel);
    const auto shown =
        std::count_if(m_charts.begin(), m_charts.end(), [](auto* c) { return !c->isHidden(); });
    int done = 0;
    for (const auto* chart : m_charts) {
        if (chart->isHidden())
            continue;
        const int top = static_cast<int>(size.height() * done / shown);
        const int bottom = static_cast<int>(size.height() * ++done / shown);
        painter.save();
        painter.translate(0, top);
        chart->paintInto(painter, {size.width(), bottom - top});
        painter.restore();
    }
}

QImage Timelines::renderToImage(QSize size, double devicePixelRatio) const {
    QImage image(size * devicePixelRatio, QImage::Format_ARGB32_Premultiplied);
    image.setDevicePixelRatio(devicePixelRatio);
    QPainter painter(&image);
    paintInto(painter, size);
    return image;
}

} // namespace fovea
