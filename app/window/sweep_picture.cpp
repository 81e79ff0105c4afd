#include "app/window/sweep_picture.h"

#include <QPainter>

#include "app/window/exports.h"
#include "app/window/offscreen.h"
#include "core/trace/file_writer.h"
#include "views/charts/sweep_chart.h"
#include "views/theme.h"

namespace fovea {

namespace {

constexpr QSize kSize(1080, 680);

void drawSweepPicture(const SweepTable& table, const std::filesystem::path& file, bool dark) {
    Offscreen screen;
    setTheme(screen.application(), dark ? ThemeKind::Dark : ThemeKind::Light);
    SweepChart chart;
    chart.setTable(table);
    chart.setEmptyText(SweepChart::tr("No plan of this sweep could run."));
    const Picture picture{QStringLiteral("quality against bytes"), kSize, 2,
                          [&chart](QPainter& painter) { chart.paintInto(painter, kSize); }};
    writeFile(file, pictureBytes(picture, formatOf(QString::fromStdString(file.string()))));
}

} // namespace

SweepPictureWriter sweepPictureWriter() {
    return drawSweepPicture;
}

} // namespace fovea
