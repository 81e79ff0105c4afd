// Pictures to look at, not to compare: `fovea_gui_tests "[preview]"` writes them to out/preview.
#include <catch2/catch.hpp>

#include <QApplication>
#include <QComboBox>
#include <QDir>
#include <QElapsedTimer>

#include "tests/views/support/synthetic_head.h"
#include "views/maps/atlas_view.h"
#include "views/maps/head_map_view.h"
#include "views/panel_frame.h"
#include "views/theme.h"
#include "views/tokens/token_strip.h"

using namespace fovea;

namespace {

QString folder() {
    const QString path = QStringLiteral(FOVEA_SOURCE_DIR "/out/preview");
    QDir().mkpath(path);
    return path + QLatin1Char('/');
}

void save(QWidget& widget, QSize size, const QString& name) {
    widget.resize(size);
    widget.show();
    QApplication::processEvents();
    REQUIRE(widget.grab().save(folder() + name + QStringLiteral(".png")));
}

std::vector<QString> words(int count) {
    const QStringList list =
        QStringLiteral("The prince said nothing . birch 12 . elm 44 . oak 57 . pine 08 . ash 91 . the "
                       "carriage rolled on through the snow and")
            .split(QLatin1Char(' '));
    std::vector<QString> tokens;
    for (int i = 0; i < count; ++i)
        tokens.push_back((i ? QStringLiteral(" ") : QString()) + list[i % list.size()]);
    return tokens;
}

void frameOf(PanelFrame& frame, HeadMapView* view) {
    frame.setContent(view);
    frame.setSubtitle(QStringLiteral("layer 5 · head 3 (KV 0)   ") + view->rangeText());
    frame.setNote(QStringLiteral("overlay: B's selection on A's weights"));
}

void previewAll(const QString& suffix) {
    testing::HeadShape shape;
    shape.tokens = 508;
    shape.decodeFrom = 412;
    shape.chosen = 64;
    shape.local = 16;
    shape.sink = 9;
    const auto data = makeHeadMapData(testing::makeHead(shape, 5, 3));
    for (const QString& name : {QStringLiteral("fit"), QStringLiteral("planned"), QStringLiteral("deep")}) {
        PanelFrame frame(QStringLiteral("Head map"));
        auto* view = new HeadMapView;
        view->setTokens(words(508));
        frame.setContent(view);
        frame.resize(756, 560);
        frame.show();
        QApplication::processEvents();
        view->setData(data);
        view->setQuery(name == QStringLiteral("deep") ? 425 : 507);
        if (name == QStringLiteral("planned"))
            view->showRange(380, 507, 0, 507);
        if (name == QStringLiteral("deep")) {
            view->showRange(405, 436, 390, 436);
            view->setKey(401);
        }
        frameOf(frame, view);
        save(frame, {756, 560}, QStringLiteral("head_map_") + name + suffix);
        if (name == QStringLiteral("planned"))
            REQUIRE(view->renderToImage({1000, 700})
                        .save(folder() + QStringLiteral("export") + suffix + QStringLiteral(".png")));
    }
    {
        PanelFrame frame(QStringLiteral("Head map"));
        frame.setContent(new HeadMapView);
        save(frame, {500, 300}, QStringLiteral("head_map_empty") + suffix);
    }

    auto heads = std::make_shared<std::vector<HeadSummary>>();
    for (int layer = 0; layer < 8; ++layer)
        for (int head = 0; head < 8; ++head) {
            testing::HeadShape small;
            small.tokens = 160;
            small.decodeFrom = 120;
            small.seed = static_cast<unsigned>(layer * 8 + head + 1);
            small.near = (layer * 5 + head * 3) % 4 * 0.7;
            small.match = (layer + head * 5) % 7 * 1.5;
            small.sink = (layer * 3 + head) % 5;
            heads->push_back(testing::makeSummary(*testing::makeHead(small, layer, head), 32));
        }
    for (const AtlasSort sort : {AtlasSort::Layout, AtlasSort::Missed}) {
        PanelFrame frame(QStringLiteral("Atlas"));
        auto* atlas = new AtlasView;
        frame.setSubtitle(QStringLiteral("layer × head"));
        frame.addHeaderWidget(atlas->createSortControl(nullptr));
        frame.setContent(atlas);
        atlas->setHeads(heads, 4);
        atlas->setSelected(5, 3);
        atlas->setSort(sort);
        save(frame, {330, 560}, QStringLiteral("atlas_%1").arg(static_cast<int>(sort)) + suffix);
    }
    {
        PanelFrame frame(QStringLiteral("Tokens"));
        frame.setSubtitle(
            QStringLiteral("412 prompt + 96 generated  ·  colour: read by B for the query at 507"));
        frame.setNote(QStringLiteral("query \" oak\" @ 507"));
        auto* strip = new TokenStrip;
        std::vector<TokenCell> cells;
        int at = 0;
        for (const QString& word : words(508)) {
            cells.push_back({word, at >= 412, 0.1F * static_cast<float>(at % 9), data->reads(507, at)});
            ++at;
        }
        cells[5].text = QStringLiteral("\n");
        cells[20].text = QStringLiteral(" ");
        cells[21].text = QStringLiteral("\x07");
        cells[22].text = QStringLiteral("ing");
        cells[0].text = QString();
        strip->setTokens(cells);
        frame.setContent(strip);
        strip->setPinned({12, 30});
        strip->setQuery(40);
        save(frame, {1100, 110}, QStringLiteral("tokens") + suffix);
        strip->setColour(TokenColour::Surprise);
        strip->setQuery(430);
        save(frame, {1100, 210}, QStringLiteral("tokens_surprise") + suffix);
    }
}

} // namespace

TEST_CASE("Previews of every view, dark and light", "[.preview]") {
    setTheme(*qApp, ThemeKind::Dark);
    previewAll(QStringLiteral("_dark"));
    setTheme(*qApp, ThemeKind::Light);
    previewAll(QStringLiteral("_light"));
    setTheme(*qApp, ThemeKind::Dark);
}
