#include <catch2/catch.hpp>

#include <QApplication>
#include <QComboBox>
#include <QSignalSpy>
#include <QTest>

#include "views/maps/atlas_view.h"
#include "views/theme.h"

using namespace fovea;

namespace {

// 3 layers of 4 heads; the figures rank head (1, 2) first by missed mass and (2, 3) by sink mass.
std::shared_ptr<const std::vector<HeadSummary>> someHeads() {
    auto heads = std::make_shared<std::vector<HeadSummary>>();
    for (int layer = 0; layer < 3; ++layer)
        for (int head = 0; head < 4; ++head) {
            HeadSummary summary;
            summary.layer = layer;
            summary.head = head;
            summary.side = 8;
            summary.thumbnail.assign(64, 0.1F);
            summary.missed = layer == 1 && head == 2 ? 0.2F : 0.001F * static_cast<float>(layer * 4 + head);
            summary.entropy = static_cast<float>(layer + head);
            summary.sink = static_cast<float>(layer * 4 + head) / 20;
            heads->push_back(summary);
        }
    return heads;
}

void open(AtlasView& atlas) {
    atlas.resize(330, 420);
    atlas.show();
    atlas.setHeads(someHeads(), 2);
    QApplication::processEvents();
}

} // namespace

TEST_CASE("A click on a thumbnail picks its head, once", "[views.maps]") {
    AtlasView atlas;
    open(atlas);
    QSignalSpy picked(&atlas, &AtlasView::headPicked);
    const QPoint at = atlas.cellRect(2, 1).center().toPoint();
    QTest::mouseClick(&atlas, Qt::LeftButton, {}, at);
    QTest::mouseClick(&atlas, Qt::LeftButton, {}, at);
    REQUIRE(picked.count() == 1);
    CHECK(picked[0][0].toInt() == 2);
    CHECK(picked[0][1].toInt() == 1);
    QTest::mouseClick(&atlas, Qt::LeftButton, {}, QPoint(1, 1));
    CHECK(picked.count() == 1);
}

TEST_CASE("Arrows walk through layers and heads", "[views.maps]") {
    AtlasView atlas;
    open(atlas);
    atlas.setSelected(0, 0);
    QSignalSpy picked(&atlas, &AtlasView::headPicked);
    QTest::keyClick(&atlas, Qt::Key_Right);
    QTest::keyClick(&atlas, Qt::Key_Down);
    QTest::keyClick(&atlas, Qt::Key_Up);
    QTest::keyClick(&atlas, Qt::Key_Up); // no layer above
    REQUIRE(picked.count() == 3);
    CHECK(picked[0] == QVariantList{0, 1});
    CHECK(picked[1] == QVariantList{1, 1});
    CHECK(picked[2] == QVariantList{0, 1});
}

TEST_CASE("Places stand in their layer's row, KV groups apart, and inside the widget", "[views.maps]") {
    AtlasView atlas;
    open(atlas);
    const QRectF a = atlas.cellRect(0, 0), b = atlas.cellRect(0, 1), c = atlas.cellRect(0, 2),
                 d = atlas.cellRect(1, 0);
    CHECK(a.top() == c.top());
    CHECK(d.top() > a.bottom());
    CHECK(c.left() - b.right() > b.left() - a.right());
    CHECK(QRectF(atlas.rect()).contains(atlas.cellRect(2, 3)));
    CHECK(atlas.cellRect(7, 0).isNull());
}

TEST_CASE("Sorted by a figure the largest comes first; the control and the view agree", "[views.maps]") {
    AtlasView atlas;
    open(atlas);
    QWidget parent;
    QComboBox* control = atlas.createSortControl(&parent);
    QSignalSpy sorted(&atlas, &AtlasView::sortChanged);
    control->setCurrentIndex(1);
    CHECK(atlas.sort() == AtlasSort::Missed);
    CHECK(sorted.count() == 1);
    CHECK(atlas.toCsv().split(QLatin1Char('\n'))[1].startsWith(QStringLiteral("1,2,1,0.2")));
    const QRectF first = atlas.cellRect(1, 2);
    const auto heads = someHeads();
    for (const HeadSummary& head : *heads) {
        const QRectF rect = atlas.cellRect(head.layer, head.head);
        CHECK(QRectF(atlas.rect()).contains(rect));
        CHECK((rect.top() > first.top() || rect.left() >= first.left()));
    }
    atlas.setSort(AtlasSort::Sink);
    CHECK(control->currentIndex() == 3);
    CHECK(atlas.toCsv().split(QLatin1Char('\n'))[1].startsWith(QStringLiteral("2,3,1,")));
}

TEST_CASE("A thumbnail is coloured below its diagonal and background above; the selection is outlined",
          "[views.maps]") {
    AtlasView atlas;
    open(atlas);
    atlas.setSelected(1, 1);
    const QImage image = atlas.grab().toImage();
    const QRectF rect = atlas.cellRect(0, 0);
    CHECK(image.pixelColor(QPointF(rect.right() - 4, rect.top() + 4).toPoint()) == theme().causal);
    CHECK(image.pixelColor(QPointF(rect.left() + 4, rect.bottom() - 4).toPoint()) != theme().causal);
    const QRectF selected = atlas.cellRect(1, 1);
    CHECK(image.pixelColor(QPointF(selected.center().x(), selected.top() - 1).toPoint()) == theme().accent);
    CHECK(image.pixelColor(QPointF(rect.center().x(), rect.top() - 1).toPoint()) != theme().accent);
    CHECK(atlas.renderToImage({400, 300}).size() == QSize(400, 300));
}

TEST_CASE("An atlas of nothing says what to do and picks nothing", "[views.maps]") {
    AtlasView atlas;
    open(atlas);
    atlas.setHeads(nullptr, 4);
    QSignalSpy picked(&atlas, &AtlasView::headPicked);
    atlas.grab();
    QTest::keyClick(&atlas, Qt::Key_Down);
    QTest::mouseClick(&atlas, Qt::LeftButton, {}, QPoint(100, 100));
    CHECK(picked.count() == 0);
    CHECK(atlas.cellRect(0, 0).isNull());
}

TEST_CASE("A plan that misses no more than sums round off has no bars", "[views.maps]") {
    AtlasView atlas;
    open(atlas);
    const auto orange = [&](float missed) {
        auto heads = std::make_shared<std::vector<HeadSummary>>(*someHeads());
        for (HeadSummary& head : *heads)
            head.missed = missed;
        atlas.setHeads(heads, 2);
        const QImage image = atlas.grab().toImage();
        int pixels = 0;
        for (int y = 0; y < image.height(); ++y)
            for (int x = 0; x < image.width(); ++x)
                pixels += image.pixelColor(x, y) == theme().planB ? 1 : 0;
        return pixels;
    };
    CHECK(orange(0.3F) > 100);
    CHECK(orange(2e-7F) == 0);
}
