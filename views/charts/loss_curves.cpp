#include "views/charts/loss_curves.h"

#include <algorithm>
#include <numeric>

namespace fovea {

namespace {

using Kind = TrainingEntry::Kind;

void add(LossCurves::Points& points, const TrainingEntry& entry) {
    points.tokens.push_back(static_cast<double>(entry.tokens));
    points.loss.push_back(entry.loss);
    points.steps.push_back(entry.step);
}

// Means over as many points on one side as on the other, fewer towards the ends: a falling curve is not
// lifted, as it would be by a mean of what came before.
std::vector<double> smooth(const std::vector<double>& values) {
    const std::size_t most =
        std::min<std::size_t>(9, values.size() / 20); // so that few points stay themselves
    std::vector<double> sums{0};
    for (const double value : values)
        sums.push_back(sums.back() + value);
    std::vector<double> means;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::size_t side = std::min({most, i, values.size() - 1 - i});
        means.push_back((sums[i + side + 1] - sums[i - side]) / static_cast<double>(2 * side + 1));
    }
    return means;
}

} // namespace

LossCurves lossCurves(std::span<const TrainingEntry> entries) {
    LossCurves curves;
    for (const TrainingEntry& entry : entries) {
        if (entry.kind == Kind::Step) {
            add(curves.training, entry);
            curves.sequence.push_back(entry.sequence);
            curves.rate.push_back(entry.rate);
        } else if (entry.kind == Kind::HeldOut) {
            add(curves.heldOut, entry);
        } else if (entry.kind == Kind::Resumed) {
            curves.resumed.push_back(static_cast<double>(entry.tokens));
        }
    }
    curves.smoothed = smooth(curves.training.loss);
    const auto& heldOut = curves.heldOut.loss;
    if (!heldOut.empty())
        curves.best =
            static_cast<std::size_t>(std::min_element(heldOut.begin(), heldOut.end()) - heldOut.begin());
    return curves;
}

std::optional<double> recentLoss(const LossCurves& curves) {
    const std::vector<double>& loss = curves.training.loss;
    if (loss.empty())
        return std::nullopt;
    const auto count = std::min<std::ptrdiff_t>(10, std::ssize(loss));
    return std::accumulate(loss.end() - count, loss.end(), 0.) / static_cast<double>(count);
}

QString toCsv(const LossCurves& curves) {
    QString csv = QStringLiteral(
        "step,tokens,training [nats per graded token],held-out [nats per token],sequence,rate\n");
    const auto number = [](double value) { return QString::number(value, 'g', 12); };
    const LossCurves::Points &training = curves.training, &heldOut = curves.heldOut;
    for (std::size_t i = 0, j = 0; i < training.steps.size() || j < heldOut.steps.size();) {
        const bool both =
            i < training.steps.size() && j < heldOut.steps.size() && training.steps[i] == heldOut.steps[j];
        const bool first =
            j == heldOut.steps.size() || (i < training.steps.size() && training.steps[i] <= heldOut.steps[j]);
        const LossCurves::Points& from = first ? training : heldOut;
        const std::size_t at = first ? i : j;
        csv += QString::number(from.steps[at]) + u',' + number(from.tokens[at]) + u',';
        csv += (first ? number(training.loss[i]) : QString()) + u',';
        csv += (!first || both ? number(heldOut.loss[j]) : QString()) + u',';
        csv +=
            first ? QString::number(curves.sequence[i]) + u',' + number(curves.rate[i]) : QStringLiteral(",");
        csv += u'\n';
        j += !first || both;
        i += first;
    }
    return csv;
}

QString tokenCountText(double tokens) {
    const auto scaled = [&](double unit, const char* name) {
        return QStringLiteral("%1 %2").arg(QString::number(tokens / unit, 'g', 3), QLatin1String(name));
    };
    if (tokens >= 999.5e6)
        return scaled(1e9, "G");
    if (tokens >= 999.5e3)
        return scaled(1e6, "M");
    if (tokens >= 1e4)
        return scaled(1e3, "k");
    return QString::number(tokens, 'f', 0);
}

} // namespace fovea
