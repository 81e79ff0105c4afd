#include <catch2/catch.hpp>

#include <QCheckBox>
#include <QSignalSpy>
#include <QTest>

#include <ctime>

#include "tests/views/charts/run_fixture.h"
#include "views/charts/step_chart.h"
#include "views/charts/timelines.h"
#include "views/panel_frame.h"

using namespace fovea;
using namespace fovea::testing;

namespace {

FormulaSeries llama() {
    FormulaSeries f;
    f.title = "Llama-2-7B, f16";
    for (int s = 512; s <= 4096; s += 512) {
        f.steps.push_back(s);
        Traffic dense, sparq;
        dense[Component::Keys] = dense[Component::Values] = std::int64_t{32} * 32 * s * 128 * 2;
        sparq = dense;
        sparq[Component::KeyColumns] = dense[Component::Keys];
        f.a.held.push_back(dense);
        f.b.held.push_back(sparq);
        f.a.moved.push_back(dense);
        Traffic moved;
        moved[Component::Keys] = moved[Component::Values] = std::int64_t{32} * 32 * 128 * 128 * 2;
        moved[Component::KeyColumns] = std::int64_t{32} * 32 * s * 32 * 2;
        f.b.moved.push_back(moved);
    }
    return f;
}

struct Shown {
    Timelines timelines;
    std::shared_ptr<const Run> a = makeRun({}, 300, 200), b = makeRun(sparqPlan(), 300, 200);
    Shown() {
        timelines.resize(900, 320);
        timelines.setRuns(a, b);
        timelines.flush();
        timelines.show();
    }
};

} // namespace

TEST_CASE("All timelines share one range; F fits, Esc clears the selection first", "[views.charts]") {
    Shown s;
    auto& t = s.timelines;
    CHECK(t.range() == std::pair(0., 299.));
    t.setRange(50, 150);
    for (const auto* chart : t.charts())
        CHECK(chart->stepAt(chart->plotArea().left()) == Approx(50));
    Q_EMIT t.charts()[1]->rangeSelected(60, 90);
    QTest::keyClick(&t, Qt::Key_F);
    CHECK(t.range() == std::pair(60., 90.));
    QTest::keyClick(&t, Qt::Key_Escape);
    CHECK(t.range() == std::pair(60., 90.));
    QTest::keyClick(&t, Qt::Key_F);
    CHECK(t.range() == std::pair(0., 299.));
}

TEST_CASE("Zooming keeps the step under the pointer and stays inside the run", "[views.charts]") {
    Shown s;
    auto& t = s.timelines;
    Q_EMIT t.charts()[0]->zoomed(100, 0.5);
    const auto [first, last] = t.range();
    CHECK(last - first == Approx(299. / 2));
    CHECK((100 - first) / (last - first) == Approx(100. / 299));
    for (int i = 0; i < 60; ++i)
        Q_EMIT t.charts()[0]->zoomed(100, 0.5);
    CHECK(t.range().second - t.range().first == Approx(4));
    for (int i = 0; i < 60; ++i)
        Q_EMIT t.charts()[0]->zoomed(100, 2);
    CHECK(t.range() == std::pair(0., 299.));
}

TEST_CASE("A growing run stays fitted until the user zooms", "[views.charts]") {
    Shown s;
    auto& t = s.timelines;
    t.setRuns(makeRun({}, 350, 200), s.b);
    t.flush();
    CHECK(t.range() == std::pair(0., 349.));
    t.setRange(10, 20);
    t.setRuns(makeRun({}, 360, 200), s.b);
    t.flush();
    CHECK(t.range() == std::pair(10., 20.));
}

TEST_CASE("A click picks the nearest step there is; setting the cursor emits nothing", "[views.charts]") {
    Shown s;
    QSignalSpy picked(&s.timelines, &Timelines::stepPicked);
    s.timelines.setCursor(17);
    CHECK(picked.isEmpty());
    Q_EMIT s.timelines.charts()[2]->clicked(123.6);
    REQUIRE(picked.size() == 1);
    CHECK(picked[0][0].toLongLong() == 124);
    QTest::keyClick(&s.timelines, Qt::Key_Left);
    REQUIRE(picked.size() == 2);
    CHECK(picked[1][0].toLongLong() == 123);
}

TEST_CASE("Show as draws the formula of the large model, says so, and comes back", "[views.charts]") {
    Shown s;
    auto& t = s.timelines;
    t.setShowAsChoices({"this model", "Llama-2-7B 4k"});
    QSignalSpy chosen(&t, &Timelines::showAsChosen);
    t.setShowAsChoice(1);
    CHECK(chosen.isEmpty());
    t.setShowAs(llama());
    const auto* held = t.charts()[0];
    CHECK(t.range() == std::pair(512., 4096.));
    for (const auto& one : held->series())
        CHECK(one.provenance == Provenance::Formula);
    CHECK(held->titleWithUnit() == "KV held, GB");
    CHECK(t.charts()[2]->isHidden()); // a model that did not run has no bandwidth
    CHECK(t.toCsv().contains("KV held: B K formula [bytes]"));
    t.setShowAs(std::nullopt);
    CHECK(t.range() == std::pair(0., 299.));
    CHECK(held->series()[0].provenance == Provenance::Counted);
    CHECK_FALSE(t.charts()[2]->isHidden());
}

TEST_CASE("The KL chart is there when a comparison is, and weights only when ticked", "[views.charts]") {
    Shown s;
    auto& t = s.timelines;
    CHECK(t.charts()[3]->isHidden());
    t.setComparison(makeComparison(300, 200));
    t.flush();
    CHECK_FALSE(t.charts()[3]->isHidden());
    CHECK(t.charts()[3]->series()[0].y[250] == Approx(makeComparison(300, 200)->kl[250]));

    PanelFrame frame("");
    t.furnish(&frame);
    auto* weights = frame.findChild<QCheckBox*>();
    REQUIRE(weights);
    CHECK_FALSE(t.toCsv().contains("weights"));
    weights->setChecked(true);
    t.flush();
    CHECK(t.toCsv().contains("B weights counted [bytes]"));
}

TEST_CASE("The timelines' CSV has as many cells in each row as in its head", "[views.charts]") {
    Shown s;
    auto longer = makeRun({}, 310, 200);
    s.timelines.setRuns(longer, s.b);
    s.timelines.setComparison(makeComparison(300, 200));
    s.timelines.flush();
    const auto lines = s.timelines.toCsv().split('\n', Qt::SkipEmptyParts);
    REQUIRE(lines.size() == 311);
    for (const auto& line : lines)
        REQUIRE(line.count(',') == lines[0].count(','));
    const auto head = lines[0].split(',');
    const auto column = head.indexOf("Bytes moved per step: A total counted [bytes]");
    REQUIRE(column > 0);
    CHECK(lines[1 + 250].split(',')[column].toDouble() ==
          static_cast<double>(longer->steps[250].counted.attention()));
}

TEST_CASE("Timelines of 1024 steps are rebuilt and drawn in less than the interface may block",
          "[views.charts]") {
    Timelines timelines;
    timelines.resize(1650, 264);
    const auto a = makeRun({}, 1024, 512), b = makeRun(sparqPlan(), 1024, 512);
    std::vector<double> times;
    for (int i = 0; i < 15; ++i) {
        const auto start = std::clock();
        timelines.setRuns(a, b);
        timelines.setComparison(makeComparison(1024, 512));
        timelines.flush();
        timelines.renderToImage(timelines.size());
        times.push_back(1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
    }
    std::sort(times.begin(), times.end());
    WARN("timelines, 1024 steps, four charts: best " << times[0] << " ms, median " << times[7]
                                                     << " ms of CPU");
    CHECK(times[7] < 50);
}
