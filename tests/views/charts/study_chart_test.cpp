#include <catch2/catch.hpp>

#include <QPainter>
#include <QSignalSpy>
#include <QTest>

#include "core/study/study_losses.h"
#include "tests/core/study/study_fixture.h"
#include "views/charts/log_axis.h"
#include "views/charts/statistics_chart.h"
#include "views/charts/study_chart.h"
#include "views/charts/study_layout.h"
#include "views/svg_device.h"

using namespace fovea;

namespace {

constexpr QSize kSize(900, 700);

std::shared_ptr<const StudyResult> byHand() {
    return std::make_shared<const StudyResult>(test::studiedByHand());
}

StatisticsTable threeLayers() {
    StatisticsTable table{
        .model = "/models/small", .text = "a.txt, 9 bytes", .blocks = 2, .length = 8, .seed = 1, .rows = {}};
    for (int layer = 0; layer < 3; ++layer)
        for (int tensor = 0; tensor < kStudiedTensors; ++tensor) {
            Moments m;
            m.add(std::vector<float>{-1, 0, 1, static_cast<float>(4 * layer + tensor + 1)});
            table.rows.push_back({layer, static_cast<StudiedTensor>(tensor), {}, m});
        }
    return table;
}

template <class Chart>
std::string svgOf(const Chart& chart) {
    SvgDevice device(kSize, "chart");
    QPainter painter(&device);
    chart.paintInto(painter, kSize);
    painter.end();
    return device.svg();
}

void save(const QImage& image, const char* name) {
    const QString folder = qEnvironmentVariable("FOVEA_SCREENS");
    if (!folder.isEmpty())
        image.save(QStringLiteral("%1/%2.png").arg(folder, QLatin1String(name)));
}

} // namespace

TEST_CASE("A logarithmic axis has its ends at the ends and the middle of a decade in its middle",
          "[views.charts]") {
    const LogAxis axis{.low = 0.1, .high = 10};
    const QRectF area(0, 100, 50, 200);
    CHECK(axis.y(area, 0.1) == Approx(300));
    CHECK(axis.y(area, 1) == Approx(200));
    CHECK(axis.y(area, 10) == Approx(100));
    CHECK(axis.y(area, 0) == Approx(300));
    CHECK(axis.y(area, -3) == Approx(300));
    CHECK(axis.y(area, 1000) == Approx(100));
    CHECK(axis.ticks(area) == QList<double>{0.1, 1, 10});
    CHECK(axis.ticks(QRectF(0, 0, 50, 30)).size() == 2);
    CHECK(decadesAround(0.3, 20).low == Approx(0.1));
    CHECK(decadesAround(0.3, 20).high == Approx(100));
    CHECK(decadesAround(1, 1).high == Approx(10));
    CHECK(decadesAround(HUGE_VAL, 0).low < decadesAround(HUGE_VAL, 0).high);
}

TEST_CASE("A study's points stand where their bits and losses are", "[views.charts]") {
    const auto result = byHand();
    const StudyPicture picture = layOutStudy(*result, {}, kSize);
    REQUIRE(picture.rows.size() == 5); // text, recall, near, far, repetition
    CHECK(picture.rows[3].title == "recall over 64 tokens back");
    CHECK(picture.rows[0].counts);
    CHECK_FALSE(picture.rows[4].counts);
    REQUIRE(picture.rows[0].plots.size() == 3); // no plan rounds both here
    const StudyPlot& weights = picture.rows[0].plots[0];
    CHECK(weights.labels == QStringList{"W8", "W4"});
    REQUIRE(weights.points.size() == 2);
    CHECK(weights.points[0].plan->label == "W8");
    CHECK(weights.points[0].at.y() == Approx(picture.axis.y(weights.area, 0.002)));
    CHECK(weights.points[1].at.y() < weights.points[0].at.y()); // 1 % is above .2 %
    CHECK(weights.points[1].at.x() > weights.points[0].at.x());
    CHECK_FALSE(weights.points[1].atFloor);
    CHECK(picture.rows[0].plots[1].points.empty());    // refused
    CHECK(picture.rows[1].plots[0].points[0].atFloor); // W8 loses no recall
    const auto height = [&](const StudyPlot& plot) { return plot.area.bottom() - plot.points.at(0).at.y(); };
    CHECK(height(picture.rows[3].plots[2]) > height(picture.rows[1].plots[2])); // far is lost first
    for (const StudyPictureRow& row : picture.rows)
        for (const StudyPlot& plot : row.plots)
            for (const StudyPoint& point : plot.points)
                CHECK(plot.area.adjusted(-1, -1, 1, 1).contains(point.at));
}

TEST_CASE("A task of many parts shows the nearest and the furthest", "[views.charts]") {
    StudyResult result = test::studiedByHand();
    for (SweepRow& row : result.sweeps[1].table.rows)
        if (!row.parts.empty())
            row.parts.insert(row.parts.begin() + 1, {"65 to 128 tokens back", 9, {1, 0}, {0, 0}});
    CHECK(questionsOf(result).size() == 6);
    const auto pictured = picturedQuestions(result);
    REQUIRE(pictured.size() == 5);
    CHECK(pictured[2].brief == "up to 64");
    CHECK(pictured[3].brief == "over 64");
}

TEST_CASE("A study's chart says what it shows, and a point leads to its plan", "[views.charts]") {
    StudyChart chart;
    chart.resize(kSize);
    chart.setEmptyText("nothing yet");
    CHECK(svgOf(chart).find("nothing yet") != std::string::npos);
    chart.setStudy(byHand(), {});
    const std::string svg = svgOf(chart);
    for (const char* said :
         {"Loss from rounding", "recall over 64 tokens back", "bits per character, dense 1.5", "KV2",
          "the model itself hardly does it", "no losses to show"})
        CHECK(svg.find(said) != std::string::npos);
    CHECK(svg.find("e+") == std::string::npos);
    save(chart.renderToImage(kSize), "study_chart");

    const QPointF at = chart.pointOf("store=rtn:bits=2");
    REQUIRE(at.x() > 0);
    CHECK(chart.planAt(at) == "store=rtn:bits=2");
    CHECK(chart.planAt({1, 1}).isEmpty());
    QSignalSpy picked(&chart, &StudyChart::planPicked);
    QTest::mouseClick(&chart, Qt::LeftButton, {}, at.toPoint());
    REQUIRE(picked.count() == 1);
    CHECK(picked.front().front().toString() == "store=rtn:bits=2");
    const QImage before = chart.grab().toImage();
    chart.setChosen("store=rtn:bits=2");
    CHECK(chart.grab().toImage() != before);
}

TEST_CASE("Statistics are drawn layer by layer, and told from none", "[views.charts]") {
    StatisticsChart chart;
    chart.resize(kSize);
    const std::string none = svgOf(chart);
    CHECK(none.find("looked at when a study begins") != std::string::npos);
    chart.setStatistics(threeLayers());
    const std::string svg = svgOf(chart);
    for (const char* said : {"AbsMax", "standard deviation", "kurtosis", "activations", "16 tokens of a.txt"})
        CHECK(svg.find(said) != std::string::npos);
    save(chart.renderToImage({900, 320}), "statistics_chart");
}
