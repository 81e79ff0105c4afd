#include "app/window/study_picture.h"

#include "app/window/offscreen.h"
#include "app/window/study_drawing.h"
#include "core/trace/file_writer.h"
#include "views/charts/statistics_chart.h"
#include "views/charts/study_chart.h"
#include "views/theme.h"

namespace fovea {

namespace {

void save(const Picture& picture, const std::filesystem::path& folder) {
    const std::string name = picture.title.toStdString();
    writeFile(folder / (name + ".svg"), pictureBytes(picture, PictureFormat::Svg));
    writeFile(folder / (name + ".png"), pictureBytes(picture, PictureFormat::Png));
}

void drawStudyPictures(const StudyResult& result, const StudyRule& rule, const std::filesystem::path& folder,
                       bool dark) {
    Offscreen screen;
    setTheme(screen.application(), dark ? ThemeKind::Dark : ThemeKind::Light);
    StudyChart losses;
    losses.setEmptyText(StudyChart::tr("No plan of this study was judged yet."));
    losses.setStudy(std::make_shared<const StudyResult>(result), rule);
    save(pictureOf(losses), folder);
    StatisticsChart statistics;
    statistics.setStatistics(result.statistics);
    save(pictureOf(statistics), folder);
}

} // namespace

StudyPictureWriter studyPictureWriter() {
    return drawStudyPictures;
}

} // namespace fovea
