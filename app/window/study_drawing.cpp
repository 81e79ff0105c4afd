#include "app/window/study_drawing.h"

#include <QPainter>

#include "views/charts/statistics_chart.h"
#include "views/charts/study_chart.h"

namespace fovea {

namespace {

constexpr QSize kLosses(1280, 980), kStatistics(1280, 420);

template <class Chart>
Picture pictureOfSize(const Chart& chart, const char* title, QSize size) {
    return {QString::fromLatin1(title), size, 2,
            [&chart, size](QPainter& painter) { chart.paintInto(painter, size); }};
}

} // namespace

Picture pictureOf(const StudyChart& chart) {
    return pictureOfSize(chart, "losses", kLosses);
}

Picture pictureOf(const StatisticsChart& chart) {
    return pictureOfSize(chart, "statistics", kStatistics);
}

} // namespace fovea
