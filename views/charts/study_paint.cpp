// How a study's picture is drawn, once it is laid out.
#include <QCoreApplication>
#include <QFontMetricsF>
#include <QPolygonF>

#include <algorithm>

#include "views/charts/study_layout.h"
#include "views/charts/sweep_layout.h"
#include "views/theme.h"

namespace fovea {

namespace {

constexpr double kMark = 4; // radius

QString tr(const char* text) {
    return QCoreApplication::translate("fovea::StudyChart", text);
}

QString lossNumber(double share) {
    return QString::number(100 * share, 'f', share < 0.01 ? 1 : 0) + QStringLiteral(" %");
}

QString tensorsName(RoundedTensors tensors) {
    switch (tensors) {
    case RoundedTensors::Weights:
        return tr("weights");
    case RoundedTensors::WeightsActivations:
        return tr("weights and activations");
    case RoundedTensors::Cache:
        return tr("K and V");
    default:
        return tr("weights, K and V");
    }
}

void drawHead(QPainter& painter, const StudyResult& result, const StudyPicture& picture, double width) {
    const Theme& t = theme();
    painter.setFont(uiFont(12, true));
    QFontMetricsF metrics(painter.font());
    const QString title = tr("Loss from rounding, in per cent of dense");
    painter.setPen(t.text);
    painter.drawText(QPointF(16, 20), title);
    double x = 16 + metrics.horizontalAdvance(title) + 12;
    painter.setFont(uiFont(11));
    metrics = QFontMetricsF(painter.font());
    const QString model = QString::fromStdString(result.model).section(QLatin1Char('/'), -1);
    painter.setPen(t.mutedText);
    painter.drawText(
        QPointF(x, 20),
        metrics.elidedText(tr("%1 · filled: at least 0.1 % · bars: standard error over samples · "
                              "dashed: what the rule lets pass")
                               .arg(model),
                           Qt::ElideRight, std::max(width - x - 16, 0.)));
    x = 22;
    for (std::size_t i = 0; i < picture.methods.size(); ++i) {
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(Qt::NoPen);
        painter.setBrush(sweepColour(i));
        drawSweepMark(painter, i, {x, 38}, kMark);
        painter.setPen(t.mutedText);
        painter.drawText(QPointF(x + 10, 38 + metrics.ascent() / 2 - 1), picture.methods[i]);
        x += 10 + metrics.horizontalAdvance(picture.methods[i]) + 20;
    }
}

void drawRule(QPainter& painter, const StudyPicture& picture, const QRectF& area) {
    const double y = picture.axis.y(area, picture.ruleShare);
    QColor band = theme().good;
    band.setAlpha(22);
    painter.fillRect(QRectF(QPointF(area.left(), y), area.bottomRight()), band);
    QPen pen(theme().good, 1, Qt::CustomDashLine, Qt::FlatCap);
    pen.setDashPattern({4, 3});
    painter.setPen(pen);
    painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y));
}

void drawPoints(QPainter& painter, const StudyPlot& plot) {
    painter.setRenderHint(QPainter::Antialiasing);
    for (std::size_t i = 0; i < plot.points.size(); ++i) {
        const StudyPoint& p = plot.points[i];
        QColor soft = sweepColour(p.method);
        soft.setAlphaF(0.7F);
        painter.setPen(QPen(soft, 1.4));
        // Numbers of bits of one kind fall from left to right; pairs are no line.
        const bool line = plot.tensors == RoundedTensors::Weights || plot.tensors == RoundedTensors::Cache;
        if (line && i > 0 && plot.points[i - 1].method == p.method)
            painter.drawLine(plot.points[i - 1].at, p.at);
        if (p.top < p.bottom) {
            painter.drawLine(QPointF(p.at.x(), p.top), QPointF(p.at.x(), p.bottom));
            for (const double y : {p.top, p.bottom})
                painter.drawLine(QPointF(p.at.x() - 3, y), QPointF(p.at.x() + 3, y));
        }
    }
    for (const StudyPoint& p : plot.points) {
        painter.setPen(QPen(p.atFloor ? sweepColour(p.method) : theme().panel, p.atFloor ? 1.3 : 1));
        painter.setBrush(p.atFloor ? theme().panel : sweepColour(p.method));
        drawSweepMark(painter, p.method, p.at, kMark);
    }
}

void drawPlot(QPainter& painter, const StudyPicture& picture, const StudyPictureRow& row,
              const StudyPlot& plot) {
    const Theme& t = theme();
    const QFontMetricsF metrics(painter.font());
    picture.axis.drawGrid(painter, plot.area,
                          &plot == row.plots.data() ? lossNumber : std::function<QString(double)>());
    if (plot.points.empty()) {
        painter.setPen(t.faint);
        painter.drawText(plot.area, Qt::AlignCenter | Qt::TextWordWrap, tr("no losses to show"));
    } else if (row.counts) {
        drawRule(painter, picture, plot.area);
    }
    painter.setPen(t.mutedText);
    for (qsizetype place = 0; place < plot.labels.size(); ++place) {
        const QString& label = plot.labels[place];
        painter.drawText(
            QPointF(plot.x(place) - metrics.horizontalAdvance(label) / 2, plot.area.bottom() + 15), label);
    }
    drawPoints(painter, plot);
}

} // namespace

void drawStudy(QPainter& painter, const StudyResult& result, const StudyPicture& picture, QSize size) {
    painter.save();
    drawHead(painter, result, picture, size.width());
    bool top = true;
    for (const StudyPictureRow& row : picture.rows) {
        const QFontMetricsF bold(uiFont(11, true));
        painter.setFont(uiFont(11, true));
        painter.setPen(theme().text);
        painter.drawText(QPointF(16, row.top + 13), row.title);
        painter.setFont(uiFont(11));
        painter.setPen(theme().mutedText);
        painter.drawText(QPointF(16 + bold.horizontalAdvance(row.title) + 10, row.top + 13), row.note);
        for (const StudyPlot& plot : row.plots) {
            if (top) {
                painter.setPen(theme().mutedText);
                painter.drawText(QPointF(plot.area.left(), row.top - 6), tensorsName(plot.tensors));
            }
            drawPlot(painter, picture, row, plot);
        }
        top = false;
    }
    painter.restore();
}

} // namespace fovea
