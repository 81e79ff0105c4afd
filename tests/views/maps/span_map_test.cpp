// The span map: what an edit makes of a plan, what a mouse and keys do, and pictures to look at.
#include <catch2/catch.hpp>

#include <QApplication>
#include <QDir>
#include <QMouseEvent>
#include <QPainter>
#include <QSignalSpy>
#include <QTest>
#include <QToolButton>

#include "views/charts/span_lines.h"
#include "views/maps/span_map_view.h"
#include "views/panel_frame.h"
#include "views/panels/span_panel.h"
#include "views/theme.h"

using namespace fovea;

namespace {

constexpr SpanShape kShape{.layers = 3, .heads = 4, .group = 2, .context = 1024};

MoaParams small(const MoaSpan& all = {0, 0.5}) {
    MoaParams params;
    params.all = all;
    params.sinks = 4, params.block = 8, params.minimum = 16;
    return params;
}

struct Shown {
    SpanMapView map;
    MoaParams last;
    int edits = 0, finished = 0;
    QStringList names;

    Shown() {
        map.setShape(kShape);
        map.setParams(small());
        map.setTokens(800);
        map.resize(420, 300);
        map.show();
        QObject::connect(&map, &SpanMapView::edited, [this](const MoaParams& params, const QString& what) {
            last = params;
            ++edits;
            names << what;
        });
        QObject::connect(&map, &SpanMapView::editFinished, [this] { ++finished; });
    }
    void drag(const SpanTarget& target, int up) {
        const QPoint at = map.rectOf(target).center().toPoint();
        QTest::mousePress(&map, Qt::LeftButton, {}, at);
        for (int y = 0; y != up; y += up > 0 ? 1 : -1) {
            QMouseEvent move(QEvent::MouseMove, at - QPoint(0, y + (up > 0 ? 1 : -1)),
                             map.mapToGlobal(at - QPoint(0, y)), Qt::NoButton, Qt::LeftButton, {});
            QApplication::sendEvent(&map, &move);
        }
        QTest::mouseRelease(&map, Qt::LeftButton, {}, at - QPoint(0, up));
    }
};

void save(const QImage& image, const QString& name) {
    const QString folder = QStringLiteral(FOVEA_SOURCE_DIR "/out/preview");
    QDir().mkpath(folder);
    REQUIRE(image.save(folder + QLatin1Char('/') + name + QStringLiteral(".png")));
}

} // namespace

TEST_CASE("An edit of all heads that have one span leaves them one", "[views.maps]") {
    const MoaParams after = moved(small(), kShape, {}, SpanPart::Alpha, 3);
    CHECK_FALSE(after.spans);
    CHECK(after.all == MoaSpan{24, 0.5});
    CHECK(moved(small(), kShape, {}, SpanPart::Beta, 100).all.beta == 1);
    CHECK(moved(small(), kShape, {}, SpanPart::Beta, -100).all.beta == 0);
    CHECK(moved(small(), kShape, {1, 2}, SpanPart::Alpha, 0) == small());
}

TEST_CASE("An edit of one head, a layer or a head of all layers moves those alone, and leaves the file",
          "[views.maps]") {
    MoaParams from = moved(small(), kShape, {2, 3}, SpanPart::Beta, 4);
    REQUIRE(from.spans);
    from.file = "plan.json";
    for (const SpanTarget target : {SpanTarget{1, 2}, SpanTarget{1, -1}, SpanTarget{-1, 2}, SpanTarget{}}) {
        const MoaParams after = moved(from, kShape, target, SpanPart::Alpha, -2);
        CHECK(after.file.empty());
        for (int layer = 0; layer < 3; ++layer)
            for (int head = 0; head < 4; ++head) {
                const MoaSpan &before = from.of(layer, head), &now = after.of(layer, head);
                CHECK(now.beta == before.beta);
                CHECK(now.alpha == before.alpha - (target.holds(layer, head) ? 16 : 0));
            }
    }
    CHECK(from.of(2, 3).beta == 0.625); // what was shared did not change
}

TEST_CASE("What a group holds is its longest span, and costs more than the mean", "[views.maps]") {
    const MoaParams params = moved(small({0, 0}), kShape, {0, 1}, SpanPart::Beta, 32);
    CHECK(heldAt(params, kShape, 0, 0, 800) == 800);
    CHECK(heldAt(params, kShape, 0, 2, 800) == 16);
    const SpanShares shares = sharesAt(params, kShape, 800);
    CHECK(shares.seen == Approx((800 + 11 * 16) / (12. * 800)));
    CHECK(shares.held == Approx((2 * 800 + 10 * 16) / (12. * 800)));
}

TEST_CASE("A drag edits what it began on, under one name, and ends once", "[views.maps]") {
    Shown s;
    s.drag({1, 2}, 20);
    REQUIRE(s.edits > 0);
    CHECK(s.finished == 1);
    CHECK(s.names.count(s.names.front()) == s.names.size());
    CHECK(s.last.of(1, 2).alpha == 32);
    CHECK(s.last.of(1, 1).alpha == 0);

    s.map.setDragged(SpanPart::Beta);
    s.drag({2, -1}, -10);
    CHECK(s.last.of(2, 0).beta == Approx(0.5 - 2 / 32.));
    CHECK(s.last.of(2, 3).beta == Approx(0.5 - 2 / 32.));
    CHECK(s.last.of(1, 3).beta == 0.5);
    CHECK(s.map.target() == SpanTarget{2, -1});
    // A click is no edit, and picks the head.
    QSignalSpy picked(&s.map, &SpanMapView::headPicked);
    const int before = s.edits;
    s.drag({0, 3}, 0);
    CHECK(s.edits == before);
    CHECK(s.finished == 2);
    REQUIRE(picked.count() == 1);
    CHECK(picked.front()[1].toInt() == 3);
}

TEST_CASE("Keys aim and edit", "[views.maps]") {
    Shown s;
    QTest::keyClick(&s.map, Qt::Key_Right);
    QTest::keyClick(&s.map, Qt::Key_Down);
    CHECK(s.map.target() == SpanTarget{1, 1});
    QTest::keyClick(&s.map, Qt::Key_Plus);
    CHECK(s.last.of(1, 1).alpha == 8);
    QTest::keyClick(&s.map, Qt::Key_L);
    QTest::keyClick(&s.map, Qt::Key_Minus);
    CHECK(s.last.of(1, 1).alpha == 0);
    CHECK(s.last.of(1, 0).alpha == -8);
    CHECK(s.last.of(0, 0).alpha == 0);
    QTest::keyClick(&s.map, Qt::Key_A);
    CHECK(s.map.target().all());
    CHECK(s.finished == 2);
}

TEST_CASE("The map follows N, and is empty where a plan has no spans", "[views.maps]") {
    Shown s;
    const QImage at800 = s.map.renderToImage({420, 300});
    s.map.setTokens(100);
    CHECK(s.map.renderToImage({420, 300}) != at800);
    s.map.setTokens(0);
    CHECK(s.map.tokens() == 1024);
    CHECK(s.map.toCsv().count(QLatin1Char('\n')) == 13);
    s.map.setParams(std::nullopt);
    s.drag({1, 2}, 20);
    QTest::keyClick(&s.map, Qt::Key_Plus);
    CHECK(s.edits == 0);
}

TEST_CASE("The panel says where spans are kept, and asks to load and to save", "[views.maps]") {
    PanelFrame frame(QStringLiteral("Span map"));
    auto* panel = new SpanPanel;
    frame.setContent(panel);
    panel->furnish(&frame);
    panel->setShape(kShape);
    panel->setParams(small());
    CHECK(frame.subtitle() == QStringLiteral("all alike"));
    MoaParams own = moved(small(), kShape, {0, 0}, SpanPart::Alpha, 1);
    panel->setParams(own);
    CHECK(frame.subtitle() == QStringLiteral("unsaved"));
    own.file = "/plans/vicuna-7b.json";
    panel->setParams(own);
    CHECK(frame.subtitle() == QStringLiteral("vicuna-7b.json"));
}

TEST_CASE("Span map, drawn", "[views.maps][preview]") {
    for (const ThemeKind kind : {ThemeKind::Dark, ThemeKind::Light}) {
        setTheme(*qApp, kind);
        const QString suffix = kind == ThemeKind::Dark ? QStringLiteral("_dark") : QStringLiteral("_light");
        for (const SpanShape& shape : {SpanShape{5, 4, 2, 1024}, SpanShape{32, 32, 1, 16384}}) {
            MoaParams params = small();
            if (shape.layers > 8)
                params = MoaParams{};
            for (int layer = 0; layer < shape.layers; ++layer)
                for (int head = 0; head < shape.heads; ++head) {
                    const int rule = (layer * 7 + head * (layer % 3 + 1)) % 5;
                    params =
                        moved(params, shape, {layer, head}, SpanPart::Beta, rule < 3 ? -12 : rule * 4 - 12);
                    params = moved(params, shape, {layer, head}, SpanPart::Alpha, rule == 1 ? 16 : 0);
                }
            SpanPanel panel;
            panel.setShape(shape);
            panel.setParams(params);
            panel.setTokens(shape.context * 3 / 5);
            panel.setSelected(1, 2);
            for (const QSize size : {QSize(330, 560), QSize(960, 420)}) {
                QImage image(size, QImage::Format_RGB32);
                QPainter painter(&image);
                panel.paintInto(painter, size);
                painter.end();
                save(image, QStringLiteral("spans_%1_%2%3").arg(shape.layers).arg(size.width()).arg(suffix));
            }
        }
    }
    setTheme(*qApp, ThemeKind::Dark);
}
