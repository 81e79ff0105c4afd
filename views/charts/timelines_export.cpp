// The timelines as they are exported: the charts one below the other, and every number in one table.

#include <QPainter>

#include <algorithm>

#include "views/charts/step_chart.h"
#include "views/charts/timelines.h"
#include "views/theme.h"

namespace fovea {

void Timelines::paintInto(QPainter& painter, QSize size) const {
    painter.fillRect(QRect(QPoint(0, 0), size), theme().panel);
    int shares = 0, done = 0;
    for (const auto* chart : m_charts)
        shares += chart->isHidden() ? 0 : shareOf(chart);
    for (const auto* chart : m_charts) {
        if (chart->isHidden())
            continue;
        const int top = size.height() * done / shares;
        done += shareOf(chart);
        const int bottom = size.height() * done / shares;
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

QString Timelines::toCsv() const {
    // One step column; a chart that lacks a step leaves its cells empty.
    std::vector<double> steps;
    for (const auto* chart : m_charts)
        if (!chart->isHidden())
            steps.insert(steps.end(), chart->x().begin(), chart->x().end());
    std::sort(steps.begin(), steps.end());
    steps.erase(std::unique(steps.begin(), steps.end()), steps.end());

    QString head = QStringLiteral("step");
    std::vector<QString> rows(steps.size());
    for (std::size_t i = 0; i < steps.size(); ++i)
        rows[i] = QString::number(steps[i], 'g', 12);
    for (const auto* chart : m_charts) {
        if (chart->isHidden())
            continue;
        const auto lines = chart->toCsv().split(u'\n', Qt::SkipEmptyParts);
        const auto columns = lines[0].mid(lines[0].indexOf(u',') + 1).split(u',');
        for (const auto& column : columns)
            head += u',' + chart->title() + QStringLiteral(": ") + column;
        std::size_t at = 0;
        for (qsizetype line = 1; line < lines.size(); ++line) {
            const double step = chart->x()[static_cast<std::size_t>(line - 1)];
            for (; steps[at] < step; ++at)
                rows[at] += QString(columns.size(), u',');
            rows[at++] += lines[line].mid(lines[line].indexOf(u','));
        }
        for (; at < steps.size(); ++at)
            rows[at] += QString(columns.size(), u',');
    }
    QString csv = head + u'\n';
    for (const auto& row : rows)
        csv += row + u'\n';
    return csv;
}

} // namespace fovea
