#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <random>

#include "views/charts/chart_series.h"

using namespace fovea;

TEST_CASE("Thinning keeps the highest and lowest value of every pixel column", "[views.charts]") {
    std::vector<double> x(20'000), y(20'000);
    std::mt19937 random(1);
    for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = static_cast<double>(i);
        y[i] = static_cast<double>(random() % 1000);
    }
    y[7'777] = 5'000; // one step, a hundredth of a pixel wide
    y[12'345] = -5'000;
    constexpr int kPixels = 500;
    const auto points = decimate(x, y, 0, 19'999, kPixels);
    CHECK(points.size() <= 2 * kPixels + 2);
    CHECK(std::any_of(points.begin(), points.end(), [](auto p) { return p == QPointF(7'777, 5'000); }));
    CHECK(std::any_of(points.begin(), points.end(), [](auto p) { return p == QPointF(12'345, -5'000); }));
    CHECK(std::is_sorted(points.begin(), points.end(), [](auto p, auto q) { return p.x() < q.x(); }));

    std::vector<double> low(kPixels, 1e9), high(kPixels, -1e9), keptLow = low, keptHigh = high;
    const auto column = [](double step) {
        return std::min(static_cast<int>(step * kPixels / 19'999.), kPixels - 1);
    };
    for (std::size_t i = 0; i < x.size(); ++i) {
        const auto c = static_cast<std::size_t>(column(x[i]));
        low[c] = std::min(low[c], y[i]);
        high[c] = std::max(high[c], y[i]);
    }
    for (const auto& p : points) {
        const auto c = static_cast<std::size_t>(column(p.x()));
        keptLow[c] = std::min(keptLow[c], p.y());
        keptHigh[c] = std::max(keptHigh[c], p.y());
    }
    CHECK(keptLow == low);
    CHECK(keptHigh == high);
}

TEST_CASE("A few steps are drawn as they are, with one beyond either end and without gaps' NaN",
          "[views.charts]") {
    const std::vector<double> x = {0, 1, 2, 3, 4, 5}, y = {0, 10, 20, std::nan(""), 40, 50};
    const auto points = decimate(x, y, 1.5, 4.5, 100);
    REQUIRE(points.size() == 4);
    CHECK(points.front() == QPointF(1, 10));
    CHECK(points[1] == QPointF(2, 20));
    CHECK(points[2] == QPointF(4, 40));
    CHECK(points.back() == QPointF(5, 50));
    CHECK(decimate({}, {}, 0, 1, 100).empty());
    CHECK(decimate(x, y, 3, 3, 100).empty());
}

TEST_CASE("Units follow the magnitude, ticks are round and reach the data", "[views.charts]") {
    CHECK(scaleFor(ChartUnit::Bytes, 900).name == "B");
    CHECK(scaleFor(ChartUnit::Bytes, 900'000).name == "kB");
    CHECK(scaleFor(ChartUnit::Bytes, 5e6).name == "MB");
    CHECK(scaleFor(ChartUnit::Bytes, 5e9).name == "GB");
    CHECK(scaleFor(ChartUnit::GigabytesPerSecond, 5e9).name == "GB/s");
    CHECK(valueText(ChartUnit::Bytes, 2'080'768) == "2.081 MB");
    for (const double largest : {0.013, 0.9, 1., 3.7, 49., 508., 123'456.}) {
        for (const int most : {2, 3, 5}) {
            const auto ticks = niceTicks(largest, most);
            INFO(largest << " in " << most);
            CHECK(ticks.top >= largest * (1 - 1e-6));
            CHECK(ticks.top / ticks.step <= most + 1e-6);
            const double digits = ticks.step / std::pow(10., std::floor(std::log10(ticks.step) + 1e-9));
            CHECK((std::abs(digits - 1) < 1e-6 || std::abs(digits - 2) < 1e-6 ||
                   std::abs(digits - 2.5) < 1e-6 || std::abs(digits - 5) < 1e-6));
        }
    }
}

TEST_CASE("Straightening moves no curve by more than the tolerance and keeps its ends", "[views.charts]") {
    std::vector<QPointF> points;
    std::mt19937 random(3);
    for (int i = 0; i < 3000; ++i)
        points.emplace_back(i, i * 0.5 + std::sin(i * 0.01) * 40 + (i == 1500 ? 300 : 0) +
                                   (random() % 100) * 0.004);
    constexpr double kTolerance = 0.5;
    const auto kept = straightened(points, kTolerance);
    CHECK(kept.size() < 300);
    CHECK(kept.front() == points.front());
    CHECK(kept.back() == points.back());
    std::size_t segment = 0;
    double worst = 0;
    for (const auto& p : points) {
        while (kept[segment + 1].x() < p.x())
            ++segment;
        const auto a = kept[segment], b = kept[segment + 1];
        worst =
            std::max(worst, std::abs(a.y() + (b.y() - a.y()) * (p.x() - a.x()) / (b.x() - a.x()) - p.y()));
    }
    CHECK(worst <= kTolerance * 1.0001);
    const std::vector<QPointF> jump = {{1, 0}, {1, 5}, {2, 5}};
    CHECK(straightened(jump, 0.1) == jump);
}
