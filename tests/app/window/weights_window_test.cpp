// Plans that round weights, in the real window.
#include <catch2/catch.hpp>

#include "app/window/exports.h"
#include "app/window/loaded_model.h"
#include "core/methods/quantise/rounded_weights.h"
#include "tests/app/window/window_fixture.h"
#include "views/panels/summary_table.h"

using namespace fovea;
using namespace fovea::test;

namespace {

void planB(WindowFixture& f, const char* text) {
    REQUIRE(f.document().editPlan(Side::B, parsePlan(text), QStringLiteral("plan")).isEmpty());
}

} // namespace

TEST_CASE("A plan of rounded weights is made and run in the background, drawn from its own run, and undone",
          "[window][weights]") {
    WindowFixture f("the quick brown fox", {.layers = 4});
    REQUIRE(f.run(24));
    const auto before = f.controller().runs().b;
    planB(f, "weights=rtn:bits=2,group=32");
    // B's heads attend over keys that A never made: until B has run there is nothing to draw.
    CHECK_FALSE(f.controller().head());
    REQUIRE(f.rest());
    const RunPair& runs = f.controller().runs();
    REQUIRE(runs.b->plan == f.document().plan(Side::B));
    const Agreement agreement = formulaAgainstCounted(*runs.b);
    CHECK(agreement.steps > 0);
    CHECK(agreement.agreeing == agreement.steps);
    const auto weights = [](const Run& run) { return run.steps.back().counted[Component::Weights]; };
    const ModelSpec& spec = f.document().model()->spec;
    CHECK(weights(*runs.b) == weights(*runs.a) + predictRoundedWeights(runs.b->plan.weights, OwnKv{}, spec));
    CHECK(weights(*runs.b) < weights(*runs.a));
    CHECK(f.controller().head());
    CHECK(f.controller().replaysB());
    const QString summary = f.window->views().table->toCsv();
    CHECK(summary.contains("model MB,counted,"));

    // Another read on the same weights is replayed at once.
    planB(f, "read=topv:k=4 weights=rtn:bits=2,group=32");
    CHECK(f.controller().head());
    REQUIRE(f.rest());

    f.document().undoStack().undo(); // both edits were of one control
    REQUIRE(f.rest());
    CHECK(f.controller().runs().b->plan == before->plan);
}

TEST_CASE("What rounded weights will hold is foretold in the window too", "[window][weights]") {
    WindowFixture f("the quick brown fox", {.layers = 4});
    f.setTokens(16);
    planB(f, "dense");
    const MemoryEstimate dense = f.controller().memoryOfRun()->estimate;
    planB(f, "weights=rtn");
    const MemoryEstimate rounded = f.controller().memoryOfRun()->estimate;
    CHECK(rounded.weights ==
          dense.weights + predictRoundedBytes(RtnParams{}, OwnKv{}, f.document().model()->spec));
    CHECK(rounded.capture > dense.capture); // B captures for itself
}

TEST_CASE("Weights that nobody calibrated are refused in a line, and A stays", "[window][weights]") {
    WindowFixture f("the quick brown fox", {.layers = 2});
    REQUIRE(f.run(8));
    QStringList failures;
    QObject::connect(&f.controller(), &Controller::failed, [&](const QString& why) { failures << why; });
    planB(f, "weights=gptq:group=32");
    REQUIRE(waitUntil([&] { return !failures.isEmpty(); }));
    INFO(failures.front().toStdString());
    CHECK(failures.front().contains("weights=gptq:group=32 needs a model that was read from a folder"));
    CHECK(f.controller().runs().a);
}
