#include "views/charts/run_series.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <tuple>

#include "core/engine/compare.h"
#include "core/engine/run.h"
#include "core/methods/share/cla.h"
#include "views/theme.h"

namespace fovea {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();
using Value = std::function<double(const StepRecord&)>;

struct ComponentLook {
    Component component;
    const char* held; // name among bytes held, null: never held
    const char* moved;
    const char* movedEnd;
    double shade; // towards the panel's colour
};
// From the bottom of the stack up.
constexpr std::array<ComponentLook, kComponents> kLooks = {{
    {Component::Keys, "K", "K rows", "rows K", 0.},
    {Component::Values, "V", "V rows", "rows V", 0.22},
    {Component::Scales, "scales", "scales", "scales", 0.34},
    {Component::KeyColumns, "Kᵀ copy", "K columns", "cols K", 0.46},
    {Component::Mean, "v\u0304 sum", "v\u0304 sum", "v\u0304", 0.64},
    {Component::Bounds, "page bounds", "page bounds", "bounds", 0.67},
    {Component::Scores, nullptr, "scores", "scores", 0.70},
    {Component::Indices, nullptr, "indices", "indices", 0.76},
    {Component::Weights, nullptr, "weights", "weights", 0.82},
}};

std::vector<double> steps(const Run* a, const Run* b) {
    std::vector<double> x;
    for (const auto* run : {a, b})
        if (run)
            for (const auto& step : run->steps)
                x.push_back(static_cast<double>(step.position));
    std::sort(x.begin(), x.end());
    x.erase(std::unique(x.begin(), x.end()), x.end());
    return x;
}

std::vector<double> along(const std::vector<double>& x, const Run& run, const Value& value) {
    std::vector<double> y(x.size(), kNothing);
    for (const auto& step : run.steps) {
        const auto at = std::lower_bound(x.begin(), x.end(), static_cast<double>(step.position));
        y[static_cast<std::size_t>(at - x.begin())] = value(step);
    }
    return y;
}

ChartSeries series(QString name, QString legend, QString end, QColor color, ChartSeries::Shape shape,
                   Provenance provenance, std::vector<double> y) {
    return {std::move(name), std::move(legend), std::move(end), color, shape, provenance, std::move(y)};
}

double bytes(const Traffic& traffic, bool weights) {
    return static_cast<double>(weights ? traffic.total() : traffic.attention());
}

bool anything(const std::vector<double>& y) {
    return std::any_of(y.begin(), y.end(), [](double v) { return v > 0; });
}

struct Stack {
    QString run; // "B"
    QColor base;
    Provenance provenance;
    bool held, weights;
    std::function<std::vector<double>(Component)> y;
};

// One area per component that is anywhere above zero; the lowest speaks for all in the legend.
void addStack(ChartData& data, const Stack& stack) {
    bool first = true;
    for (const auto& look : kLooks) {
        const char* name = stack.held ? look.held : look.moved;
        if (!name || (look.component == Component::Weights && !stack.weights))
            continue;
        auto y = stack.y(look.component);
        if (!anything(y))
            continue;
        const auto legend =
            first ? QStringLiteral("%1 %2").arg(stack.run, provenanceName(stack.provenance)) : QString();
        const auto end = QString::fromUtf8(stack.held ? look.held : look.movedEnd);
        data.series.push_back(series(stack.run + u' ' + QString::fromUtf8(name), legend, end,
                                     mixed(stack.base, theme().panel, look.shade),
                                     ChartSeries::Shape::Stacked, stack.provenance, std::move(y)));
        first = false;
    }
}

ChartData byteSeries(const Run* a, const Run* b, bool held, bool weights) {
    const auto& t = theme();
    ChartData data;
    data.x = steps(a, b);
    const Run* stacked = b ? b : a;
    if (!stacked)
        return data;
    const auto counted = [held](const StepRecord& s) -> const Traffic& {
        return held ? s.held.counted : s.counted;
    };
    const auto formula = [held](const StepRecord& s) -> const Traffic& {
        return held ? s.held.formula : s.formula;
    };
    const auto name = b ? QStringLiteral("B") : QStringLiteral("A");
    const QColor base = !b ? t.planA : held ? t.accent : t.planB;
    addStack(data, {name, base, Provenance::Counted, held, weights, [&](Component c) {
                        return along(data.x, *stacked,
                                     [&](auto& s) { return static_cast<double>(counted(s)[c]); });
                    }});
    data.series.push_back(
        series(name + QStringLiteral(" total"), name + QStringLiteral(" formula"), {},
               mixed(base, t.text, 0.55), ChartSeries::Shape::Dashed, Provenance::Formula,
               along(data.x, *stacked, [&](auto& s) { return bytes(formula(s), weights); })));
    if (a && b)
        data.series.push_back(series(QStringLiteral("A total"), QStringLiteral("A counted"),
                                     QStringLiteral("A"), t.planA, ChartSeries::Shape::Line,
                                     Provenance::Counted,
                                     along(data.x, *a, [&](auto& s) { return bytes(counted(s), weights); })));
    return data;
}

ChartData formulaSeries(const FormulaSeries& f, bool held, bool weights) {
    const auto& t = theme();
    ChartData data;
    data.x = f.steps;
    const auto& b = held ? f.b.held : f.b.moved;
    const auto& a = held ? f.a.held : f.a.moved;
    addStack(data, {QStringLiteral("B"), held ? t.accent : t.planB, Provenance::Formula, held, weights,
                    [&](Component c) {
                        std::vector<double> y;
                        for (const auto& traffic : b)
                            y.push_back(static_cast<double>(traffic[c]));
                        return y;
                    }});
    std::vector<double> total;
    for (const auto& traffic : a)
        total.push_back(bytes(traffic, weights));
    if (!total.empty())
        data.series.push_back(series(QStringLiteral("A total"), QStringLiteral("A formula"),
                                     QStringLiteral("A"), t.planA, ChartSeries::Shape::Line,
                                     Provenance::Formula, std::move(total)));
    return data;
}

} // namespace

ChartData heldSeries(const Run* a, const Run* b) {
    ChartData data = byteSeries(a, b, true, false);
    const auto addTaken = [&](const Run* run, const QString& name, const QColor& color) {
        auto y = run ? along(data.x, *run, [](auto& s) { return static_cast<double>(s.held.onDevice); })
                     : std::vector<double>();
        if (anything(y))
            data.series.push_back(series(name + QStringLiteral(" taken on the GPU"),
                                         name + QStringLiteral(" on the GPU"), {},
                                         mixed(color, theme().text, 0.3), ChartSeries::Shape::Line,
                                         Provenance::Counted, std::move(y)));
    };
    addTaken(a, QStringLiteral("A"), theme().planA);
    addTaken(b, QStringLiteral("B"), theme().accent);
    return data;
}

ChartData movedSeries(const Run* a, const Run* b, bool weights) {
    return byteSeries(a, b, false, weights);
}

ChartData heldSeries(const FormulaSeries& formula) {
    return formulaSeries(formula, true, false);
}

ChartData movedSeries(const FormulaSeries& formula, bool weights) {
    return formulaSeries(formula, false, weights);
}

ChartData slotSeries(const Run* a, const Run* b) {
    ChartData data;
    data.x = steps(a, b);
    for (const auto& [run, name, color] : {std::tuple(a, QStringLiteral("A"), theme().planA),
                                           std::tuple(b, QStringLiteral("B"), theme().planB)}) {
        if (!run)
            continue;
        const double lanes =
            std::max(1, sharedSpec(run->spec, run->plan.share).kvLayers() * run->spec.kvHeads);
        data.series.push_back(series(
            name + QStringLiteral(" live"), {}, name, color, ChartSeries::Shape::Line, Provenance::Counted,
            along(data.x, *run, [&](auto& s) { return static_cast<double>(s.liveSlots) / lanes; })));
        data.series.push_back(series(
            name + QStringLiteral(" evicted"), {}, {}, color, ChartSeries::Shape::Line, Provenance::Counted,
            along(data.x, *run, [&](auto& s) { return static_cast<double>(s.evicted) / lanes; })));
    }
    return data;
}

ChartData rateSeries(const Run* a, const Run* b) {
    const auto& t = theme();
    ChartData data;
    data.x = steps(a, b);
    const Value rate = [](const StepRecord& s) {
        return s.attentionSeconds > 0 ? static_cast<double>(s.counted.attention()) / s.attentionSeconds / 1e9
                                      : kNothing;
    };
    const auto add = [&](const Run* run, const QString& name, const QColor& color) {
        if (run)
            data.series.push_back(series(name, name + QStringLiteral(" timed"), name, color,
                                         ChartSeries::Shape::Line, Provenance::Timed,
                                         along(data.x, *run, rate)));
    };
    add(a, QStringLiteral("A"), t.planA);
    add(b, QStringLiteral("B"), t.planB);
    return data;
}

ChartData klSeries(const Run& b, const Comparison& comparison) {
    ChartData data;
    std::vector<double> y;
    const auto n = std::min(b.steps.size(), comparison.kl.size());
    for (std::size_t i = 0; i < n; ++i) {
        data.x.push_back(static_cast<double>(b.steps[i].position));
        y.push_back(comparison.kl[i]);
    }
    data.series.push_back(series(QStringLiteral("KL(A‖B)"), QStringLiteral("KL(A‖B) of the next token"),
                                 QStringLiteral("KL"), theme().planB, ChartSeries::Shape::Line,
                                 Provenance::Computed, std::move(y)));
    return data;
}

} // namespace fovea
