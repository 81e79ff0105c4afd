#include <catch2/catch.hpp>

#include <QApplication>
#include <QPainter>
#include <QSignalSpy>
#include <QTest>

#include "views/charts/sweep_chart.h"
#include "views/charts/sweep_layout.h"
#include "views/charts/sweep_points.h"
#include "views/panels/sweep_list.h"
#include "views/svg_device.h"
#include "views/theme.h"

using namespace fovea;

namespace {

SweepRow row(const char* plan, const char* method, double bytes, double score, double error = 0.02) {
    SweepRow r;
    r.plan = plan;
    r.method = method;
    r.score = {score, error};
    r.moved = {bytes, bytes};
    r.held = {1e6, 1e6};
    r.klMean = 0.1;
    r.agreement = 0.9;
    return r;
}

SweepTable table() {
    SweepTable t;
    t.arguments.task = "recall";
    t.arguments.metric = "accuracy";
    t.arguments.figures = "16 pairs in 512 tokens";
    t.arguments.model = "/models/fovea-starter";
    t.arguments.high = 1;
    t.arguments.samples = 8;
    t.rows = {row("dense", "dense", 360e3, 1, 0),
              row("read=sparq:r=4,k=16", "read=sparq", 70e3, 0.71),
              row("read=sparq:r=4,k=32", "read=sparq", 95e3, 0.90),
              row("read=sparq:r=8,k=16", "read=sparq", 110e3, 0.88),
              row("read=sparq:r=8,k=32", "read=sparq", 139e3, 0.99, 0.005),
              row("keep=streaming:window=28", "keep=streaming", 45e3, 0.21),
              row("keep=streaming:window=60", "keep=streaming", 84e3, 0.36),
              row("keep=streaming:window=124", "keep=streaming", 160e3, 0.62, 0.04)};
    SweepRow refused;
    refused.plan = "read=sparq:r=64";
    refused.method = "read=sparq";
    refused.refused = "r=64 is more than the 32 components of a head";
    t.rows.push_back(refused);
    return t;
}

SweepTable lowerBetter() {
    SweepTable t = table();
    t.arguments.metric = "bits per character";
    t.arguments.task = "text";
    t.arguments.higherBetter = false;
    t.arguments.high = 0;
    for (SweepRow& r : t.rows)
        r.score.mean = 2.4 - r.score.mean * 0.6;
    return t;
}

void save(const QImage& image, const char* name) {
    const QString folder = qEnvironmentVariable("FOVEA_SCREENS");
    if (!folder.isEmpty())
        image.save(QStringLiteral("%1/%2.png").arg(folder, QLatin1String(name)));
}

} // namespace

TEST_CASE("A sweep's rows are series by method, and what is best for its bytes is marked", "[views.charts]") {
    const auto series = sweepSeries(table());
    REQUIRE(series.size() == 2);
    CHECK(series[0].method == "read=sparq");
    REQUIRE(series[0].points.size() == 4); // neither dense nor what was refused
    CHECK(series[0].points[0].switches == "r=4,k=16");
    CHECK(series[0].points[0].best);
    CHECK(series[0].points[1].best);
    CHECK_FALSE(series[0].points[2].best); // more bytes, and worse
    CHECK(series[0].points[3].best);
    // The other way round where less is better.
    const auto less = sweepSeries(lowerBetter());
    CHECK_FALSE(less[0].points[2].best);
    CHECK(less[0].points[3].best);
    CHECK(sweepSeries({}).empty());
}

TEST_CASE("Points lie by their bytes and score, and a click on one asks for its plan", "[views.charts]") {
    SweepChart chart;
    chart.resize(900, 560);
    chart.setTable(table());
    chart.show();
    const QPointF dense = chart.pointOf("dense"), small = chart.pointOf("keep=streaming:window=28"),
                  good = chart.pointOf("read=sparq:r=8,k=32");
    CHECK(small.x() < good.x());
    CHECK(good.x() < dense.x());
    CHECK(dense.y() < good.y());
    CHECK(good.y() < small.y());
    CHECK(chart.planAt(good) == "read=sparq:r=8,k=32");
    CHECK(chart.planAt({2, 2}).isEmpty());
    CHECK(chart.pointOf("nothing") == QPointF(-1, -1));

    QSignalSpy picked(&chart, &SweepChart::planPicked);
    QTest::mouseClick(&chart, Qt::LeftButton, {}, good.toPoint());
    REQUIRE(picked.size() == 1);
    CHECK(picked[0][0].toString() == "read=sparq:r=8,k=32");
    QTest::mouseClick(&chart, Qt::LeftButton, {}, QPoint(3, 3));
    CHECK(picked.size() == 1);

    const QString facts = chart.describe("read=sparq:r=8,k=32");
    CHECK(facts.contains("accuracy 0.9900"));
    CHECK(facts.contains("0.386 of dense"));
    CHECK(chart.describe("read=sparq:r=64").isEmpty());
}

TEST_CASE("A sweep is drawn in both themes, on paper as text, and empty with a sentence", "[views.charts]") {
    for (const ThemeKind kind : {ThemeKind::Dark, ThemeKind::Light}) {
        setTheme(*qApp, kind);
        const bool dark = kind == ThemeKind::Dark;
        SweepChart chart;
        chart.setTable(table());
        save(chart.renderToImage({1080, 680}, 1), dark ? "sweep_dark" : "sweep_light");
        chart.setTable(lowerBetter());
        save(chart.renderToImage({640, 420}, 1), dark ? "sweep_text_dark" : "sweep_text_light");
        SweepTable one = table();
        one.rows.resize(2);
        chart.setTable(one);
        save(chart.renderToImage({640, 420}, 1), dark ? "sweep_one_dark" : "sweep_one_light");
        chart.setTable({});
        chart.setEmptyText("Nothing yet.");
        const QImage empty = chart.renderToImage({640, 420}, 1);
        CHECK_FALSE(empty.isNull());
        SweepList list;
        list.resize(860, 240);
        list.setTable(table());
        save(list.grab().toImage(), dark ? "sweep_list_dark" : "sweep_list_light");
        CHECK(list.rowCount() == 9);
        CHECK(list.item(8, 1)->text().startsWith("skipped: r=64"));
    }
    SweepChart chart;
    chart.setTable(table());
    SvgDevice device({800, 500}, "sweep");
    QPainter painter(&device);
    chart.paintInto(painter, {800, 500});
    painter.end();
    const std::string svg = device.svg();
    for (const char* text :
         {"Accuracy", "read=sparq", "keep=streaming", "dense 1", "bytes that attention moves per token"})
        CHECK(svg.find(text) != svg.npos);
}

TEST_CASE("Methods are told apart by colour and by shape", "[views.charts]") {
    // As many as a study of rounding has, and one more.
    constexpr std::size_t kMethods = 8;
    const auto shape = [](std::size_t index) {
        QImage image(16, 16, QImage::Format_RGB32);
        image.fill(Qt::white);
        QPainter painter(&image);
        painter.setBrush(Qt::black);
        drawSweepMark(painter, index, {8, 8}, 5);
        return image;
    };
    for (const ThemeKind kind : {ThemeKind::Dark, ThemeKind::Light}) {
        setTheme(*qApp, kind);
        for (std::size_t a = 0; a < kMethods; ++a)
            for (std::size_t b = 0; b < a; ++b) {
                INFO(a << " and " << b);
                CHECK(shape(a) != shape(b));
                if (a < kMethods - 1)
                    CHECK(sweepColour(a) != sweepColour(b));
            }
    }
    // And no later one is an earlier one again.
    for (std::size_t index = kMethods; index < 56; ++index)
        CHECK((sweepColour(index) != sweepColour(0) || shape(index) != shape(0)));
}
