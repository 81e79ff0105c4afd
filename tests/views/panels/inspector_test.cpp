#include <catch2/catch.hpp>

#include <QPainter>
#include <QSignalSpy>
#include <QTest>
#include <QToolButton>

#include <algorithm>
#include <ctime>
#include <limits>
#include <set>

#include <limits>

#include "tests/views/panels/stages_fixture.h"
#include "views/panel_frame.h"
#include "views/panels/inspector.h"
#include "views/panels/paper_card.h"
#include "views/panels/stages_paint.h"
#include "views/panels/stages_view.h"
#include "views/theme.h"

using namespace fovea;
using namespace fovea::testing;

namespace {

int pixelsOf(const QImage& image, const QColor& color) {
    int count = 0;
    for (int y = 0; y < image.height(); ++y)
        for (int x = 0; x < image.width(); ++x)
            count += image.pixelColor(x, y) == color;
    return count;
}

} // namespace

TEST_CASE("The inspector's CSV carries every number of the stages", "[views.panels]") {
    const auto stages = makeStages(MadeUpHead(32, 200), {.components = 8, .tokens = 64});
    Inspector inspector;
    inspector.setStages(stages);
    const auto lines = inspector.toCsv().split('\n', Qt::SkipEmptyParts);
    CHECK(lines.size() == 1 + 32 + 200 + 64 + 32);
    int kept = 0, chosen = 0;
    for (const auto& line : lines) {
        CHECK(line.count(',') == 4);
        kept += line.startsWith("q,") && line.endsWith(",1");
        chosen += line.startsWith("score") && line.endsWith(",1");
    }
    CHECK(kept == 8);
    CHECK(chosen == 64);
    const auto score = lines[1 + 32 + 17].split(',');
    CHECK(score[1] == "17");
    CHECK(score[2].toFloat() == Approx(stages->exact[17]));
    CHECK(score[3].toFloat() == Approx(stages->approximate[17]));
}

TEST_CASE("Pages are drawn by bound and best score, told by the pointer, and carried by the CSV", "[views.panels]") {
    auto stages = std::make_shared<QueryStages>(*makeStages(MadeUpHead(32, 200), {.components = 8, .tokens = 64}));
    stages->method = QueryStages::Method::Quest;
    stages->components.clear();
    for (int j = 0; j < 25; ++j)
        stages->pages.push_back({.bound = 0.1f * static_cast<float>(j) + 1,
                                 .exact = 0.1f * static_cast<float>(j),
                                 .chosen = j >= 17,
                                 .rows = 8,
                                 .oldest = 8 * j,
                                 .newest = 8 * j + 7});
    Inspector inspector;
    inspector.setStages(stages);
    int pages = 0, chosen = 0;
    for (const auto& line : inspector.toCsv().split('\n', Qt::SkipEmptyParts)) {
        pages += line.startsWith("page bound");
        chosen += line.startsWith("page bound") && line.endsWith(",1");
    }
    CHECK(pages == 25);
    CHECK(chosen == 8);

    // Somewhere in the second picture each of the 25 is found under the pointer.
    const auto picture = pictureOf(*stages);
    std::set<QString> found;
    for (int y = 0; y < 430; ++y)
        for (int x = 0; x < 320; ++x)
            if (const auto tip = stagesTip(QRectF(0, 0, 320, 430), picture, QPointF(x, y)); tip.startsWith("page "))
                found.insert(tip);
    CHECK(found.size() == 25);
    CHECK(found.contains("page 24, tokens 192 to 199: bound 3.4, best score 2.4, read"));
    CHECK(found.contains("page 0, tokens 0 to 7: bound 1, best score 0"));

    const auto drawn = inspector.renderToImage({320, 430});
    const int some = pixelsOf(drawn, theme().planB);
    for (PageStage& page : stages->pages)
        page.chosen = true;
    inspector.setStages(std::make_shared<QueryStages>(*stages));
    CHECK(pixelsOf(inspector.renderToImage({320, 430}), theme().planB) > some);
}

TEST_CASE("Weights are drawn heaviest first, each with its key", "[views.panels]") {
    const auto stages = makeStages(MadeUpHead(32, 200), {.components = 8, .tokens = 64});
    const auto picture = pictureOf(*stages);
    REQUIRE(picture.weights.size() == 64);
    CHECK(std::is_sorted(picture.weights.rbegin(), picture.weights.rend()));
    for (std::size_t i = 0; i < 64; ++i) {
        const auto at = std::find(stages->chosen.begin(), stages->chosen.end(), picture.keys[i]);
        REQUIRE(at != stages->chosen.end());
        CHECK(stages->weights[static_cast<std::size_t>(at - stages->chosen.begin())] == picture.weights[i]);
    }
}

TEST_CASE("With every component and every token all is orange and nothing is missed", "[views.panels]") {
    const auto stages = makeStages(MadeUpHead(16, 40), {.components = 16, .tokens = 40});
    REQUIRE(stages->missed == Approx(0).margin(1e-5));
    Inspector inspector;
    inspector.setStages(stages);
    const auto image = inspector.renderToImage({320, 430});
    CHECK(pixelsOf(image, theme().planB) > 500);
    CHECK(pixelsOf(image, theme().faint) == 0); // no bar of a component that was left out
    const auto fewer = makeStages(MadeUpHead(16, 40), {.components = 4, .tokens = 8});
    inspector.setStages(fewer);
    CHECK(pixelsOf(inspector.renderToImage({320, 430}), theme().faint) > 50);
}

TEST_CASE("A row read dense says so and shows the exact parts alone", "[views.panels]") {
    const auto stages = makeStages(MadeUpHead(32, 100), {}, false);
    Inspector inspector;
    inspector.setStages(stages);
    CHECK(stagesFooter(*stages).contains("read dense"));
    CHECK_FALSE(
        stagesFooter(*makeStages(MadeUpHead(32, 100), {.components = 8, .tokens = 16})).contains("dense"));
    const auto picture = pictureOf(*stages);
    CHECK(picture.weights.size() == 100);
    float sum = 0;
    for (const float weight : picture.weights)
        sum += weight;
    CHECK(sum == Approx(1));
    CHECK(pixelsOf(inspector.renderToImage({320, 430}), theme().planB) == 0);
}

TEST_CASE("Stages that are empty or do not fit together are drawn without harm", "[views.panels]") {
    Inspector inspector;
    inspector.setStages(nullptr);
    inspector.renderToImage({320, 430});
    CHECK(inspector.toCsv().count('\n') == 1);
    auto odd = std::make_shared<QueryStages>();
    odd->sparse = odd->guessed = true;
    inspector.setStages(odd);
    inspector.renderToImage({320, 430});
    odd = std::make_shared<QueryStages>(*makeStages(MadeUpHead(8, 1), {.components = 4, .tokens = 1}));
    odd->method = QueryStages::Method::Quest; // of no page
    inspector.setStages(odd);
    inspector.renderToImage({320, 430});
    odd->pages.push_back({.bound = std::numeric_limits<float>::quiet_NaN(),
                          .exact = -std::numeric_limits<float>::infinity()});
    inspector.setStages(odd);
    inspector.renderToImage({320, 430});
    odd = makeStages(MadeUpHead(8, 1), {.components = 4, .tokens = 1});
    odd->chosen.push_back(99);
    odd->components.push_back(-3);
    odd->output.clear();
    inspector.setStages(odd);
    inspector.renderToImage({320, 430});
    inspector.renderToImage({40, 30});
    inspector.toCsv();
}

TEST_CASE("Stages under a keep say what was evicted, and their table leaves its guess empty",
          "[views.panels]") {
    auto stages =
        std::make_shared<QueryStages>(*makeStages(MadeUpHead(32, 40), {.components = 8, .tokens = 16}));
    for (std::int32_t key = 4; key < 20; ++key) {
        stages->evicted.push_back(key);
        stages->approximate[static_cast<std::size_t>(key)] = std::numeric_limits<float>::quiet_NaN();
    }
    CHECK(stagesFooter(*stages).endsWith("16 evicted"));
    Inspector inspector;
    inspector.setStages(stages);
    const QImage guessed = inspector.renderToImage({320, 430});
    CHECK(inspector.toCsv().contains("score exact|approximate,4,"));
    CHECK_FALSE(inspector.toCsv().contains("nan"));
    auto kept = std::make_shared<QueryStages>(*stages);
    kept->guessed = false;
    inspector.setStages(kept);
    const QImage left = inspector.renderToImage({320, 430});
    CHECK(left != guessed);
    kept = std::make_shared<QueryStages>(*kept);
    kept->evicted.clear();
    inspector.setStages(kept);
    CHECK(inspector.renderToImage({320, 430}) != left); // the hatched ground is gone
}

TEST_CASE("The arrows ask for the neighbours and stop at the limits", "[views.panels]") {
    PanelFrame frame("");
    Inspector inspector;
    inspector.furnish(&frame);
    inspector.setStages(makeStages(MadeUpHead(32, 100), {.components = 8, .tokens = 16})); // query 99
    inspector.setTokenText(" oak");
    inspector.setQueryLimits(0, 99);
    CHECK(frame.subtitle() == "query 99 “oak” · L5 H3");
    QSignalSpy asked(&inspector, &Inspector::queryRequested);
    const auto arrows = frame.findChildren<QToolButton*>();
    REQUIRE(arrows.size() == 2);
    CHECK(arrows[0]->isEnabled());
    CHECK_FALSE(arrows[1]->isEnabled());
    arrows[0]->click();
    QTest::keyClick(&inspector, Qt::Key_Right);
    QTest::keyClick(&inspector, Qt::Key_Left);
    REQUIRE(asked.size() == 2);
    CHECK(asked[0][0].toLongLong() == 98);
}

TEST_CASE("Round ticks cover a signed range", "[views.panels]") {
    CHECK(ticksBetween(-2.1, 3.4, 4) == std::vector<double>{-2, 0, 2});
    CHECK(ticksBetween(0, 1, 2) == std::vector<double>{0, 0.5, 1});
    CHECK(ticksBetween(1, 1, 3).empty());
}

TEST_CASE("An inspector of 1024 tokens is updated and painted within a few milliseconds", "[views.panels]") {
    const MadeUpHead head(64, 1024);
    const auto stages = makeStages(head, {.components = 16, .tokens = 128});
    Inspector inspector;
    QImage image(320, 560, QImage::Format_ARGB32_Premultiplied);
    std::vector<double> times;
    for (int i = 0; i < 41; ++i) {
        const auto start = std::clock();
        inspector.setStages(stages);
        QPainter painter(&image);
        inspector.stagesView()->paintInto(painter, {320, 440});
        times.push_back(1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
    }
    std::sort(times.begin(), times.end());
    WARN("inspector, 1024 tokens: median " << times[20] << " ms, worst " << times[40] << " ms of CPU");
    CHECK(times[20] < 5);
}

TEST_CASE("The paper card says which figure is whose and hides without a paper", "[views.panels]") {
    Inspector inspector;
    CHECK(inspector.paperCard()->isHidden());
    inspector.setPaper({"SparQ Attention", "Ribar et al., 2023", "arXiv 2312.04985",
                        "S·r + 2·k·d + 4·d elements", "97.5 kB per step", ""});
    CHECK_FALSE(inspector.paperCard()->isHidden());
    const auto text = inspector.paperCard()->toText();
    CHECK(text.contains("Published: S·r"));
    CHECK(text.contains("Fovea moves: 97.5"));
    const auto narrow = inspector.paperCard()->heightForWidth(160),
               wide = inspector.paperCard()->heightForWidth(500);
    CHECK(narrow > wide);
    inspector.setPaper({});
    CHECK(inspector.paperCard()->isHidden());
}
