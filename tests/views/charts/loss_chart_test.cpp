#include <catch2/catch.hpp>

#include <QTest>

#include <cmath>

#include "views/charts/loss_chart.h"
#include "views/theme.h"

using namespace fovea;
using Kind = TrainingEntry::Kind;

namespace {

TrainingEntry entryAt(Kind kind, std::int64_t step, double loss, int sequence = 64) {
    TrainingEntry e;
    e.kind = kind;
    e.step = step;
    e.tokens = step * 1000;
    e.loss = loss;
    e.sequence = sequence;
    e.rate = 1e-3;
    return e;
}

// 200 points that fall from 6 to 2, held out every tenth with its lowest at step 1500; resumed once.
std::vector<TrainingEntry> training() {
    std::vector<TrainingEntry> entries;
    TrainingEntry begun;
    begun.kind = Kind::Begun;
    entries.push_back(begun);
    for (int i = 1; i <= 200; ++i) {
        entries.push_back(entryAt(Kind::Step, 10 * i, 6 - 4 * i / 200.0, i < 100 ? 64 : 128));
        if (i % 10 == 0)
            entries.push_back(entryAt(Kind::HeldOut, 10 * i, 3 + std::abs(i - 150) / 100.0));
        if (i == 50)
            entries.push_back(entryAt(Kind::Resumed, 500, 0));
    }
    return entries;
}

int pixelsLike(const QImage& image, const QColor& color, const QRect& within) {
    int count = 0;
    for (int y = within.top(); y <= within.bottom(); ++y)
        for (int x = within.left(); x <= within.right(); ++x) {
            const QColor c = image.pixelColor(x, y);
            count += std::abs(c.red() - color.red()) + std::abs(c.green() - color.green()) +
                         std::abs(c.blue() - color.blue()) <
                     40;
        }
    return count;
}

} // namespace

TEST_CASE("A log becomes two curves, the lowest held-out loss and where it was resumed", "[views.charts]") {
    const LossCurves curves = lossCurves(training());
    REQUIRE(curves.training.loss.size() == 200);
    REQUIRE(curves.heldOut.loss.size() == 20);
    REQUIRE(curves.best);
    CHECK(curves.heldOut.tokens[*curves.best] == 1'500'000);
    CHECK(curves.resumed == std::vector<double>{500'000});
    // A straight line smoothed is the line: it neither lags behind nor runs ahead.
    for (std::size_t i = 0; i < 200; ++i)
        CHECK(curves.smoothed[i] == Approx(curves.training.loss[i]));
    CHECK(recentLoss(curves) == Approx(2 + 4.5 * 0.02));
    CHECK_FALSE(recentLoss({}));
    std::vector<TrainingEntry> zigzag;
    for (int i = 0; i < 200; ++i)
        zigzag.push_back(entryAt(Kind::Step, i, 3 + (i % 2)));
    const LossCurves calm = lossCurves(zigzag);
    for (std::size_t i = 9; i < 191; ++i)
        CHECK(std::abs(calm.smoothed[i] - 3.5) < 0.03);
    CHECK(lossCurves(std::span(zigzag).first(19)).smoothed ==
          lossCurves(std::span(zigzag).first(19)).training.loss);
    CHECK(lossCurves({}).training.loss.empty());
}

TEST_CASE("The table of a training has every point of both curves", "[views.charts]") {
    const QStringList lines = toCsv(lossCurves(training())).split('\n');
    REQUIRE(lines.size() == 1 + 200 + 1); // the held-out points share their steps with others
    for (const QString& line : lines.mid(0, 201))
        CHECK(line.count(',') == 5);
    CHECK(lines[1] == "10,10000,5.98,,64,0.001");
    CHECK(lines[10] == "100,100000,5.8,4.4,64,0.001");
    CHECK(lines[201].isEmpty());
    const TrainingEntry alone[] = {entryAt(Kind::Step, 10, 5), entryAt(Kind::HeldOut, 15, 4),
                                   entryAt(Kind::Step, 20, 3)};
    CHECK(toCsv(lossCurves(alone)).split('\n')[2] == "15,15000,,4,,");
    CHECK(toCsv({}).count('\n') == 1);
}

TEST_CASE("Tokens are counted in words that fit under a tick", "[views.charts]") {
    CHECK(tokenCountText(0) == "0");
    CHECK(tokenCountText(950) == "950");
    CHECK(tokenCountText(20480) == "20.5 k");
    CHECK(tokenCountText(999'400) == "999 k");
    CHECK(tokenCountText(1'000'000) == "1 M");
    CHECK(tokenCountText(1.25e9) == "1.25 G");
}

TEST_CASE("Both losses are drawn where they belong, linear and logarithmic", "[views.charts]") {
    LossChart chart;
    chart.resize(900, 420);
    chart.setCurves(lossCurves(training()));
    for (const bool logarithmic : {false, true}) {
        INFO(logarithmic);
        chart.setLogTokens(logarithmic);
        const QRect area = chart.plotArea().toRect();
        const double quarter = chart.pixelAt(500'000);
        if (logarithmic)
            CHECK(quarter > area.left() + area.width() * 0.7);
        else
            CHECK(quarter == Approx(area.left() + area.width() / 4.0));
        CHECK(chart.pixelAt(2'000'000) == Approx(area.right() + 1));
        const QImage image = chart.renderToImage(chart.size());
        CHECK(pixelsLike(image, theme().planB, area) > 100);
        CHECK(pixelsLike(image, theme().planA, area) > 300);
        // The held-out curve begins with its first point, a twentieth into the linear axis.
        const int before = qRound(chart.pixelAt(90'000));
        CHECK(pixelsLike(image, theme().planB, QRect(area.topLeft(), QPoint(before, area.bottom()))) == 0);
    }
    CHECK(chart.describe(503'000).contains("step 500"));
    CHECK(chart.describe(503'000).contains("training 5.000"));
    CHECK(chart.describe(503'000).contains("held-out text 4.000 at 500 k"));
    CHECK(chart.describe(-5).contains("step 10"));
    CHECK(chart.describe(1e12).contains("step 2000"));
}

TEST_CASE("A chart with nothing, one point or one curve is drawn all the same", "[views.charts]") {
    LossChart chart;
    chart.resize(500, 300);
    chart.setEmptyText("nothing yet");
    CHECK_FALSE(chart.grab().isNull());
    CHECK(chart.describe(0).isEmpty());
    for (const bool logarithmic : {false, true}) {
        chart.setLogTokens(logarithmic);
        for (const Kind kind : {Kind::Step, Kind::HeldOut}) {
            TrainingEntry one = entryAt(kind, 1, 5);
            chart.setCurves(lossCurves(std::span<const TrainingEntry>(&one, 1)));
            QTest::mouseMove(&chart, QPoint(250, 150));
            CHECK_FALSE(chart.grab().isNull());
            CHECK(std::isfinite(chart.pixelAt(1000)));
            one.tokens = 0; // before the first step was counted
            chart.setCurves(lossCurves(std::span<const TrainingEntry>(&one, 1)));
            CHECK(std::isfinite(chart.pixelAt(0)));
        }
    }
}
