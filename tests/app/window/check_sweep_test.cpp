// Checks and sweeps from the window, offscreen.
#include <catch2/catch.hpp>

#include <QApplication>
#include <QCheckBox>
#include <QDockWidget>
#include <QLabel>
#include <QPushButton>
#include <QTableWidget>

#include "app/window/dock_panels.h"
#include "app/window/sweep_form.h"
#include "app/window/sweep_window.h"
#include "core/engine/check.h"
#include "tests/app/window/window_fixture.h"
#include "views/charts/sweep_chart.h"
#include "views/panels/check_panel.h"
#include "views/panels/sweep_list.h"
#include "views/theme.h"

using namespace fovea;
using namespace fovea::test;

namespace {

void save(QWidget& widget, const char* name) {
    const QString folder = qEnvironmentVariable("FOVEA_SCREENS");
    if (folder.isEmpty())
        return;
    for (const ThemeKind kind : {ThemeKind::Light, ThemeKind::Dark}) {
        setTheme(*qApp, kind);
        pump(50);
        widget.grab().toImage().save(
            QStringLiteral("%1/%2_%3.png")
                .arg(folder, QLatin1String(name), kind == ThemeKind::Dark ? "dark" : "light"));
    }
}

std::string someText() {
    std::string text;
    for (int i = 0; i < 40; ++i)
        text += "the quick brown fox number " + std::to_string(i * 37 % 101) + " jumps over the lazy dog. ";
    return text;
}

} // namespace

TEST_CASE("Tools, Check backends: the panel comes up, checks plan B and leads to the head",
          "[window][check]") {
    WindowFixture f;
    pump(50);
    QDockWidget& dock = *f.window->panels().dock("checkDock");
    CheckPanel& panel = *f.window->views().check;
    CHECK_FALSE(dock.isVisible());
    f.window->actions().check->trigger();
    pump(50);
    CHECK(dock.isVisible());
    REQUIRE(panel.button().isEnabled());

    panel.button().click();
    CHECK(panel.button().text() == "Cancel");
    REQUIRE(waitUntil([&] { return panel.report() != nullptr; }));
    CHECK(f.rest());
    CHECK(panel.button().text() == "Check");
    CHECK(panel.report()->within());
    CHECK(toText(panel.report()->plan) == "read=sparq:r=2,k=8");
    CHECK(panel.report()->steps.size() == 16);
    CHECK(panel.table().rowCount() == 16);
    save(*f.window, "window_check");

    Q_EMIT panel.table().cellClicked(5, 1);
    CHECK(f.document().selection().layer == 1);
    CHECK(f.document().selection().head == panel.report()->steps[5].layers[1].head);

    // Another plan B: what is shown is of before, until it is checked again.
    f.document().editPlan(Side::B, parsePlan("keep=streaming:sinks=1,window=6"), "plan");
    CHECK(panel.verdict().contains("check again"));
    panel.button().click();
    REQUIRE(waitUntil(
        [&] { return !panel.verdict().contains("check again") && panel.button().text() == "Check"; }));
    CHECK(toText(panel.report()->plan) == "keep=streaming:sinks=1,window=6");

    // Cancelled, or made stale by an edit: nothing of it arrives.
    const auto before = panel.report();
    panel.button().click();
    panel.button().click();
    CHECK(f.rest());
    CHECK(panel.report() == before);
    panel.button().click();
    f.document().editPlan(Side::B, parsePlan("dense"), "plan");
    CHECK(f.rest());
    CHECK(panel.report() == before);

    f.window->actions().restoreLayout->trigger();
    pump(50);
    CHECK_FALSE(dock.isVisible());
}

TEST_CASE("The prompt is checked where that is ticked, under a plan that masks it too", "[window][check]") {
    WindowFixture f;
    f.window->actions().check->trigger();
    pump(50);
    CheckPanel& panel = *f.window->views().check;
    auto* prompt = panel.findChild<QCheckBox*>("checkPrompt");
    REQUIRE(prompt);
    CHECK_FALSE(panel.withPrompt());
    prompt->setChecked(true);
    f.document().editPlan(Side::B, parsePlan("keep=streaming:sinks=1,window=6 prefill=masked"), "plan");
    panel.button().click();
    REQUIRE(waitUntil([&] { return panel.report() != nullptr; }));
    CHECK(f.rest());
    REQUIRE(panel.report()->prompt);
    CHECK(panel.report()->prompt->tokens ==
          static_cast<std::int64_t>(f.document().promptTokens().size()) - 1);
    CHECK(panel.report()->prompt->within());
    CHECK(panel.report()->within());
    bool said = false;
    for (const QLabel* label : panel.findChildren<QLabel*>())
        said |= label->text().contains("token by token agree within");
    CHECK(said);
    save(*f.window, "window_check_prompt");
}

TEST_CASE("A check and a sweep beyond the memory budget say so in a sentence and do not begin",
          "[window][check]") {
    WindowFixture f;
    putContent(f.folder / "text.txt", someText());
    RunLimits limits = f.controller().limits();
    limits.memoryBudget = 5000;
    f.controller().setLimits(limits);
    CheckPanel& panel = *f.window->views().check;
    panel.button().click();
    CHECK(panel.button().text() == "Check");
    CHECK(panel.verdict().contains("beyond the memory budget of"));
    CHECK(panel.verdict().contains("take fewer steps"));
    CHECK(panel.report() == nullptr);

    SweepWindow* sweep = showSweep(*f.window);
    SweepRequest request;
    request.task.name = "text";
    request.task.length = 48;
    request.text = f.folder / "text.txt";
    request.samples = 1;
    request.templates = {"keep=streaming:sinks=1,window=4"};
    sweep->form().setRequest(request);
    sweep->startButton().click();
    REQUIRE(waitUntil([&] { return sweep->statusText().contains("beyond the memory budget of"); }));
    REQUIRE(waitUntil([&] { return !sweep->run().running(); }));
    CHECK(sweep->run().table().rows.empty());

    // With room for it the same begins.
    limits.memoryBudget = 0;
    f.controller().setLimits(limits);
    sweep->startButton().click();
    REQUIRE(waitUntil([&] { return sweep->run().table().rows.size() == 2; }));
    panel.button().click();
    REQUIRE(waitUntil([&] { return panel.report() != nullptr; }));
}

TEST_CASE("Tools, Sweep plans: rows come in, a sweep is stopped and gone on with, a point becomes plan B",
          "[window][sweep]") {
    WindowFixture f;
    putContent(f.folder / "text.txt", someText());
    f.window->actions().sweep->trigger();
    SweepWindow* sweep = showSweep(*f.window);
    REQUIRE(sweep->isVisible());
    SweepRequest request;
    request.task.name = "text";
    request.task.length = 48;
    request.text = f.folder / "text.txt";
    request.samples = 2;
    request.out = f.folder / "sweep.csv";
    request.templates = {"read=sparq:r={1,2,4096},k={4,8}", "keep=streaming:sinks=1,window={4,8,16}"};
    sweep->form().setRequest(request);
    CHECK(sweep->form().refusal().isEmpty());
    CHECK(sweep->form().request().task.prompt == 0);
    SweepRequest asked = request;
    asked.task.name = "recall";
    asked.task.prompt = 77;
    sweep->form().setRequest(asked);
    CHECK(sweep->form().request().task.prompt == 77);
    sweep->form().setRequest(request);
    REQUIRE(sweep->startButton().isEnabled());

    // Stopped as soon as there is a row.
    sweep->startButton().click();
    CHECK(sweep->run().running());
    REQUIRE(waitUntil([&] { return !sweep->run().table().rows.empty(); }));
    sweep->stopButton().click();
    REQUIRE(waitUntil([&] { return !sweep->run().running(); }));
    const std::size_t early = sweep->run().table().rows.size();
    CHECK(early >= 1);
    const SweepTable kept = readSweepCsv(contentOf((f.folder / "sweep.csv").string()));
    CHECK(kept.rows.size() == early);

    sweep->startButton().click();
    REQUIRE(waitUntil([&] { return !sweep->run().running(); }));
    pump(50);
    const SweepTable& table = sweep->run().table();
    CHECK(table.rows.size() == 10); // dense, six with two skipped, three
    CHECK_FALSE(sweep->run().endedEarly());
    CHECK(sweep->list().rowCount() == 10);
    CHECK(sweep->chart().table().rows.size() == 10);
    CHECK(readSweepCsv(contentOf((f.folder / "sweep.csv").string())).rows.size() == 10);
    // What was there was not run again.
    for (const SweepRow& row : kept.rows) {
        INFO(row.plan);
        REQUIRE(table.find(row.plan));
        CHECK(table.find(row.plan)->secondsPerStep == row.secondsPerStep);
    }
    save(*sweep, "sweep_window");

    Q_EMIT sweep->chart().planPicked("read=sparq:r=1,k=8");
    CHECK(toText(f.document().plan(Side::B)) == "read=sparq:r=1,k=8");
    Q_EMIT sweep->list().cellClicked(1, 0);
    CHECK(toText(f.document().plan(Side::B)) == table.rows[1].plan);

    for (const char* name : {"sweep.svg", "sweep.png", "sweep.pdf"}) {
        sweep->savePicture(QString::fromStdString((f.folder / name).string()));
        REQUIRE(waitUntil([&] { return std::filesystem::exists(f.folder / name); }));
    }
    sweep->saveTable(QString::fromStdString((f.folder / "copy.csv").string()));
    REQUIRE(waitUntil([&] { return std::filesystem::exists(f.folder / "copy.csv"); }));
    // Each of the four has said that it is saved, and says nothing over what follows.
    REQUIRE(waitUntil([&] { return sweep->statusText().contains("copy.csv"); }));

    // Another seed is another sweep: the file is left alone, and that is said.
    request.task.seed = 2;
    sweep->form().setRequest(request);
    sweep->startButton().click();
    // What the sweep's thread says arrives after it has ended.
    CHECK(waitUntil([&] { return sweep->statusText().contains("seed is \"1\" there and \"2\" here"); }));
    REQUIRE(waitUntil([&] { return !sweep->run().running(); }));
    CHECK(readSweepCsv(contentOf((f.folder / "sweep.csv").string())).arguments.seed == 1);
}

TEST_CASE("A sweep that cannot be begun says why", "[window][sweep]") {
    SweepWindow sweep;
    sweep.show();
    CHECK_FALSE(sweep.startButton().isEnabled());
    CHECK(sweep.statusText().contains("No model"));
    WindowFixture f;
    sweep.setModel(f.document().model());
    SweepRequest request = sweep.form().request();
    for (const char* plan : {"", "read=sparq:r={1,2", "read=nonsense", "read=sparq:r=4096"}) {
        INFO(plan);
        request.templates = {plan};
        sweep.form().setRequest(request);
        CHECK_FALSE(sweep.startButton().isEnabled());
        CHECK_FALSE(sweep.form().refusal().isEmpty());
    }
    request.templates = {"read=sparq:r={1,2}"};
    sweep.form().setRequest(request);
    CHECK(sweep.startButton().isEnabled());
}
