#include "views/maps/sharing_diagram.h"

#include <catch2/catch.hpp>

#include <QApplication>
#include <QImage>
#include <QSignalSpy>
#include <QTest>

#include "views/theme.h"

using namespace fovea;

namespace {

SharingLayers plan(const std::vector<int>& sources, const char* note = "") {
    SharingLayers layers;
    layers.plan = "share=layers";
    layers.note = note;
    layers.tokens = 512;
    for (int i = 0; i < std::ssize(sources); ++i)
        layers.layers.push_back({sources[i], sources[i] == i ? 262'144 : 0, 262'144});
    layers.held = {layers.owners() * 262'144, layers.owners() * 262'144};
    layers.moved = {std::ssize(sources) * 262'144, std::nullopt};
    return layers;
}

int pixels(const QImage& image, const QRect& area, const QColor& color) {
    int n = 0;
    for (int y = area.top(); y <= area.bottom(); ++y)
        for (int x = area.left(); x <= area.right(); ++x)
            n += image.pixelColor(x, y) == color ? 1 : 0;
    return n;
}

} // namespace

TEST_CASE("A layer that borrows has no bar of held bytes, and one of reads", "[views.maps]") {
    SharingDiagram diagram;
    diagram.resize(330, 420);
    diagram.setPlans({}, plan({0, 0, 2}));
    const QImage image = diagram.renderToImage(diagram.size());
    const auto half = [&](int layer, bool reads) {
        const QRect row = diagram.rowRect(layer).toAlignedRect();
        const int middle = 216; // between the two columns of bars
        return reads ? QRect(QPoint(middle, row.top()), row.bottomRight())
                     : QRect(QPoint(104, row.top()), QPoint(middle, row.bottom()));
    };
    for (const int owner : {0, 2})
        CHECK(pixels(image, half(owner, false), theme().planB) > 200);
    CHECK(pixels(image, half(1, false), theme().planB) == 0);
    CHECK(pixels(image, half(1, true), mixed(theme().panel, theme().planB, .45)) > 200);
}

TEST_CASE("A click or a key picks a layer, once", "[views.maps]") {
    SharingDiagram diagram;
    diagram.resize(330, 420);
    diagram.setPlans({}, plan({0, 0, 2, 2}));
    diagram.show();
    QSignalSpy picked(&diagram, &SharingDiagram::layerPicked);
    const QPoint at = diagram.rowRect(2).center().toPoint();
    QTest::mouseClick(&diagram, Qt::LeftButton, {}, at);
    QTest::mouseClick(&diagram, Qt::LeftButton, {}, at);
    REQUIRE(picked.count() == 1);
    CHECK(picked[0][0].toInt() == 2);
    QTest::keyClick(&diagram, Qt::Key_Down);
    QTest::keyClick(&diagram, Qt::Key_Down); // there is no layer below
    QTest::keyClick(&diagram, Qt::Key_Home);
    REQUIRE(picked.count() == 3);
    CHECK(picked[1][0].toInt() == 3);
    CHECK(picked[2][0].toInt() == 0);
    QTest::mouseClick(&diagram, Qt::LeftButton, {}, QPoint(2, 2));
    CHECK(picked.count() == 3);
}

TEST_CASE("The table has both plans, layer by layer", "[views.maps]") {
    SharingDiagram diagram;
    diagram.setPlans(plan({0, 1}), plan({0, 0}));
    const QStringList lines = diagram.toCsv().split('\n', Qt::SkipEmptyParts);
    REQUIRE(lines.size() == 5);
    CHECK(lines[0] == "plan,layer,source,held_bytes_formula,read_bytes_formula");
    CHECK(lines[2] == "A,1,1,262144,262144");
    CHECK(lines[4] == "B,1,0,0,262144");
}

TEST_CASE("Every number of layers fits its view, and none is an empty view", "[views.maps]") {
    SharingDiagram diagram;
    for (const int layers : {0, 1, 5, 32, 126}) {
        std::vector<int> sources;
        for (int i = 0; i < layers; ++i)
            sources.push_back(i / 2 * 2);
        diagram.setPlans({}, plan(sources, "untrained conversion"));
        for (const QSize size : {QSize(220, 160), QSize(330, 480), QSize(900, 1200)}) {
            diagram.resize(size);
            CHECK_FALSE(diagram.renderToImage(size).isNull());
            if (layers > 0)
                CHECK(diagram.rowRect(layers - 1).bottom() < std::max(160, size.height()) + layers);
        }
    }
}

TEST_CASE("Sharing diagram previews", "[.sharing-preview]") {
    SharingDiagram diagram;
    const QString folder = qEnvironmentVariable("FOVEA_SCREENS", ".");
    const std::vector<std::pair<const char*, std::vector<int>>> maps = {
        {"cla2", {0, 1, 1, 3, 3}},
        {"front", {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 19}},
        {"own", {0, 1, 2, 3, 4}}};
    for (const ThemeKind kind : {ThemeKind::Dark, ThemeKind::Light}) {
        setTheme(*qApp, kind);
        for (const auto& [name, sources] : maps) {
            std::vector<int> own(sources.size());
            for (int i = 0; i < std::ssize(own); ++i)
                own[static_cast<std::size_t>(i)] = i;
            diagram.setPlans(plan(own),
                             plan(sources, "untrained conversion: this model was not trained to share"));
            diagram.setSelected(1);
            diagram.renderToImage({330, 480})
                .save(QStringLiteral("%1/sharing_%2_%3.png")
                          .arg(folder, QLatin1String(name), kind == ThemeKind::Dark ? "dark" : "light"));
        }
    }
}
