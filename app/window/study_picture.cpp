#include "app/window/study_picture.h"

#include <QPainter>

#include "app/window/exports.h"
#include "app/window/offscreen.h"
#include "core/trace/file_writer.h"
#include "views/charts/statistics_chart.h"
#include "views/charts/study_chart.h"
#include "views/theme.h"

namespace fovea {

namespace {

constexpr QSize kLosses(1280, 980), kStatistics(1280, 420);

template <class Chart>
void save(const Chart& chart, QSize size, const std::filesystem::path& folder, const char* name) {
    const Picture picture{QString::fromLatin1(name), size, 2,
                          [&](QPainter& painter) { chart.paintInto(painter, size); }};
    for (const auto& [format, ending] :
         {std::pair{PictureFormat::Svg, ".svg"}, std::pair{PictureFormat::Png, ".png"}})
        writeFile(folder / (std::string(name) + ending), pictureBytes(picture, format));
}

void drawStudyPictures(const StudyResult& result, const StudyRule& rule, const std::filesystem::path& folder,
                       bool dark) {
    Offscreen screen;
    setTheme(screen.application(), dark ? ThemeKind::Dark : ThemeKind::Light);
    StudyChart losses;
    losses.setEmptyText(StudyChart::tr("No plan of this study was judged yet."));
    losses.setStudy(std::make_shared<const StudyResult>(result), rule);
    save(losses, kLosses, folder, kStudyPictures[0]);
    StatisticsChart statistics;
    statistics.setStatistics(result.statistics);
    save(statistics, kStatistics, folder, kStudyPictures[1]);
}

} // namespace

StudyPictureWriter studyPictureWriter() {
    return drawStudyPictures;
}

} // namespace fovea
