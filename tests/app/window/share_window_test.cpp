// Plans that share KV between layers, in the real window.
#include <catch2/catch.hpp>

#include <QAction>
#include <QDockWidget>
#include <QLabel>

#include "app/window/dock_panels.h"
#include "app/window/exports.h"
#include "app/window/loaded_model.h"
#include "tests/app/window/window_fixture.h"
#include "views/maps/sharing_diagram.h"
#include "views/panels/inspector.h"

using namespace fovea;
using namespace fovea::test;

namespace {

void planB(WindowFixture& f, const char* text) {
    REQUIRE(f.document().editPlan(Side::B, parsePlan(text), QStringLiteral("plan")).isEmpty());
}

QLabel& note(WindowFixture& f) {
    auto* found = f.window->findChild<QLabel*>("conversionNote");
    REQUIRE(found);
    return *found;
}

bool agrees(const std::shared_ptr<const Run>& run) {
    const Agreement agreement = formulaAgainstCounted(*run);
    return agreement.steps > 0 && agreement.agreeing == agreement.steps;
}

} // namespace

TEST_CASE("A shared plan is converted and run in the background, said to be untrained, and undone",
          "[window][share]") {
    WindowFixture f("the quick brown fox", {.layers = 4});
    REQUIRE(f.run(24));
    CHECK(note(f).isHidden());
    const auto before = f.controller().runs().b;
    planB(f, "share=cla:2 keep=streaming:sinks=2,window=9");
    // Until B has run so there is nothing to draw its heads from, and it says so.
    CHECK_FALSE(f.controller().head());
    REQUIRE(f.rest());
    const RunPair& runs = f.controller().runs();
    CHECK(runs.b->plan == f.document().plan(Side::B));
    CHECK(f.controller().comparisonCurrent());
    CHECK(agrees(runs.b));
    CHECK(runs.b->steps.back().held.counted.total() < runs.a->steps.back().held.counted.total() / 2);
    CHECK_FALSE(note(f).isHidden());
    CHECK(note(f).text().contains("untrained conversion"));

    f.document().undoStack().undo();
    REQUIRE(f.rest());
    CHECK(f.controller().runs().b->plan == before->plan);
    CHECK(note(f).isHidden());
    CHECK(f.controller().head());
}

TEST_CASE("Heads of a shared plan are drawn from its own run, and A - B from both", "[window][share]") {
    WindowFixture f("the quick brown fox", {.layers = 4});
    REQUIRE(f.run(24));
    planB(f, "share=cla:2,convert=first");
    REQUIRE(f.rest());
    Selection selection = f.document().selection();
    selection.layer = 3;
    selection.head = 1;
    f.document().select(selection);
    REQUIRE(f.rest());
    REQUIRE(f.controller().head());
    CHECK(f.controller().replaysB());
    const auto drawn = f.controller().head()->data;
    const Capture& own = *f.controller().runs().b->capture;
    CHECK(own.k(3, 0) == own.k(2, 0));
    const HeadMap expected =
        replayHead(own, f.controller().runs().b->capturedTokens, 3, 1, f.document().plan(Side::B),
                   f.document().decodeFrom(), std::atomic<bool>{false});
    CHECK(drawn->map->weights == expected.weights);
    // In mode A it is A's weights that are drawn, not B's.
    const HeadMap ofA = replayHead(*f.controller().runs().a->capture, drawn->map->tokens, 3, 1, {},
                                   f.document().decodeFrom(), std::atomic<bool>{false});
    CHECK(std::equal(ofA.weights.begin(), ofA.weights.end(), drawn->drawn()));

    f.controller().setMapMode(MapMode::Difference);
    REQUIRE(f.rest());
    const auto apart = f.controller().head()->data;
    REQUIRE(apart->difference.size() == ofA.weights.size());
    for (std::size_t i = 0; i < ofA.weights.size(); ++i)
        REQUIRE(apart->difference[i] == Approx(ofA.weights[i] - expected.weights[i]).margin(1e-6));
    CHECK(f.controller().summaries()->size() == 16);

    // Another read on the same share is replayed at once.
    planB(f, "share=cla:2,convert=first read=sparq:r=2,k=6");
    CHECK(f.controller().head());
    REQUIRE(f.rest());
    CHECK(f.window->views().inspector->stages()->guessed);
}

TEST_CASE("What a shared plan will hold is foretold in the window too", "[window][share]") {
    WindowFixture f("the quick brown fox", {.layers = 4});
    f.setTokens(16);
    planB(f, "dense");
    const MemoryEstimate dense = f.controller().memoryOfRun()->estimate;
    planB(f, "share=cla:4");
    const MemoryEstimate shared = f.controller().memoryOfRun()->estimate;
    const ModelSpec& spec = f.document().model()->spec;
    CHECK(shared.weights == dense.weights + predictConvertedBytes(ClaParams{.factor = 4}, spec));
    CHECK(shared.cache < dense.cache);
    CHECK(shared.capture > dense.capture); // B captures for itself
}

TEST_CASE("The sharing diagram comes up on request, shows both plans and picks layers", "[window][share]") {
    WindowFixture f("the quick brown fox", {.layers = 4});
    auto& diagram = *f.window->views().sharing;
    CHECK_FALSE(diagram.isVisible());
    f.window->panels().bringUp("sharingDock");
    pump(30);
    CHECK(diagram.isVisible());
    planB(f, "share=cla:2");
    REQUIRE(f.run(16));
    const QString csv = tableOf(f.window->views(), "sharing");
    CHECK(csv.contains("A,1,1,"));
    CHECK(csv.contains("B,1,0,0,"));
    const std::string svg = svgOf(pictureOf(f.window->views(), "sharing"));
    CHECK(svg.find("2 of 4 layers own KV") != std::string::npos);
    CHECK(svg.find("counted") != std::string::npos);
    CHECK(svg.find("untrained conversion") != std::string::npos);
    Q_EMIT diagram.layerPicked(2);
    CHECK(f.document().selection().layer == 2);
    f.window->actions().restoreLayout->trigger();
    pump(30);
    CHECK_FALSE(diagram.isVisible());
}
