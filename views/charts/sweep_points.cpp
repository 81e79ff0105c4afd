#include "views/charts/sweep_points.h"

#include <QStringList>

#include <algorithm>

#include "core/plan/plan_words.h"

namespace fovea {

namespace {

QString text(std::string_view utf8) {
    return QString::fromUtf8(utf8.data(), static_cast<qsizetype>(utf8.size()));
}

QString switchesOf(const std::string& plan) {
    QStringList parts;
    for (const PlanWord& word : splitPlan(plan))
        if (word.hasParameters)
            parts << text(word.parameters);
    return parts.isEmpty() ? text(plan) : parts.join(QStringLiteral(" "));
}

void markBest(std::vector<SweepPoint>& points, bool higherBetter) {
    std::stable_sort(points.begin(), points.end(), [&](const SweepPoint& a, const SweepPoint& b) {
        return a.bytes != b.bytes ? a.bytes < b.bytes : higherBetter ? a.score > b.score : a.score < b.score;
    });
    const SweepPoint* last = nullptr;
    for (SweepPoint& point : points) {
        point.best = !last || (higherBetter ? point.score > last->score : point.score < last->score);
        if (point.best)
            last = &point;
    }
}

} // namespace

std::vector<SweepSeries> sweepSeries(const SweepTable& table) {
    std::vector<SweepSeries> all;
    for (const SweepRow& row : table.rows) {
        if (!row.refused.empty() || row.plan == "dense" || !(row.moved.counted > 0))
            continue;
        const QString method = text(row.method);
        auto series =
            std::find_if(all.begin(), all.end(), [&](const SweepSeries& s) { return s.method == method; });
        if (series == all.end())
            series = all.insert(all.end(), {method, {}});
        series->points.push_back({text(row.plan), switchesOf(row.plan), row.moved.counted, row.score.mean,
                                  row.score.standardError, false});
    }
    for (SweepSeries& series : all)
        markBest(series.points, table.arguments.higherBetter);
    return all;
}

} // namespace fovea
