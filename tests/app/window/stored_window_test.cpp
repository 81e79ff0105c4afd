// The quantisation view in the real window: fed when it is looked at, redrawn at once when bits change.
#include <catch2/catch.hpp>

#include <QAction>
#include <QComboBox>
#include <QStatusBar>

#include <cmath>

#include "app/window/dock_panels.h"
#include "app/window/exports.h"
#include "app/window/loaded_model.h"
#include "core/engine/stored_head.h"
#include "tests/app/window/window_fixture.h"
#include "views/panels/plan_panel.h"
#include "views/panels/stored_view.h"

using namespace fovea;
using namespace fovea::test;

namespace {

void planB(WindowFixture& f, const char* text) {
    REQUIRE(f.document().editPlan(Side::B, parsePlan(text), QStringLiteral("plan")).isEmpty());
}

StoredView& opened(WindowFixture& f) {
    f.window->panels().bringUp("storedDock");
    pump(30);
    return *f.window->views().stored;
}

} // namespace

TEST_CASE("The quantisation view is hidden and costs nothing until it is asked for, and then says what to do",
          "[window][stored]") {
    WindowFixture f;
    StoredView& view = *f.window->views().stored;
    CHECK_FALSE(view.isVisible());
    REQUIRE(f.run(8));
    CHECK_FALSE(view.head());
    opened(f);
    REQUIRE(f.rest());
    REQUIRE(view.head());
    CHECK(view.head()->keys.tokens == f.controller().runs().a->capturedTokens);

    WindowFixture fresh;
    CHECK(opened(fresh).emptyText().contains("Press Run"));
}

TEST_CASE("Bits of the store are drawn at once, of the head that is selected", "[window][stored]") {
    WindowFixture f;
    REQUIRE(f.run(24));
    StoredView& view = opened(f);
    planB(f, "store=rtn:bits=4");
    REQUIRE(f.rest());
    const double four = view.head()->keys.relativeError;
    CHECK(view.head()->keys.levels.perGroup == 16);
    auto* bits = f.window->views().plan->findChild<QComboBox*>("store bits");
    REQUIRE(bits);
    bits->setCurrentIndex(bits->findText("2"));
    Q_EMIT bits->activated(bits->currentIndex());
    // Long before B has run again.
    REQUIRE(waitUntil([&] { return view.head()->keys.levels.perGroup == 4; }));
    CHECK(view.head()->keys.relativeError > 2 * four);
    REQUIRE(f.rest());

    Selection selection = f.document().selection();
    selection.layer = 1, selection.head = 3, selection.query = 5;
    f.document().select(selection);
    REQUIRE(f.rest());
    CHECK(view.head()->layer == 1);
    CHECK(view.head()->kvHead == 1);
    CHECK(view.token() == 5);
    const Run& run = *f.controller().runs().a;
    const StoredHead expected =
        storedHead(*run.capture, f.document().plan(Side::B).store, run.capturedTokens, 1, 1);
    CHECK(view.head()->keys.held == expected.keys.held);
    CHECK(view.head()->values.exact == expected.values.exact);
    Q_EMIT view.tokenPicked(7);
    CHECK(f.document().selection().query == 7);
}

TEST_CASE("Stores that keep some rows exact are drawn too, and one without codebooks spoils nothing", "[window][stored]") {
    WindowFixture f;
    REQUIRE(f.run(40));
    StoredView& view = opened(f);
    planB(f, "store=kivi:residual=32");
    REQUIRE(f.rest());
    CHECK(view.head()->keys.levels.perGroup == 4);
    CHECK(view.head()->keys.bits == 3);
    REQUIRE(f.controller().runs().b);
    CHECK(toText(f.controller().runs().b->plan) == "store=kivi:residual=32");
    CHECK_FALSE(f.controller().runs().b->steps.empty());

    planB(f, "store=kvquant");
    pump(200);
    REQUIRE(f.rest());
    INFO(f.window->statusBar()->currentMessage().toStdString());
    planB(f, "store=kivi:bits=4,residual=32");
    REQUIRE(f.rest());
    CHECK(view.head()->keys.levels.perGroup == 16);
}

TEST_CASE("A drag over bit-widths ends on the last one", "[window][stored]") {
    WindowFixture f;
    REQUIRE(f.run(16));
    StoredView& view = opened(f);
    for (int turn = 0; turn < 5; ++turn)
        for (const char* plan : {"store=rtn:bits=8", "store=rtn:bits=2", "store=bf16", "store=rtn:bits=3"})
            planB(f, plan);
    REQUIRE(f.rest());
    CHECK(view.head()->keys.levels.perGroup == 8);
    CHECK(std::abs(view.head()->keys.bits - (3 + 24 / 8.)) < 1e-9); // heads of eight
    planB(f, "store=bf16");
    REQUIRE(f.rest());
    CHECK(view.head()->keys.levels.perGroup == 0);
    CHECK(view.head()->keys.mostError > 0); // the model is f32
    CHECK(view.head()->keys.relativeError < .005);
}

TEST_CASE("The quantisation view is exported, and empty where a run has nothing captured",
          "[window][stored]") {
    WindowFixture f;
    REQUIRE(f.run(12));
    opened(f);
    planB(f, "store=rtn:bits=3");
    REQUIRE(f.rest());
    CHECK(svgOf(pictureOf(f.window->views(), "quantisation")).find("bits per number") != std::string::npos);
    CHECK(tableOf(f.window->views(), "quantisation").contains("values,7,"));
    RunPair read = f.controller().runs();
    auto bare = std::make_shared<Run>(*read.a);
    bare->capture = nullptr, bare->capturedTokens = 0;
    read.a = bare, read.fromFile = true;
    f.controller().showRuns(read);
    pump(50);
    CHECK_FALSE(f.window->views().stored->head());
    CHECK(f.window->views().stored->emptyText().contains("read from a file"));
}
