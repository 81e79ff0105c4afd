#include <catch2/catch.hpp>

#include <QApplication>
#include <QSignalSpy>
#include <QTest>
#include <QWheelEvent>
#include <algorithm>
#include <ctime>
#include <utility>
#include <vector>

#include "tests/views/support/synthetic_head.h"
#include "views/maps/head_map_view.h"
#include "views/theme.h"

using namespace fovea;

namespace {

std::shared_ptr<const HeadMapData> smallHead() {
    static const auto data = makeHeadMapData(testing::makeHead({}));
    return data;
}

void open(HeadMapView& view, QSize size = {700, 500}) {
    view.resize(size);
    view.show();
    view.setData(smallHead());
    QApplication::processEvents();
}

} // namespace

TEST_CASE("A right click picks the query and the key under it", "[views.maps]") {
    HeadMapView view;
    open(view);
    QSignalSpy queries(&view, &HeadMapView::queryPicked), keys(&view, &HeadMapView::keyPicked);
    const QPoint at = view.positionOf(200, 40).toPoint();
    const QPoint cell = view.cellAt(at);
    QTest::mouseClick(&view, Qt::RightButton, {}, at);
    REQUIRE(queries.count() == 1);
    REQUIRE(keys.count() == 1);
    CHECK(queries[0][0].toInt() == cell.y());
    CHECK(keys[0][0].toInt() == cell.x());
    CHECK(std::abs(cell.y() - 200) <= 1);
    CHECK(view.query() == cell.y());
    // Above the diagonal there is a query but no key.
    QTest::mouseClick(&view, Qt::RightButton, {}, view.positionOf(10, 200).toPoint());
    CHECK(queries.count() == 2);
    CHECK(keys.count() == 1);
    // Outside the map there is neither.
    QTest::mouseClick(&view, Qt::RightButton, {}, QPoint(2, 2));
    CHECK(queries.count() == 2);
}

TEST_CASE("Arrows nudge the query and the key and stop at the ends", "[views.maps]") {
    HeadMapView view;
    open(view);
    view.setQuery(254);
    QSignalSpy queries(&view, &HeadMapView::queryPicked), keys(&view, &HeadMapView::keyPicked);
    QTest::keyClick(&view, Qt::Key_Down);
    QTest::keyClick(&view, Qt::Key_Down); // already the last
    QTest::keyClick(&view, Qt::Key_Up);
    QTest::keyClick(&view, Qt::Key_PageUp);
    REQUIRE(queries.count() == 3);
    CHECK(queries[0][0].toInt() == 255);
    CHECK(queries[1][0].toInt() == 254);
    CHECK(queries[2][0].toInt() == 238);
    view.setKey(3);
    QTest::keyClick(&view, Qt::Key_Right);
    REQUIRE(keys.count() == 1);
    CHECK(keys[0][0].toInt() == 4);
    QSignalSpy goTo(&view, &HeadMapView::goToRequested);
    QTest::keyClick(&view, Qt::Key_G, Qt::ControlModifier);
    CHECK(goTo.count() == 1);
}

TEST_CASE("The wheel zooms about the cursor, F fits again, a drag pans without picking", "[views.maps]") {
    HeadMapView view;
    open(view);
    const QString whole = view.rangeText();
    CHECK(whole == QStringLiteral("rows: queries 0–255, columns: keys 0–255"));
    const QPointF cursor = view.positionOf(220, 100);
    const QPoint before = view.cellAt(cursor);
    QWheelEvent wheel(cursor, view.mapToGlobal(cursor), {}, {0, 480}, Qt::NoButton, {}, Qt::NoScrollPhase,
                      false);
    QApplication::sendEvent(&view, &wheel);
    CHECK(view.rangeText() != whole);
    CHECK((view.cellAt(cursor) - before).manhattanLength() <= 2);

    QSignalSpy queries(&view, &HeadMapView::queryPicked);
    const QString zoomed = view.rangeText();
    QTest::mousePress(&view, Qt::LeftButton, {}, cursor.toPoint());
    QTest::mouseMove(&view, cursor.toPoint() + QPoint(60, 30));
    QTest::mouseMove(&view, cursor.toPoint() + QPoint(120, 60));
    QTest::mouseRelease(&view, Qt::LeftButton, {}, cursor.toPoint() + QPoint(120, 60));
    CHECK(view.rangeText() != zoomed);
    CHECK(queries.count() == 0);
    QTest::keyClick(&view, Qt::Key_F);
    CHECK(view.rangeText() == whole);
    QTest::keyClick(&view, Qt::Key_D);
    CHECK(view.rangeText() == QStringLiteral("rows: queries 184–255, columns: keys 0–255"));
}

TEST_CASE("New data of the same length leave the view where it was", "[views.maps]") {
    HeadMapView view;
    open(view);
    view.showRange(200, 240, 10, 90);
    const QString range = view.rangeText();
    testing::HeadShape other;
    other.seed = 2;
    view.setData(makeHeadMapData(testing::makeHead(other)));
    CHECK(view.rangeText() == range);
    view.setData(nullptr);
    CHECK(view.rangeText().isEmpty());
    CHECK(view.toCsv() == QStringLiteral("layer,head,query,key,weight,read,evicted\n"));
    view.grab(); // the empty state draws
}

TEST_CASE("The plan's overlay changes pixels, the causal side stays background", "[views.maps]") {
    HeadMapView view;
    open(view);
    view.setQuery(-1);
    const HeadMapData& data = *smallHead();
    view.showRange(230, 249, 0, 39); // cells wide enough to look into their middle
    const QImage with = view.grab().toImage();
    view.setOverlayVisible(false);
    view.showRange(230, 249, 0, 39);
    int read = 0, unread = 0;
    const QImage without = view.grab().toImage();
    std::vector<QRgb> plain;
    for (int key = 0; key < 40; ++key)
        plain.push_back(without.pixel(view.positionOf(240, key).toPoint()));
    view.setOverlayVisible(true);
    view.showRange(230, 249, 0, 39);
    for (int key = 0; key < 40; ++key) {
        const bool same =
            with.pixel(view.positionOf(240, key).toPoint()) == plain[static_cast<std::size_t>(key)];
        CHECK(same == data.reads(240, key));
        (data.reads(240, key) ? read : unread) += 1;
    }
    CHECK(read > 0);
    CHECK(unread > 0);
    view.fit();
    const QImage whole = view.grab().toImage();
    CHECK(whole.pixelColor(view.positionOf(100, 150).toPoint()) == theme().causal);
    CHECK(whole.pixelColor(view.positionOf(20, 240).toPoint()) == theme().causal);
    CHECK(whole.pixelColor(view.positionOf(100, 50).toPoint()) != theme().causal);
}

TEST_CASE("A cell is described in one sentence, whatever its tokens hold", "[views.maps]") {
    HeadMapView view;
    open(view);
    std::vector<QString> tokens(256, QStringLiteral("x"));
    tokens[240] = QStringLiteral(" %1");
    tokens[7] = QStringLiteral("\n");
    view.setTokens(tokens);
    view.setPlanLabel(QStringLiteral("B"));
    const QString text = view.describe(240, 7);
    CHECK(text.startsWith(QStringLiteral("query 240 \" %1\" → key 7 \"↵\": weight ")));
    CHECK(text.contains(smallHead()->reads(240, 7) ? QStringLiteral(", read by B: yes")
                                                   : QStringLiteral(", read by B: no")));
    CHECK(view.describe(100, 7).endsWith(QStringLiteral(", row read dense")));
    CHECK(view.describe(7, 240).isEmpty());
    const QPoint row = view.positionOf(240, 0).toPoint(), column = view.positionOf(255, 255).toPoint();
    CHECK(view.describeAt(row).startsWith(QStringLiteral("query 240 ")));
    CHECK(view.describeAt({column.x() + 30, row.y()}).startsWith(QStringLiteral("query 240: missed ")));
    int reads = 0;
    for (int query = 192; query < 256; ++query)
        reads += smallHead()->reads(query, 0) ? 1 : 0;
    const auto share = QStringLiteral("key 0: read by B for %1 % of the planned queries in view")
                           .arg(reads * 100.0 / 64, 0, 'f', 0);
    CHECK(view.describeAt({row.x(), column.y() + 5}).toStdString() == share.toStdString());
    CHECK(view.describeAt({1, 1}).isEmpty());
    CHECK(view.describe(256, 0).isEmpty());
}

TEST_CASE("The CSV holds the cells in view, each with its weight and whether it was read", "[views.maps]") {
    HeadMapView view;
    open(view);
    view.showRange(240, 255, 0, 255);
    const QStringList lines = view.toCsv().split(QLatin1Char('\n'), Qt::SkipEmptyParts);
    REQUIRE(lines.size() == 1 + (241 + 256) * 16 / 2);
    const HeadMap& map = *smallHead()->map;
    int read = 0;
    double sum = 0;
    for (int i = 1; i <= 241; ++i) {
        const QStringList fields = lines[i].split(QLatin1Char(','));
        REQUIRE(fields.size() == 7);
        CHECK(fields[6] == "0"); // nothing was evicted
        CHECK(fields[2].toInt() == 240);
        CHECK(fields[3].toInt() == i - 1);
        CHECK(fields[4].toFloat() == map.weights[static_cast<std::size_t>(240 * 256 + i - 1)]);
        read += fields[5].toInt();
        sum += fields[4].toDouble();
    }
    CHECK(read == 24);
    CHECK(sum == Approx(1).margin(1e-4));
}

TEST_CASE("A key that left the cache is told from one that was merely not read", "[views.maps]") {
    auto map = std::make_shared<HeadMap>(*testing::makeHead({}));
    map->gone.assign(256, 256);
    std::int32_t gone = -1, unread = -1;
    for (std::int32_t key = 40; key < 60; ++key) // two neighbours that query 240 does not read
        if (!smallHead()->reads(240, key) && !smallHead()->reads(240, key + 1))
            gone = key, unread = key + 1;
    REQUIRE(gone >= 0);
    map->gone[static_cast<std::size_t>(gone)] = 230;
    HeadMapView view;
    open(view, {1200, 700});
    view.setData(makeHeadMapData(map));
    CHECK(view.describe(240, gone).endsWith(": no, evicted"));
    CHECK(view.describe(240, unread).endsWith(": no"));
    CHECK_FALSE(view.describe(229, gone).contains("evicted"));

    view.setQuery(-1);
    view.showRange(232, 247, gone - 4, gone + 11);
    const auto darkest = [&](int key) { // of a cell: the hatch's lines are lighter than its ground
        const QImage picture = view.grab().toImage();
        const QPoint middle = view.positionOf(240, key).toPoint();
        int least = 255;
        for (int dx = -3; dx <= 3; ++dx)
            least = std::min(least, qGray(picture.pixel(middle + QPoint(dx, 0))));
        return least;
    };
    const int hatched = darkest(gone);
    view.setData(smallHead());
    view.showRange(232, 247, gone - 4, gone + 11);
    CHECK(hatched < darkest(gone));
    map->gone.pop_back();
    CHECK(makeHeadMapData(map) == nullptr); // does not fit its tokens
}

TEST_CASE("An exported picture has the size asked for and the cells in view", "[views.maps]") {
    HeadMapView view;
    open(view);
    const QImage image = view.renderToImage({900, 640});
    CHECK(image.size() == QSize(900, 640));
    CHECK(image != view.grab().toImage());
    CHECK(HeadMapView().renderToImage({50, 40}).size() == QSize(50, 40));
}

// Printed, not checked: a machine under load would fail for no fault of the code. Processor time.
TEST_CASE("Time of new data and a repaint at 1024 tokens", "[views.maps][timing]") {
    testing::HeadShape shape;
    shape.tokens = 1024;
    shape.decodeFrom = 512;
    shape.chosen = 128;
    const auto map = testing::makeHead(shape);
    HeadMapView view;
    view.resize(700, 600);
    view.show();
    view.setData(makeHeadMapData(map));
    QImage target(view.size(), QImage::Format_RGB32);
    std::vector<double> build, paint, again;
    for (int i = 0; i < 20; ++i) {
        auto spent = [from = std::clock()]() mutable {
            const std::clock_t before = std::exchange(from, std::clock());
            return 1e3 * static_cast<double>(from - before) / CLOCKS_PER_SEC;
        };
        auto data = makeHeadMapData(map);
        build.push_back(spent());
        view.setData(std::move(data));
        view.render(&target);
        paint.push_back(spent());
        view.render(&target);
        again.push_back(spent());
    }
    const auto median = [](std::vector<double>& v) {
        std::sort(v.begin(), v.end());
        return v[v.size() / 2];
    };
    WARN("1024 tokens at 700x600: pyramid " << median(build) << " ms, setData and paint " << median(paint)
                                            << " ms, paint from tiles " << median(again) << " ms");
    CHECK_FALSE(target.isNull());
}
