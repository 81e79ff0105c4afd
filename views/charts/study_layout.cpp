#include "views/charts/study_layout.h"

#include <QCoreApplication>

#include <algorithm>
#include <cmath>

namespace fovea {

namespace {

constexpr double kLeft = 58, kRight = 16, kTop = 66, kBottom = 14;
constexpr double kRowTitle = 22, kRowLabels = 20, kRowGap = 8, kPlotGap = 18;
constexpr double kMethodStep = 10;                 // at most, between methods of a place
constexpr LogAxis kLosses{.low = 1e-3, .high = 1}; // 0.1 % to 100 % of dense; what loses more is wider

QString text(const std::string& utf8) {
    return QString::fromStdString(utf8);
}

bool isPictured(const std::vector<StudyQuestion>& all, std::size_t i) {
    const auto sameTask = [&](std::size_t other) {
        return other < all.size() && all[other].sweep == all[i].sweep && !all[other].part.empty();
    };
    return all[i].part.empty() || !sameTask(i + 1) || (i > 0 && !sameTask(i - 1));
}

double widestLoss(const StudyResult& result, const std::vector<StudyQuestion>& questions) {
    double most = kLosses.high;
    for (const StudyQuestion& question : questions)
        for (const StudyPlan& plan : result.plans)
            if (const auto loss = lossOf(result, question, plan.plan))
                most = std::max(most, loss->share); // error bars may leave the plot
    return most;
}

// The places of each column, in the order of the plans.
std::vector<StudyPlot> columnsOf(const StudyResult& result) {
    std::vector<StudyPlot> columns(kRoundedTensors);
    for (const StudyPlan& plan : result.plans) {
        StudyPlot& column = columns[static_cast<std::size_t>(plan.tensors)];
        column.tensors = plan.tensors;
        if (!column.labels.contains(text(plan.label)))
            column.labels << text(plan.label);
    }
    std::erase_if(columns, [](const StudyPlot& column) { return column.labels.isEmpty(); });
    return columns;
}

// As wide as they have places.
void setWidths(std::vector<StudyPlot>& columns, double width) {
    qsizetype places = 0;
    for (const StudyPlot& column : columns)
        places += column.labels.size();
    const double gaps = kPlotGap * static_cast<double>(std::max<std::size_t>(columns.size(), 1) - 1);
    const double place =
        std::max(width - kLeft - kRight - gaps, 1.) / static_cast<double>(std::max<qsizetype>(places, 1));
    double x = kLeft;
    for (StudyPlot& column : columns) {
        column.area.setLeft(x);
        column.area.setWidth(place * static_cast<double>(column.labels.size()));
        x = column.area.right() + kPlotGap;
    }
}

// Methods of a column stand beside each other in a place, in the order of their plans.
double beside(const StudyPlot& plot, const StudyResult& result, const std::string& method) {
    std::vector<std::string> methods;
    for (const StudyPlan& plan : result.plans)
        if (plan.tensors == plot.tensors &&
            std::find(methods.begin(), methods.end(), plan.method) == methods.end())
            methods.push_back(plan.method);
    const auto index = std::find(methods.begin(), methods.end(), method) - methods.begin();
    const double place = plot.area.width() / static_cast<double>(plot.labels.size()),
                 step = std::min(kMethodStep, place / static_cast<double>(methods.size() + 1));
    return step * (static_cast<double>(index) - static_cast<double>(methods.size() - 1) / 2);
}

void addPoints(StudyPlot& plot, const StudyResult& result, const StudyQuestion& question,
               const StudyPicture& picture) {
    for (const StudyPlan& plan : result.plans) {
        if (plan.tensors != plot.tensors)
            continue;
        const auto loss = lossOf(result, question, plan.plan);
        if (!loss)
            continue;
        const auto method = std::find(picture.methods.begin(), picture.methods.end(), text(plan.method));
        const LogAxis& axis = picture.axis;
        plot.points.push_back(
            {.plan = &plan,
             .method = static_cast<std::size_t>(method - picture.methods.begin()),
             .at = {plot.x(plot.labels.indexOf(text(plan.label))) + beside(plot, result, plan.method),
                    axis.y(plot.area, loss->share)},
             .top = axis.y(plot.area, loss->share + loss->error),
             .bottom = axis.y(plot.area, loss->share - loss->error),
             .atFloor = loss->share < axis.low});
    }
    std::stable_sort(plot.points.begin(), plot.points.end(), [](const StudyPoint& a, const StudyPoint& b) {
        return a.method != b.method ? a.method < b.method : a.at.x() < b.at.x();
    });
}

QString noteOf(const StudyResult& result, const StudyQuestion& question) {
    const SweepArguments& a = result.sweeps[question.sweep].table.arguments;
    const QString dense = QCoreApplication::translate("fovea::StudyChart", "%1, dense %2")
                              .arg(text(a.metric), QString::number(question.dense, 'g', 4));
    return question.silent.empty() ? dense : dense + QStringLiteral("; ") + text(question.silent);
}

} // namespace

double StudyPlot::x(qsizetype place) const {
    return area.left() +
           area.width() * (static_cast<double>(place) + 0.5) / static_cast<double>(labels.size());
}

std::vector<StudyQuestion> picturedQuestions(const StudyResult& result) {
    const std::vector<StudyQuestion> all = questionsOf(result);
    std::vector<StudyQuestion> pictured;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (isPictured(all, i))
            pictured.push_back(all[i]);
    return pictured;
}

StudyPicture layOutStudy(const StudyResult& result, const StudyRule& rule, QSize size) {
    StudyPicture picture;
    picture.ruleShare = rule.within;
    const std::vector<StudyQuestion> questions = picturedQuestions(result);
    picture.axis = {.low = kLosses.low,
                    .high = std::pow(10., std::ceil(std::log10(widestLoss(result, questions)) - 1e-9))};
    for (const StudyPlan& plan : result.plans)
        if (const QString method = text(plan.method);
            std::find(picture.methods.begin(), picture.methods.end(), method) == picture.methods.end())
            picture.methods.push_back(method);
    std::vector<StudyPlot> columns = columnsOf(result);
    setWidths(columns, size.width());
    const double rows = static_cast<double>(std::max<std::size_t>(questions.size(), 1));
    const double height =
        std::max((size.height() - kTop - kBottom) / rows - kRowTitle - kRowLabels - kRowGap, 1.);
    double y = kTop;
    for (const StudyQuestion& question : questions) {
        StudyPictureRow row{.title = text(question.name),
                            .note = noteOf(result, question),
                            .counts = question.silent.empty(),
                            .top = y,
                            .plots = columns};
        for (StudyPlot& plot : row.plots) {
            plot.area.setTop(y + kRowTitle);
            plot.area.setHeight(height);
            addPoints(plot, result, question, picture);
        }
        y += kRowTitle + height + kRowLabels + kRowGap;
        picture.rows.push_back(std::move(row));
    }
    return picture;
}

} // namespace fovea
