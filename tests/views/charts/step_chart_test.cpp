#include <catch2/catch.hpp>

#include <QSignalSpy>
#include <QTest>
#include <QWheelEvent>

#include <cmath>

#include "views/charts/step_chart.h"
#include "views/theme.h"

using namespace fovea;

namespace {

ChartData ramp(int n, ChartSeries::Shape shape) {
    ChartData data;
    ChartSeries one;
    one.name = "ramp";
    one.color = Qt::red;
    one.shape = shape;
    for (int i = 0; i < n; ++i) {
        data.x.push_back(i);
        one.y.push_back(i * 1024.);
    }
    data.series.push_back(one);
    return data;
}

bool isRed(QColor c) {
    return c.red() > 200 && c.green() < 80 && c.blue() < 80;
}

} // namespace

TEST_CASE("An area is drawn from the axis up to its value", "[views.charts]") {
    StepChart chart("bytes", ChartUnit::Bytes);
    chart.resize(600, 200);
    chart.setData(ramp(1001, ChartSeries::Shape::Stacked));
    chart.setRange(0, 1000);
    const auto image = chart.renderToImage(chart.size());
    const auto area = chart.plotArea();
    const double top = 1000 * 1024 * 1.04; // the plot ends 4 % above the largest value
    for (const double step : {200., 500., 900.}) {
        const int x = qRound(chart.pixelAt(step));
        const double y = area.bottom() - step * 1024 / top * area.height();
        INFO(step);
        CHECK(isRed(image.pixelColor(x, qRound(y) + 3)));
        CHECK_FALSE(isRed(image.pixelColor(x, qRound(y) - 3)));
        CHECK(isRed(image.pixelColor(x, qRound(area.bottom()) - 3)));
    }
    CHECK(chart.titleWithUnit() == "bytes, kB");
}

TEST_CASE("Stacked series lie on top of each other, lines do not", "[views.charts]") {
    auto data = ramp(101, ChartSeries::Shape::Stacked);
    auto second = data.series[0];
    second.color = Qt::blue;
    data.series.push_back(second);
    StepChart chart("bytes", ChartUnit::Bytes);
    chart.resize(600, 200);
    chart.setData(data);
    chart.setRange(0, 100);
    const auto image = chart.renderToImage(chart.size());
    const auto area = chart.plotArea();
    const int x = qRound(chart.pixelAt(90));
    const auto at = [&](double share) { // of the stack's height at step 90
        return image.pixelColor(x, qRound(area.bottom() - share * 0.9 / 1.04 * area.height()));
    };
    CHECK(isRed(at(0.25)));
    CHECK(at(0.75).blue() > 200);
    CHECK(at(1.05).blue() < 120);
}

TEST_CASE("However many steps, at most two points a pixel reach the chart library", "[views.charts]") {
    StepChart chart("bytes", ChartUnit::Bytes);
    chart.resize(700, 80);
    auto data = ramp(100'000, ChartSeries::Shape::Line);
    chart.setData(data);
    chart.setRange(0, 99'999);
    chart.renderToImage(chart.size());
    CHECK(chart.drawnPoints() < 10); // a straight line
    for (std::size_t i = 0; i < data.x.size(); ++i)
        data.series[0].y[i] = static_cast<double>(i * 7919 % 1000);
    chart.setData(data);
    chart.renderToImage(chart.size());
    CHECK(chart.drawnPoints() > 500);
    CHECK(chart.drawnPoints() <= 2 * chart.plotArea().width() + 2);
    CHECK(chart.series()[0].y.size() == 100'000);
}

TEST_CASE("A click picks a step, a drag a range, the wheel zooms about the pointer", "[views.charts]") {
    StepChart chart("bytes", ChartUnit::Bytes);
    chart.resize(600, 100);
    chart.setData(ramp(101, ChartSeries::Shape::Line));
    chart.setRange(0, 100);
    chart.show();
    QSignalSpy clicked(&chart, &StepChart::clicked), selected(&chart, &StepChart::rangeSelected);
    QSignalSpy zoomed(&chart, &StepChart::zoomed), panned(&chart, &StepChart::panned);
    const auto at = [&](double step) { return QPoint(qRound(chart.pixelAt(step)), 50); };
    QTest::mouseClick(&chart, Qt::LeftButton, {}, at(40));
    REQUIRE(clicked.size() == 1);
    CHECK(clicked[0][0].toDouble() == Approx(40).margin(0.3));

    QTest::mousePress(&chart, Qt::LeftButton, {}, at(70));
    QTest::mouseMove(&chart, at(50));
    QTest::mouseMove(&chart, at(20));
    QTest::mouseRelease(&chart, Qt::LeftButton, {}, at(20));
    REQUIRE(selected.size() == 1);
    CHECK(clicked.size() == 1);
    CHECK(selected[0][0].toDouble() == Approx(20).margin(0.3));
    CHECK(selected[0][1].toDouble() == Approx(70).margin(0.3));

    QWheelEvent wheel(at(25), chart.mapToGlobal(at(25)), {}, {0, 120}, Qt::NoButton, Qt::NoModifier,
                      Qt::NoScrollPhase, false);
    QApplication::sendEvent(&chart, &wheel);
    REQUIRE(zoomed.size() == 1);
    CHECK(zoomed[0][0].toDouble() == Approx(25).margin(0.3));
    CHECK(zoomed[0][1].toDouble() < 1);
}

TEST_CASE("A limit far above the data is named, one near it is drawn", "[views.charts]") {
    StepChart chart("rate", ChartUnit::GigabytesPerSecond);
    chart.resize(600, 200);
    ChartData data;
    ChartSeries one;
    one.color = Qt::red;
    for (int i = 0; i <= 10; ++i) {
        data.x.push_back(i);
        one.y.push_back(10);
    }
    data.series.push_back(one);
    chart.setData(data);
    chart.setRange(0, 10);
    const auto redAt = [&](double share) {
        const auto image = chart.renderToImage(chart.size());
        const auto area = chart.plotArea();
        for (int dy = -2; dy <= 2; ++dy)
            if (isRed(image.pixelColor(qRound(area.center().x()),
                                       qRound(area.bottom() - share * area.height()) + dy)))
                return true;
        return false;
    };
    CHECK(redAt(1 / 1.04));
    chart.setLimit(20, "measured limit 20 GB/s");
    CHECK(redAt(10. / 20 / 1.02 / 1.04)); // the axis makes room for the limit
    chart.setLimit(500, "measured limit 500 GB/s");
    CHECK(redAt(1 / 1.04)); // and does not flatten the data for one far away
}

TEST_CASE("Runs that agree but for rounding make no hills", "[views.charts]") {
    auto data = ramp(101, ChartSeries::Shape::Line);
    StepChart chart("KL to A", ChartUnit::Nats);
    chart.resize(600, 200);
    const auto highest = [&](double nats) { // of the line, in pixels above the axis
        for (std::size_t i = 0; i < data.x.size(); ++i)
            data.series[0].y[i] = i % 2 == 0 ? 0 : nats;
        chart.setData(data);
        chart.setRange(0, 100);
        const auto image = chart.renderToImage(chart.size());
        const QRect area = chart.plotArea().toRect();
        for (int y = area.top(); y < area.bottom(); ++y)
            for (int x = area.left() + 2; x < area.right() - 2; ++x)
                if (isRed(image.pixelColor(x, y)))
                    return area.bottom() - y;
        return 0;
    };
    CHECK(highest(5e-12) < 4);
    CHECK(highest(5e-5) > 100); // small, and meant
}

TEST_CASE("CSV has every step in plain units, gaps empty", "[views.charts]") {
    StepChart chart("rate", ChartUnit::GigabytesPerSecond);
    ChartData data;
    data.x = {3, 4, 5};
    ChartSeries one;
    one.name = "A";
    one.provenance = Provenance::Timed;
    one.y = {1.5, std::nan(""), 2.25};
    data.series.push_back(one);
    chart.setData(data);
    chart.setRange(4, 5);
    CHECK(chart.toCsv() == "step,A timed [GB/s]\n3,1.5\n4,\n5,2.25\n");
    CHECK(chart.describe(4.9) == "step 5\nA  2.25 GB/s  timed");
}
