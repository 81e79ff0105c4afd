#include <catch2/catch.hpp>

#include "views/maps/map_transform.h"

using namespace fovea;

namespace {

MapTransform transformOf(std::int64_t n, QRect area) {
    MapTransform view;
    view.rows = view.columns = n;
    view.setArea(area);
    view.fit();
    return view;
}

} // namespace

TEST_CASE("A cell's centre leads back to the cell at every zoom", "[views.maps]") {
    MapTransform view = transformOf(300, QRect(50, 20, 641, 433));
    for (int notch = 0; notch < 12; ++notch) {
        for (std::int64_t query = view.firstQuery(); query < view.endQuery(); query += 3)
            for (std::int64_t key = view.firstKey(); key < view.endKey(); key += 7) {
                const QPointF centre = view.centreOf(query, key);
                if (view.area.contains(centre.toPoint()) &&
                    view.area.contains(QPoint(int(centre.x()), int(centre.y()))))
                    REQUIRE(view.cellAt(centre) == QPoint(static_cast<int>(key), static_cast<int>(query)));
            }
        view.zoom({300, 200}, 1.31, 1.27);
        view.pan({-13.5, 4.25});
    }
    CHECK(view.cellAt({10, 10}) == QPoint(-1, -1));
}

TEST_CASE("Zooming keeps the cell under the cursor, panning moves by whole cells", "[views.maps]") {
    MapTransform view = transformOf(1000, QRect(40, 10, 500, 500));
    const QPointF cursor(333, 222);
    const QPoint before = view.cellAt(cursor);
    view.zoom(cursor, 8, 8);
    const QPoint after = view.cellAt(cursor);
    CHECK(std::abs(after.x() - before.x()) <= 1);
    CHECK(std::abs(after.y() - before.y()) <= 1);
    CHECK_FALSE(view.isFit());
    view.pan({-4 * view.keyScale, 0});
    CHECK(view.cellAt(cursor).x() == after.x() + 4);
}

TEST_CASE("A view never leaves the map and never shrinks below it", "[views.maps]") {
    MapTransform view = transformOf(100, QRect(0, 0, 400, 300));
    view.zoom({200, 150}, 0.01, 0.01);
    CHECK(view.isFit());
    view.zoom({0, 0}, 4, 4);
    view.pan({1e6, 1e6});
    CHECK(view.firstKey() == 0);
    view.pan({-1e6, -1e6});
    CHECK(view.endKey() == 100);
    CHECK(view.endQuery() == 100);
    view.zoom({1, 1}, 1e9, 1e9);
    CHECK(view.keyScale <= 64);
}

TEST_CASE("A range asked for is the range shown, and stays so when the widget grows", "[views.maps]") {
    MapTransform view = transformOf(508, QRect(0, 0, 613, 447));
    view.showRange(380, 508, 100, 301);
    const auto check = [&view] {
        CHECK(view.firstQuery() == 380);
        CHECK(view.endQuery() == 508);
        CHECK(view.firstKey() == 100);
        CHECK(view.endKey() == 301);
    };
    check();
    view.setArea(QRect(10, 10, 901, 777));
    check();
    view.scrollTo(10);
    CHECK(view.firstQuery() == 10);
}
