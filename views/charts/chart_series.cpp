#include "views/charts/chart_series.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace fovea {

QString provenanceName(Provenance provenance) {
    switch (provenance) {
    case Provenance::Formula:
        return QStringLiteral("formula");
    case Provenance::Counted:
        return QStringLiteral("counted");
    case Provenance::Timed:
        return QStringLiteral("timed");
    case Provenance::Computed:
        return QStringLiteral("computed");
    }
    return {};
}

QString provenanceMark(Provenance provenance) {
    switch (provenance) {
    case Provenance::Formula:
        return QStringLiteral("□");
    case Provenance::Counted:
        return QStringLiteral("■");
    case Provenance::Timed:
        return QStringLiteral("●");
    case Provenance::Computed:
        return {};
    }
    return {};
}

UnitScale scaleFor(ChartUnit unit, double largest) {
    if (unit == ChartUnit::GigabytesPerSecond)
        return {1, QStringLiteral("GB/s")};
    if (unit == ChartUnit::Nats)
        return {1, QStringLiteral("nats")};
    if (unit == ChartUnit::Slots)
        return {1, QStringLiteral("slots")};
    // Powers of ten, as in GB/s. The unit changes at twice its size: 1500 kB reads better than 1.5 MB beside ticks at 0, 500,
    // 1000.
    constexpr std::pair<double, const char*> kUnits[] = {{1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}};
    for (const auto& [perUnit, name] : kUnits)
        if (largest >= 2 * perUnit)
            return {perUnit, QString::fromLatin1(name)};
    return {1, QStringLiteral("B")};
}

QString valueText(ChartUnit unit, double value) {
    const auto scale = scaleFor(unit, std::abs(value));
    return QStringLiteral("%1 %2").arg(QString::number(value / scale.perUnit, 'g', 4), scale.name);
}

AxisTicks niceTicks(double largest, int most) {
    if (!(largest > 0) || !std::isfinite(largest))
        return {1, 1};
    most = std::max(most, 1);
    const double rough = largest / most;
    const double power = std::pow(10., std::floor(std::log10(rough)));
    for (const double factor : {1., 2., 2.5, 5., 10., 20., 25., 50.}) {
        const double step = factor * power;
        const double count = std::ceil(largest / step * (1 - 1e-9));
        if (count <= most)
            return {step, step * count};
    }
    return {largest, largest};
}

std::vector<QPointF> decimate(std::span<const double> x, std::span<const double> y, double first, double last,
                              int pixels) {
    std::vector<QPointF> points;
    const auto n = std::min(x.size(), y.size());
    if (n == 0 || pixels < 1 || !(last > first))
        return points;
    const auto begin = x.begin(), end = x.begin() + static_cast<std::ptrdiff_t>(n);
    auto from = static_cast<std::size_t>(std::lower_bound(begin, end, first) - begin);
    auto to = static_cast<std::size_t>(std::upper_bound(begin, end, last) - begin);
    from -= from > 0; // one beyond either end
    to += to < n;

    if (to - from <= 2 * static_cast<std::size_t>(pixels)) {
        points.reserve(to - from);
        for (auto i = from; i < to; ++i)
            if (!std::isnan(y[i]))
                points.emplace_back(x[i], y[i]);
        return points;
    }

    // Lowest and highest of each column, in the order they came, so that the line still runs forward.
    const double columnsPerStep = pixels / (last - first);
    const auto column = [&](std::size_t i) {
        return std::clamp(static_cast<int>((x[i] - first) * columnsPerStep), 0, pixels - 1);
    };
    constexpr auto kNone = std::numeric_limits<std::size_t>::max();
    std::size_t low = kNone, high = kNone;
    const auto flush = [&] {
        if (low == kNone)
            return;
        const auto [a, b] = std::minmax(low, high);
        points.emplace_back(x[a], y[a]);
        if (b != a)
            points.emplace_back(x[b], y[b]);
        low = high = kNone;
    };
    points.reserve(2 * static_cast<std::size_t>(pixels) + 2);
    const auto beyond = [&](std::size_t i) { return x[i] < first || x[i] > last; };
    int current = -1;
    for (auto i = from; i < to; ++i) {
        if (std::isnan(y[i]))
            continue;
        if (beyond(i)) {
            flush();
            points.emplace_back(x[i], y[i]);
            continue;
        }
        if (column(i) != current) {
            flush();
            current = column(i);
        }
        if (low == kNone || y[i] < y[low])
            low = i;
        if (high == kNone || y[i] > y[high])
            high = i;
    }
    flush();
    return points;
}

std::vector<QPointF> straightened(std::span<const QPointF> points, double tolerance) {
    if (points.size() < 3)
        return {points.begin(), points.end()};
    // From the last point kept, the slopes of lines that pass all points since then within the tolerance.
    // When the next point lies outside of them, the one before it is kept.
    std::vector<QPointF> kept = {points[0]};
    constexpr double kAny = std::numeric_limits<double>::infinity();
    double lowest = -kAny, highest = kAny;
    for (std::size_t i = 1; i < points.size(); ++i) {
        auto dx = points[i].x() - kept.back().x();
        const auto slope = [&](double off) { return (points[i].y() + off - kept.back().y()) / dx; };
        if (!(dx > 0) || slope(0) < lowest || slope(0) > highest) {
            if (points[i - 1] != kept.back())
                kept.push_back(points[i - 1]);
            lowest = -kAny;
            highest = kAny;
            dx = points[i].x() - kept.back().x();
            if (!(dx > 0)) { // two values at one step, both drawn
                kept.push_back(points[i]);
                continue;
            }
        }
        lowest = std::max(lowest, slope(-tolerance));
        highest = std::min(highest, slope(tolerance));
    }
    if (points.back() != kept.back())
        kept.push_back(points.back());
    return kept;
}

} // namespace fovea
