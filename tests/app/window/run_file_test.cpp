// Runs are saved, and shown again like finished ones; A − B on the head map.
#include <catch2/catch.hpp>

#include <QAction>
#include <QActionGroup>
#include <QToolButton>

#include "app/window/export_actions.h"
#include "app/window/loaded_model.h"
#include "app/window/status_line.h"
#include "tests/app/window/window_fixture.h"
#include "views/charts/timelines.h"
#include "views/maps/head_map_view.h"
#include "views/panel_frame.h"
#include "views/panels/summary_table.h"
#include "views/tokens/token_strip.h"

using namespace fovea;
using namespace fovea::test;

namespace {

QString pathOf(const std::filesystem::path& path) {
    return QString::fromStdString(path.string());
}

} // namespace

TEST_CASE("A run that was saved is shown again: tokens, timelines, table, plans", "[window][runs]") {
    TemporaryFolder out;
    const QString path = pathOf(out / "run.json");
    QString timelines, table, tokens;
    {
        WindowFixture f;
        f.document().editPlanText(Side::B, "read=sparq:r=3,k=6");
        REQUIRE(f.run(24));
        f.window->exports().saveRun(path);
        REQUIRE(f.rest());
        f.document().select({0, 0, 40});
        REQUIRE(f.rest());
        timelines = f.window->views().timelines->toCsv();
        table = f.window->views().table->toCsv();
        tokens = f.window->views().tokens->toCsv();
    }
    WindowFixture f("something else", {.layers = 3});
    const AttentionPlan before = f.document().plan(Side::B);
    f.window->openPath(path);
    REQUIRE(waitUntil([&] { return f.controller().runs().fromFile; }));
    REQUIRE(f.rest());
    f.document().select({0, 0, 40});
    REQUIRE(f.rest());
    CHECK(f.controller().query() == 40);
    f.window->views().timelines->flush();
    CHECK(f.window->views().timelines->toCsv().toStdString() == timelines.toStdString());
    CHECK(f.window->views().table->toCsv() == table);
    CHECK(f.window->views().tokens->toCsv().section('\n', 1).section(',', 0, 2) ==
          tokens.section('\n', 1).section(',', 0, 2));
    CHECK(f.document().plan(Side::B) == parsePlan("read=sparq:r=3,k=6"));
    CHECK(f.controller().comparisonCurrent());
    CHECK_FALSE(f.controller().head());
    CHECK_FALSE(f.controller().outdated());

    // It is saved again as it was, and a run of one's own takes its place.
    f.window->exports().saveRun(pathOf(out / "again.json"));
    f.window->exports().saveTrace(pathOf(out / "trace.json"));
    f.window->exports().saveCompare(pathOf(out / "compare.csv"));
    REQUIRE(f.rest());
    CHECK(contentOf(out / "again.json") == contentOf(out / "run.json"));
    CHECK(contentOf(out / "compare.csv").find("sparq") != std::string::npos);
    f.document().editPlanText(Side::B, "read=sparq:r=2,k=6");
    CHECK(f.controller().outdated());
    REQUIRE(f.run(8));
    CHECK_FALSE(f.controller().runs().fromFile);
    CHECK(f.controller().head());
    while (f.document().undoStack().canUndo())
        f.window->actions().undo->trigger();
    CHECK(f.document().plan(Side::B) == before);
}

TEST_CASE("A file that is no run gives one line, and what is on screen stays", "[window][runs]") {
    WindowFixture f;
    REQUIRE(f.run(4));
    const auto runs = f.controller().runs().a;
    putContent(f.folder / "no run.json", "{\"format\":\"fovea-runs\",\"version\":1,\"runs\":[]}");
    for (const char* name : {"no run.json", "nowhere.json"}) {
        f.window->openPath(pathOf(f.folder / name));
        REQUIRE(f.rest());
        CHECK(f.window->statusLine().message().contains(name));
        CHECK_FALSE(f.window->statusLine().message().contains('\n'));
        CHECK(f.controller().runs().a == runs);
    }
}

TEST_CASE("Saving a run without one says so", "[window][runs]") {
    WindowFixture f;
    TemporaryFolder out;
    f.window->exports().saveRun(pathOf(out / "run.json"));
    REQUIRE(f.rest());
    CHECK(out.entries() == 0);
    CHECK(f.window->statusLine().message().contains("no run"));
}

TEST_CASE("The head map draws A, B or their difference, by menu, key and header", "[window][difference]") {
    WindowFixture f;
    f.document().editPlanText(Side::B, "read=sparq:r=3,k=6");
    REQUIRE(f.run(24));
    const QList<QAction*> modes = f.window->actions().mapModes->actions();
    REQUIRE(modes.size() == 3);
    for (const QAction* mode : modes)
        CHECK_FALSE(mode->shortcut().isEmpty());
    int buttons = 0;
    for (QToolButton* button : f.window->findChildren<QToolButton*>())
        if (modes.contains(button->defaultAction())) {
            ++buttons;
            CHECK(button->property("header").toBool());
            CHECK(button->isChecked() == button->defaultAction()->isChecked());
        }
    CHECK(buttons == 3);

    const auto data = [&] { return f.controller().head()->data; };
    CHECK(data()->mode == MapMode::A);
    modes[1]->trigger();
    REQUIRE(f.rest());
    CHECK(data()->mode == MapMode::B);
    modes[2]->trigger();
    REQUIRE(f.rest());
    REQUIRE(data()->mode == MapMode::Difference);
    const std::int64_t tokens = data()->map->tokens;
    double furthest = 0;
    for (std::int64_t i = 0; i < tokens; ++i)
        for (std::int64_t j = 0; j <= i; ++j) {
            const auto difference = static_cast<double>(data()->pyramid->at(0, i, j));
            REQUIRE(difference == Approx(data()->a(i, j) - data()->b(i, j)).margin(1e-7));
            if (i < data()->map->decodeFrom)
                REQUIRE(difference == 0); // both read dense
            furthest = std::max(furthest, std::abs(difference));
        }
    CHECK(furthest > 1e-4);
    CHECK(f.window->views().headMap->toCsv().startsWith("layer,head,query,key,a,b,difference\n"));

    // It follows the plans: the same on both sides differs nowhere.
    f.document().editPlan(Side::B, f.document().plan(Side::A), "plan");
    REQUIRE(f.rest());
    for (std::int64_t i = 0; i < tokens; ++i)
        for (std::int64_t j = 0; j <= i; ++j)
            REQUIRE(data()->pyramid->at(0, i, j) == 0);
}
