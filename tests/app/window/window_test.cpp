// The window as a user meets it: offscreen, on a tiny model. Times are reported, not asserted.
#include <catch2/catch.hpp>

#include <QApplication>
#include <QComboBox>
#include <QLineEdit>
#include <QMouseEvent>
#include <QPlainTextEdit>
#include <QSlider>

#include "app/window/action_palette.h"
#include "app/window/export_actions.h"
#include "app/window/live_run.h"
#include "app/window/loaded_model.h"
#include "app/window/plan_chip.h"
#include "app/window/prompt_dialog.h"
#include "app/window/run_toolbar.h"
#include "app/window/status_line.h"
#include "core/engine/session.h"
#include "tests/app/window/window_fixture.h"
#include "views/charts/slot_chart.h"
#include "views/charts/timelines.h"
#include "views/maps/atlas_view.h"
#include "views/maps/head_map_view.h"
#include "views/panels/inspector.h"
#include "views/panels/plan_panel.h"
#include "views/tokens/token_strip.h"

using namespace fovea;
using namespace fovea::test;

namespace {

void mouse(QWidget& widget, QEvent::Type type, double share, Qt::MouseButton button,
           Qt::MouseButtons buttons) {
    const QPointF at(4 + share * (widget.width() - 8), widget.height() / 2.0);
    QMouseEvent event(type, at, widget.mapToGlobal(at), button, buttons, Qt::NoModifier);
    QApplication::sendEvent(&widget, &event);
}

void drag(QSlider& slider, double from, double to, int moves) {
    mouse(slider, QEvent::MouseButtonPress, from, Qt::LeftButton, Qt::LeftButton);
    for (int i = 1; i <= moves; ++i) {
        mouse(slider, QEvent::MouseMove, from + (to - from) * i / moves, Qt::NoButton, Qt::LeftButton);
        pump(8);
    }
    mouse(slider, QEvent::MouseButtonRelease, to, Qt::LeftButton, Qt::NoButton);
}

std::vector<int> generated(const Run& run) {
    return {run.tokens.begin() + run.promptTokens, run.tokens.end()};
}

} // namespace

TEST_CASE("Run: tokens appear, B follows A on the same tokens, every view is filled", "[window]") {
    WindowFixture f;
    REQUIRE(f.run(24));
    const RunPair& runs = f.controller().runs();
    REQUIRE(runs.a);
    REQUIRE(runs.b);
    REQUIRE(runs.comparison);
    CHECK(generated(*runs.a).size() == 24);
    CHECK(runs.b->tokens == runs.a->tokens);
    CHECK(runs.b->plan == f.document().plan(Side::B));
    CHECK(runs.comparison->kl.size() == 24);
    CHECK(f.controller().comparisonCurrent());
    const Agreement agreement = formulaAgainstCounted(*runs.b);
    CHECK(agreement.steps == 24);
    CHECK(agreement.agreeing == 24);
    REQUIRE(f.controller().head());
    CHECK(f.controller().head()->data->map->tokens == runs.a->capturedTokens);
    REQUIRE(f.controller().summaries());
    CHECK(f.controller().summaries()->size() == 8);
    CHECK(f.window->views().inspector->stages() != nullptr);
    CHECK(f.window->views().tokens->tokenRect(static_cast<int>(runs.a->tokens.size()) - 1).isValid());
    CHECK(f.window->repaintWatch().milliseconds().empty());
}

TEST_CASE("A run in pieces chooses the tokens that generate() chooses", "[window]") {
    TemporaryFolder folder;
    writeTinyModel(folder.path());
    const auto model = openModel(folder / "model.bin");
    const std::vector<int> prompt{1, 20, 30, 40, 50};
    const AttentionPlan plan = parsePlan("read=sparq:r=2,k=4");
    const std::atomic<bool> never{false};
    GenerateOptions options;
    options.tokens = 20;
    options.ignoreEnd = true;
    options.keepLogits = true;
    options.sampler.temperature = 0.8f;
    const Run whole = generate(model->model, plan, prompt, options, {}, never);

    LiveRunOptions live;
    live.sampler = options.sampler;
    LiveRun pieces(model->model, plan, prompt, "", live);
    int observed = 0;
    for (const int count : {1, 7, 0, 12})
        pieces.advance(
            count, [&](const Run&) { ++observed; }, never);
    const auto run = pieces.snapshot(true);
    CHECK(observed == 20);
    CHECK(run->tokens == whole.tokens);
    REQUIRE(run->steps.size() == whole.steps.size());
    for (std::size_t i = 0; i < run->steps.size(); ++i) {
        CHECK(run->steps[i].position == whole.steps[i].position);
        CHECK(run->steps[i].planned == whole.steps[i].planned);
        CHECK(run->steps[i].counted == whole.steps[i].counted);
    }
    CHECK(*run->logits == *whole.logits);
}

TEST_CASE("A stream in the window: slots on the timeline, evicted keys on the map, told in the inspector", "[window]") {
    WindowFixture f;
    REQUIRE(f.run(24));
    CHECK(f.window->views().timelines->slots()->isHidden());
    CHECK(f.document().editPlanText(Side::B, "keep=streaming:sinks=2,window=5").isEmpty());
    REQUIRE(f.rest());
    const RunPair& runs = f.controller().runs();
    REQUIRE(runs.b);
    const std::int64_t lanes = std::int64_t{runs.b->spec.layers} * runs.b->spec.kvHeads;
    CHECK(runs.b->steps.back().liveSlots == 7 * lanes);
    CHECK(formulaAgainstCounted(*runs.b).agreeing == formulaAgainstCounted(*runs.b).steps);
    CHECK(runs.b->slots.layers() == runs.b->spec.layers);
    f.window->views().timelines->flush();
    const SlotChart& slots = *f.window->views().timelines->slots();
    CHECK_FALSE(slots.isHidden());
    CHECK(std::ssize(slots.stays(true)) >= std::ssize(runs.b->tokens) - 1);
    CHECK(f.controller().head()->data->anyEvicted);
    const QueryStages* stages = f.window->views().inspector->stages();
    REQUIRE(stages);
    CHECK(stages->sparse);
    CHECK_FALSE(stages->guessed);
    CHECK(std::ssize(stages->evicted) == stages->query + 1 - 8);
    CHECK(f.window->views().plan->plan() == f.document().plan(Side::B));
}

TEST_CASE("Decode-from before the prompt's end: the prompt is stepped from there, under the plan",
          "[window]") {
    WindowFixture f;
    REQUIRE(f.run(8));
    const std::vector<int> tokens = f.controller().runs().a->tokens;
    RunSettings settings = f.document().settings();
    settings.decodeFrom = 5;
    f.document().editSettings(settings, "decode from");
    REQUIRE(f.rest());
    const RunPair& runs = f.controller().runs();
    CHECK(runs.a->tokens == tokens);
    REQUIRE(runs.b->steps.size() == tokens.size() - 1 - 5);
    CHECK(runs.b->steps.front().position == 5);
    CHECK(runs.b->steps.front().planned);
    REQUIRE(runs.comparison);
    CHECK(runs.comparison->kl.size() == runs.b->steps.size());
    CHECK(f.controller().head()->data->map->decodeFrom == 5);
}

TEST_CASE("A slider's drag redraws the head as it goes, is one undo step, and B runs again after it",
          "[window]") {
    WindowFixture f;
    REQUIRE(f.run(32));
    auto* slider = f.window->views().plan->findChild<QSlider*>("k");
    REQUIRE(slider);
    const AttentionPlan before = f.document().plan(Side::B);
    const auto run = f.controller().runs().b;
    int pictures = 0;
    QObject::connect(&f.controller(), &Controller::headChanged, f.window.get(), [&] { ++pictures; });
    f.window->repaintWatch().clear();
    const int steps = f.document().undoStack().count();
    drag(*slider, 0.1, 0.6, 20);
    REQUIRE(f.rest());
    const AttentionPlan after = f.document().plan(Side::B);
    CHECK_FALSE(after == before);
    CHECK(pictures > 1);
    CHECK(f.controller().head()->request.plan == after);
    CHECK(f.controller().head()->request.version == f.document().version());
    CHECK(f.controller().runs().b != run);
    CHECK(f.controller().runs().b->plan == after);
    CHECK(f.controller().comparisonCurrent());
    const Quantiles q = quantiles(f.window->repaintWatch().milliseconds());
    CHECK(q.count > 1);
    WARN("slider to repaint: median " << q.median << " ms, p95 " << q.p95 << " ms over " << q.count
                                      << " edits");

    CHECK(f.document().undoStack().count() == steps + 1);
    f.window->actions().undo->trigger();
    CHECK(f.document().plan(Side::B) == before);
    REQUIRE(f.rest());
    CHECK(f.controller().runs().b->plan == before);
    f.window->actions().redo->trigger();
    CHECK(f.document().plan(Side::B) == after);
    REQUIRE(f.rest());
}

TEST_CASE("Stop ends a run and keeps what there is; Step goes on from there", "[window]") {
    WindowFixture f("ab", {.layers = 4, .context = 8192});
    f.setTokens(8000);
    f.window->blockWatch().start();
    f.window->actions().run->trigger();
    REQUIRE(waitUntil([&] { return f.controller().runs().a && f.controller().runs().a->steps.size() > 3; }));
    CHECK(f.controller().makingTokens());
    CHECK_FALSE(f.window->actions().step->isEnabled());
    f.window->actions().stop->trigger();
    REQUIRE(waitUntil([&] { return f.runsFinished == 1; }));
    f.window->blockWatch().stop();
    WARN("longest block of the interface during a run: " << f.window->blockWatch().longestMs() << " ms");
    const std::size_t stopped = f.controller().runs().a->tokens.size();
    CHECK(stopped > 4);
    CHECK(stopped < 8000);
    f.window->actions().step->trigger();
    REQUIRE(waitUntil([&] { return f.runsFinished == 2; }));
    REQUIRE(f.rest());
    CHECK(f.controller().runs().a->tokens.size() == stopped + 1);
    CHECK(f.controller().runs().b->tokens.size() == stopped + 1);
}

TEST_CASE("An edit while the tokens are made does not lose them; B follows under the newest plan",
          "[window]") {
    WindowFixture f;
    f.setTokens(64);
    f.window->actions().run->trigger();
    f.document().editPlanText(Side::B, "read=sparq:r=3,k=12");
    REQUIRE(waitUntil([&] { return f.runsFinished > 0; }));
    REQUIRE(f.rest());
    CHECK(generated(*f.controller().runs().a).size() == 64);
    CHECK(f.controller().runs().b->plan == parsePlan("read=sparq:r=3,k=12"));
    CHECK(f.controller().comparisonCurrent());
}

TEST_CASE("Results of an earlier plan drop themselves", "[window]") {
    WindowFixture f;
    REQUIRE(f.run(64));
    for (int k = 9; k < 40; ++k) {
        f.document().editPlanText(Side::B, QStringLiteral("read=sparq:r=2,k=%1").arg(k));
        if (k % 8 == 0)
            pump(400); // long enough for a re-run to begin
    }
    REQUIRE(f.rest());
    CHECK(f.controller().head()->request.plan == parsePlan("read=sparq:r=2,k=39"));
    CHECK(f.controller().runs().b->plan == parsePlan("read=sparq:r=2,k=39"));
    CHECK(f.controller().runs().b->tokens == f.controller().runs().a->tokens);
}

TEST_CASE("An unknown plan in the chip gives one sentence and changes nothing", "[window]") {
    WindowFixture f;
    const AttentionPlan before = f.document().plan(Side::B);
    PlanChip& chip = *f.window->toolbar().chipB();
    chip.edit()->setEditText("read=sparkle");
    Q_EMIT chip.edit()->lineEdit()->returnPressed();
    CHECK(chip.error().contains("sparkle"));
    CHECK_FALSE(chip.error().contains('\n'));
    CHECK(f.document().plan(Side::B) == before);
    chip.edit()->setEditText("dense");
    Q_EMIT chip.edit()->lineEdit()->returnPressed();
    CHECK(chip.error().isEmpty());
    CHECK(f.document().plan(Side::B) == AttentionPlan{});
}

TEST_CASE("A broken model file gives one line and the old model stays", "[window]") {
    WindowFixture f;
    const auto model = f.document().model();
    putContent(f.folder / "broken.bin", "this is no checkpoint");
    f.controller().openModel(QString::fromStdString((f.folder / "broken.bin").string()));
    REQUIRE(f.rest());
    CHECK(f.document().model() == model);
    CHECK(f.window->statusLine().message().contains("broken.bin"));
    CHECK_FALSE(f.window->statusLine().message().contains('\n'));
    CHECK(f.run(4));
}

TEST_CASE("Exports write whole files, and one line when they cannot", "[window]") {
    WindowFixture f;
    REQUIRE(f.run(8));
    TemporaryFolder out;
    const auto path = [&](const char* name) { return QString::fromStdString((out / name).string()); };
    ExportActions& exports = f.window->exports();
    exports.saveWindow(path("window.png"));
    exports.savePicture("head_map", path("head_map.png"));
    exports.saveTable("timelines", path("timelines.csv"));
    exports.saveTrace(path("trace.json"));
    exports.saveCompare(path("compare.csv"));
    REQUIRE(f.rest());
    for (const char* picture : {"window.png", "head_map.png"})
        CHECK_FALSE(QImage(path(picture)).isNull());
    CHECK(contentOf(out / "trace.json").find("traceEvents") != std::string::npos);
    CHECK(contentOf(out / "timelines.csv").size() > 100);
    CHECK(contentOf(out / "compare.csv").find("dense") != std::string::npos);
    CHECK(out.entries() == 5);
    exports.saveTrace(path("no such folder/trace.json"));
    REQUIRE(f.rest());
    CHECK(f.window->statusLine().message().contains("trace.json"));
    CHECK(out.entries() == 5);
    if (std::filesystem::exists("/dev/full")) {
        exports.saveTable("timelines", "/dev/full");
        REQUIRE(f.rest());
        CHECK(f.window->statusLine().message().contains("/dev/full"));
        CHECK_FALSE(f.window->statusLine().message().contains('\n'));
    }
}

TEST_CASE("Picking a head and a query anywhere moves the whole window", "[window]") {
    WindowFixture f;
    REQUIRE(f.run(16));
    const WindowViews& views = f.window->views();
    Q_EMIT views.atlas->headPicked(1, 3);
    Q_EMIT views.tokens->tokenPicked(20);
    REQUIRE(f.rest());
    CHECK(f.document().selection() == Selection{1, 3, 20});
    CHECK(views.headMap->query() == 20);
    CHECK(f.controller().head()->data->map->layer == 1);
    CHECK(f.controller().head()->data->map->head == 3);
    REQUIRE(views.inspector->stages());
    CHECK(views.inspector->stages()->query == 20);
    CHECK(f.document().undoStack().count() <= 1); // a selection is no edit
}

TEST_CASE("Every action of the menus can be found in the palette and has a text", "[window]") {
    WindowFixture f;
    const QList<QAction*> actions = listedActions(*f.window);
    CHECK(actions.contains(f.window->actions().run));
    CHECK(actions.contains(f.window->actions().saveTrace));
    CHECK(actions.size() > 30);
}

TEST_CASE("The palette narrows to actions that hold every word, and does the chosen one", "[window]") {
    WindowFixture f;
    ActionPalette palette(listedActions(*f.window), f.window.get());
    palette.setFilter("picture head");
    CHECK(palette.shownTexts() == QStringList{"Save head map as picture…"});
    palette.setFilter("no such thing");
    CHECK(palette.shownTexts().isEmpty());
    palette.setFilter("light");
    REQUIRE(palette.shownTexts().contains("Light"));
}

TEST_CASE("The prompt's dialog counts tokens and refuses what does not fit", "[window]") {
    WindowFixture f;
    PromptDialog dialog(f.document(), f.window->jobs());
    const auto counted = [&] { return waitUntil([&] { return dialog.counted(); }); };
    REQUIRE(counted());
    CHECK(dialog.fits());
    dialog.edit()->setPlainText(QString(300, 'x'));
    CHECK_FALSE(dialog.counted());
    REQUIRE(counted());
    CHECK_FALSE(dialog.fits());
    dialog.edit()->setPlainText("a cat");
    REQUIRE(counted());
    CHECK(dialog.fits());
}

TEST_CASE("Show as draws the byte timelines of a large model, and follows the plan", "[window]") {
    WindowFixture f;
    REQUIRE(f.run(8));
    Timelines& timelines = *f.window->views().timelines;
    const QString own = timelines.toCsv();
    timelines.setShowAsChoice(1);
    Q_EMIT timelines.showAsChosen(1);
    pump(100);
    const QString large = timelines.toCsv();
    CHECK(large != own);
    CHECK(large.count('\n') > 100);
    f.document().editPlanText(Side::B, "read=sparq:r=4,k=64");
    pump(100);
    CHECK(timelines.toCsv() != large);
    timelines.setShowAsChoice(0);
    Q_EMIT timelines.showAsChosen(0);
    REQUIRE(f.rest());
    CHECK(timelines.toCsv().count('\n') < 20);
}
