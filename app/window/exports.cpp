#include "app/window/exports.h"

#include <QBuffer>
#include <QCoreApplication>
#include <QPainter>
#include <QPdfWriter>
#include <QScrollBar>
#include <QWidget>

#include "app/window/loaded_model.h"
#include "app/window/run_job.h"
#include "core/tokenizer/tokenizer.h"
#include "core/trace/compare_report.h"
#include "views/charts/slot_chart.h"
#include "views/charts/timelines.h"
#include "views/maps/atlas_view.h"
#include "views/maps/head_map_view.h"
#include "views/maps/sharing_diagram.h"
#include "views/maps/span_map_view.h"
#include "views/panels/inspector.h"
#include "views/panels/plan_panel.h"
#include "views/panels/span_panel.h"
#include "views/panels/stored_view.h"
#include "views/panels/summary_table.h"
#include "views/svg_device.h"
#include "views/theme.h"
#include "views/tokens/token_strip.h"

namespace fovea {

namespace {

constexpr qreal kScale = 2;
constexpr double kDotsPerInch = 96, kPointsPerInch = 72; // of a page that is measured in the screen's pixels
// Maps are laid out anew for a file: more pixels show more cells, with the same text.
constexpr qreal kRoom = 1.6;
constexpr int kSlotsHeight = 320; // on screen it shares its height with the other charts

// What a widget shows, its children included.
std::function<void(QPainter&)> shown(QWidget& widget) {
    return [&widget](QPainter& painter) {
        painter.fillRect(QRect(QPoint(0, 0), widget.size()), theme().panel);
        widget.render(&painter, {}, {}, QWidget::DrawWindowBackground | QWidget::DrawChildren);
    };
}

template <class View>
Picture painted(const QString& title, const View& view, QSize size, double pixels) {
    return {title, size, pixels, [&view, size](QPainter& painter) { view.paintInto(painter, size); }};
}

CompareReport reportOf(const RunPair& runs, const LoadedModel* model) {
    CompareReport report;
    if (runs.pieces)
        for (const std::string& piece : *runs.pieces)
            report.text += piece;
    else if (model && !runs.fromFile)
        report.text = model->tokenizer->decode(runs.a->tokens);
    report.plans.push_back({runs.a, {}, {}});
    if (runs.b)
        report.plans.push_back({runs.b, runs.comparison ? *runs.comparison : Comparison{}, {}});
    return report;
}

} // namespace

const QStringList& pictureNames() {
    static const QStringList names{QStringLiteral("head_map"),    QStringLiteral("atlas"),
                                   QStringLiteral("inspector"),   QStringLiteral("timelines"),
                                   QStringLiteral("token_strip"), QStringLiteral("plan_panel"),
                                   QStringLiteral("cache_slots"), QStringLiteral("sharing"),
                                   QStringLiteral("span_map"),    QStringLiteral("quantisation")};
    return names;
}

PictureFormat formatOf(const QString& path) {
    return path.endsWith(QLatin1String(".svg"), Qt::CaseInsensitive)   ? PictureFormat::Svg
           : path.endsWith(QLatin1String(".pdf"), Qt::CaseInsensitive) ? PictureFormat::Pdf
                                                                       : PictureFormat::Png;
}

QString pictureFilter() {
    return QCoreApplication::translate(
        "fovea::Exports", "Pictures (*.png);;Scalable pictures (*.svg);;Documents (*.pdf)");
}

Picture pictureOf(const WindowViews& views, const QString& name) {
    if (name == QLatin1String("head_map"))
        return painted(name, *views.headMap, views.headMap->size() * kRoom, 1);
    if (name == QLatin1String("atlas"))
        return painted(name, *views.atlas, views.atlas->size() * kRoom, 1);
    if (name == QLatin1String("inspector"))
        return painted(name, *views.inspector, views.inspector->size(), kScale);
    if (name == QLatin1String("timelines")) {
        views.timelines->flush(); // what waits to be drawn together is drawn now
        return painted(name, *views.timelines, views.timelines->size(), kScale);
    }
    if (name == QLatin1String("sharing"))
        return painted(name, *views.sharing, views.sharing->pictureSize(), kScale);
    if (name == QLatin1String("cache_slots"))
        return painted(name, *views.timelines->slots(), {views.timelines->width(), kSlotsHeight}, kScale);
    if (name == QLatin1String("span_map"))
        return painted(name, *views.spans, QSize(960, 420), kScale);
    if (name == QLatin1String("quantisation"))
        return painted(name, *views.stored, QSize(960, 640), kScale);
    if (name == QLatin1String("token_strip")) {
        // All lines, not only those the strip has room for.
        const int lines = views.tokens->verticalScrollBar()->maximum() + views.tokens->viewport()->height();
        return painted(name, *views.tokens, {views.tokens->width(), lines}, 1);
    }
    return {name, views.planColumn->size(), kScale, shown(*views.planColumn)};
}

Picture pictureOf(QWidget& window, const QString& title) {
    return {title, window.size(), 1, shown(window)};
}

QImage imageOf(const Picture& picture) {
    QImage image(picture.size * picture.pixels, QImage::Format_ARGB32_Premultiplied);
    image.setDevicePixelRatio(picture.pixels);
    image.fill(theme().panel);
    QPainter painter(&image);
    picture.paint(painter);
    return image;
}

std::string svgOf(const Picture& picture) {
    SvgDevice device(picture.size, picture.title);
    QPainter painter(&device);
    picture.paint(painter);
    painter.end();
    return device.svg();
}

std::string pdfOf(const Picture& picture) {
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    {
        QPdfWriter writer(&buffer);
        writer.setTitle(picture.title);
        writer.setCreator(QStringLiteral("Fovea"));
        writer.setResolution(kDotsPerInch);
        writer.setPageMargins({});
        writer.setPageSize(QPageSize(QSizeF(picture.size) * kPointsPerInch / kDotsPerInch, QPageSize::Point, {},
                                     QPageSize::ExactMatch));
        QPainter painter(&writer);
        painter.setRenderHint(QPainter::LosslessImageRendering); // a map's colours are numbers
        picture.paint(painter);
    }
    return bytes.toStdString();
}

QString tableOf(const WindowViews& views, const QString& name) {
    if (name == QLatin1String("head_map"))
        return views.headMap->toCsv();
    if (name == QLatin1String("atlas"))
        return views.atlas->toCsv();
    if (name == QLatin1String("inspector"))
        return views.inspector->toCsv();
    if (name == QLatin1String("timelines")) {
        views.timelines->flush();
        return views.timelines->toCsv();
    }
    if (name == QLatin1String("cache_slots"))
        return views.timelines->slots()->livesCsv();
    if (name == QLatin1String("span_map"))
        return views.spans->map()->toCsv();
    if (name == QLatin1String("token_strip"))
        return views.tokens->toCsv();
    if (name == QLatin1String("sharing"))
        return views.sharing->toCsv();
    if (name == QLatin1String("quantisation"))
        return views.stored->toCsv();
    return views.table->toCsv();
}

std::string pictureBytes(const Picture& picture, PictureFormat format) {
    switch (format) {
    case PictureFormat::Svg:
        return svgOf(picture);
    case PictureFormat::Pdf:
        return pdfOf(picture);
    case PictureFormat::Png:
        break;
    }
    return pngOf(imageOf(picture));
}

std::string pngOf(const QImage& picture) {
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    picture.save(&buffer, "PNG");
    return bytes.toStdString();
}

std::string compareCsvOf(const RunPair& runs, const LoadedModel* model) {
    return compareCsv(reportOf(runs, model));
}

std::string traceOf(const RunPair& runs, const LoadedModel* model) {
    return chromeTrace(tracedRuns(reportOf(runs, model)));
}

} // namespace fovea
