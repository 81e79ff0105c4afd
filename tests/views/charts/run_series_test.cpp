#include <catch2/catch.hpp>

#include <cmath>

#include "tests/views/charts/run_fixture.h"
#include "views/charts/run_series.h"

using namespace fovea;
using namespace fovea::testing;

namespace {

const ChartSeries& named(const ChartData& data, const QString& name) {
    for (const auto& one : data.series)
        if (one.name == name)
            return one;
    FAIL("no series " << name.toStdString());
    return data.series.front();
}

} // namespace

TEST_CASE("Charts show the run's own numbers at every step", "[views.charts]") {
    const auto a = makeRun({}, 300, 200), b = makeRun(sparqPlan(), 300, 200);
    const auto held = heldSeries(a.get(), b.get());
    const auto moved = movedSeries(a.get(), b.get(), false);
    const auto rate = rateSeries(a.get(), b.get());
    REQUIRE(held.x.size() == 300);
    for (const std::size_t i : {0u, 199u, 200u, 299u}) {
        const auto& sa = a->steps[i];
        const auto& sb = b->steps[i];
        CHECK(held.x[i] == static_cast<double>(i));
        CHECK(named(held, "B Kᵀ copy").y[i] == static_cast<double>(sb.held.counted[Component::KeyColumns]));
        CHECK(named(held, "A total").y[i] == static_cast<double>(sa.held.counted.total()));
        CHECK(named(moved, "B K rows").y[i] == static_cast<double>(sb.counted[Component::Keys]));
        CHECK(named(moved, "B K columns").y[i] == static_cast<double>(sb.counted[Component::KeyColumns]));
        CHECK(named(moved, "A total").y[i] == static_cast<double>(sa.counted.attention()));
        CHECK(named(moved, "B total").y[i] == static_cast<double>(sb.formula.attention()));
        CHECK(named(rate, "B").y[i] ==
              Approx(static_cast<double>(sb.counted.attention()) / sb.attentionSeconds / 1e9));
    }
    CHECK(named(moved, "B K rows").provenance == Provenance::Counted);
    CHECK(named(moved, "B total").provenance == Provenance::Formula);
    CHECK(named(rate, "A").provenance == Provenance::Timed);
}

TEST_CASE("A formula that differs from the count shows as a line of its own", "[views.charts]") {
    const auto a = makeRun({}, 50, 10), b = makeRun(sparqPlan(), 50, 10);
    b->steps[40].counted[Component::Keys] += 4096;
    const auto moved = movedSeries(a.get(), b.get(), false);
    double stack = 0;
    for (const auto& one : moved.series)
        if (one.shape == ChartSeries::Shape::Stacked)
            stack += one.y[40];
    CHECK(stack - named(moved, "B total").y[40] == 4096);
}

TEST_CASE("Weights are left out of the bytes moved unless asked for", "[views.charts]") {
    const auto a = makeRun({}, 20, 10), b = makeRun(sparqPlan(), 20, 10);
    const auto without = movedSeries(a.get(), b.get(), false), with = movedSeries(a.get(), b.get(), true);
    for (const auto& one : without.series)
        CHECK(one.name != "B weights");
    CHECK(named(with, "B weights").y[15] == 12'000'000);
    CHECK(named(with, "A total").y[15] - named(without, "A total").y[15] == 12'000'000);
}

TEST_CASE("Runs of different length share one axis, and no time taken is no bandwidth", "[views.charts]") {
    const auto a = makeRun({}, 30, 10), b = makeRun(sparqPlan(), 20, 10);
    a->steps[5].attentionSeconds = 0;
    const auto rate = rateSeries(a.get(), b.get());
    REQUIRE(rate.x.size() == 30);
    CHECK(std::isnan(named(rate, "A").y[5]));
    CHECK(std::isnan(named(rate, "B").y[25]));
    CHECK(named(rate, "A").y[25] > 0);
    CHECK(heldSeries(nullptr, nullptr).series.empty());
    CHECK(named(heldSeries(a.get(), nullptr), "A K").y[3] > 0);
}
