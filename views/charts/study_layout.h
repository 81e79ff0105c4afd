#pragma once
// Where a study's picture has what: a row of small plots per question, a column per kind of tensor, and in each plot a place
// per number of bits. Internal to the chart.

#include <QRectF>
#include <QSize>
#include <QString>
#include <QStringList>

#include <vector>

#include "core/study/recommendation.h"
#include "core/study/study_losses.h"
#include "views/charts/log_axis.h"

namespace fovea {

struct StudyPoint {
    const StudyPlan* plan = nullptr;
    std::size_t method = 0; // of StudyPicture::methods
    QPointF at;
    double top = 0, bottom = 0; // of its error bar
    bool atFloor = false;       // loses less than the axis begins at, or nothing
};

struct StudyPlot {
    QRectF area;
    RoundedTensors tensors = RoundedTensors::Weights;
    QStringList labels;             // of its places, "W4A8"
    std::vector<StudyPoint> points; // by method, then by place
    double x(qsizetype place) const;
};

struct StudyPictureRow {
    QString title, note; // "recall over 256 tokens back", "accuracy, dense 0.93"
    bool counts = true;  // for the rule
    double top = 0;
    std::vector<StudyPlot> plots;
};

struct StudyPicture {
    LogAxis axis;
    std::vector<QString> methods;
    std::vector<StudyPictureRow> rows;
    double ruleShare = 0;
};

// Questions that have a row: whole tasks, and of a task's parts the first and the last.
std::vector<StudyQuestion> picturedQuestions(const StudyResult& result);
// `result` must outlive what is returned.
StudyPicture layOutStudy(const StudyResult& result, const StudyRule& rule, QSize size);
void drawStudy(QPainter& painter, const StudyResult& result, const StudyPicture& picture, QSize size);

} // namespace fovea
