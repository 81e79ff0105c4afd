#include "app/window/exports.h"

#include <QBuffer>
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
#include "views/panels/inspector.h"
#include "views/panels/plan_panel.h"
#include "views/panels/summary_table.h"
#include "views/theme.h"
#include "views/tokens/token_strip.h"

namespace fovea {

namespace {

constexpr qreal kScale = 2;
// Maps are laid out anew for a file: more pixels show more cells, with the same text.
constexpr qreal kRoom = 1.6;
constexpr int kSlotsHeight = 320; // on screen it shares its height with the other charts

QImage grabbed(QWidget& widget) {
    QImage image(widget.size() * kScale, QImage::Format_ARGB32_Premultiplied);
    image.setDevicePixelRatio(kScale);
    image.fill(theme().panel);
    widget.render(&image);
    return image;
}

CompareReport reportOf(const RunPair& runs, const LoadedModel& model) {
    CompareReport report;
    report.text = model.tokenizer->decode(runs.a->tokens);
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
                                   QStringLiteral("cache_slots")};
    return names;
}

QImage pictureOf(const WindowViews& views, const QString& name) {
    if (name == QLatin1String("head_map"))
        return views.headMap->renderToImage(views.headMap->size() * kRoom);
    if (name == QLatin1String("atlas"))
        return views.atlas->renderToImage(views.atlas->size() * kRoom);
    if (name == QLatin1String("inspector"))
        return views.inspector->renderToImage(views.inspector->size(), kScale);
    if (name == QLatin1String("timelines"))
        return views.timelines->renderToImage(views.timelines->size(), kScale);
    if (name == QLatin1String("cache_slots"))
        return views.timelines->slots()->renderToImage({views.timelines->width(), kSlotsHeight}, kScale);
    if (name == QLatin1String("token_strip")) {
        // All lines, not only those the strip has room for.
        const int lines = views.tokens->verticalScrollBar()->maximum() + views.tokens->viewport()->height();
        return views.tokens->renderToImage({views.tokens->width(), lines});
    }
    return grabbed(*views.planColumn);
}

QString tableOf(const WindowViews& views, const QString& name) {
    if (name == QLatin1String("head_map"))
        return views.headMap->toCsv();
    if (name == QLatin1String("atlas"))
        return views.atlas->toCsv();
    if (name == QLatin1String("inspector"))
        return views.inspector->toCsv();
    if (name == QLatin1String("timelines"))
        return views.timelines->toCsv();
    if (name == QLatin1String("cache_slots"))
        return views.timelines->slots()->livesCsv();
    if (name == QLatin1String("token_strip"))
        return views.tokens->toCsv();
    return views.table->toCsv();
}

std::string pngOf(const QImage& picture) {
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    picture.save(&buffer, "PNG");
    return bytes.toStdString();
}

std::string compareCsvOf(const RunPair& runs, const LoadedModel& model) {
    return compareCsv(reportOf(runs, model));
}

std::string traceOf(const RunPair& runs, const LoadedModel& model) {
    return chromeTrace(tracedRuns(reportOf(runs, model)));
}

} // namespace fovea
