// A GPU is chosen, left and lost in the window. It is the host that executes its kernels (tests/support/simt).
#include <catch2/catch.hpp>

#include <QAction>
#include <QLabel>
#include <QStatusBar>

#include <algorithm>

#include "app/window/status_line.h"
#include "core/engine/check.h"
#include "core/kernels/cuda/device_memory.h"
#include "tests/app/window/window_fixture.h"
#include "tests/support/simt/host_device.h"
#include "views/charts/run_series.h"
#include "views/charts/timelines.h"
#include "views/panels/check_panel.h"

using namespace fovea;
using namespace fovea::test;

namespace {

struct GpuFixture : WindowFixture {
    // Heads of words of 16 bytes.
    GpuFixture() : WindowFixture("the quick brown fox jumps over the lazy dog", {.width = 32}) {
        REQUIRE(waitUntil([this] { return window->actions().gpu->isEnabled(); }));
    }
    ~GpuFixture() { simt::limitMemory(~std::size_t{0}); }

    StatusLine& status() { return *window->findChild<StatusLine*>(); }
    const Run& a() { return *controller().runs().a; }
    const Run& b() { return *controller().runs().b; }
};

} // namespace

TEST_CASE("A GPU that is there can be chosen, and runs on screen are made again on it", "[window.device]") {
    GpuFixture f;
    CHECK(f.window->actions().gpu->text().contains(QStringLiteral("executes kernels")));
    CHECK(f.window->actions().cpu->isChecked());
    REQUIRE(f.run(8));
    REQUIRE(f.a().backend == "cpu");
    const std::vector<int> tokens = f.a().tokens;

    f.window->actions().gpu->trigger();
    REQUIRE(waitUntil([&] { return f.a().backend == "cuda" && f.controller().runs().comparison; }));
    REQUIRE(f.rest());
    CHECK(f.b().backend == "cuda");
    CHECK(f.a().tokens == tokens);
    CHECK(formulaAgainstCounted(f.a()).agreeing == 8);
    CHECK(formulaAgainstCounted(f.b()).agreeing == 8);
    CHECK(f.a().capturedTokens > 0);
    CHECK(f.window->views().timelines->limitText().contains(QStringLiteral("GPU copies")));
    CHECK(f.a().steps.back().held.onDevice >= f.a().steps.back().held.counted.attention());
    const auto* machine = f.status().findChild<QLabel*>(QStringLiteral("statusMachine"));
    CHECK(machine->text().endsWith(QStringLiteral("B taken")));
    const ChartData held = heldSeries(&f.a(), &f.b());
    const auto taken = std::count_if(held.series.begin(), held.series.end(), [](const ChartSeries& one) {
        return one.name.endsWith(QStringLiteral("taken on the GPU"));
    });
    CHECK(taken == 2);

    f.document().undoStack().undo();
    CHECK(f.window->actions().cpu->isChecked());
    REQUIRE(waitUntil([&] { return f.a().backend == "cpu" && f.controller().runs().comparison; }));
    REQUIRE(f.rest());
    CHECK(f.a().tokens == tokens);
}

TEST_CASE(
    "A plan that the GPU does not take is refused while it is chosen, and so is the GPU under such a plan",
    "[window.device]") {
    GpuFixture f;
    const QString refused = QStringLiteral("store=rtn:bits=3,group=32");
    REQUIRE(f.document().editPlanText(Side::B, refused).isEmpty());
    f.window->actions().gpu->trigger();
    CHECK(f.window->actions().cpu->isChecked());
    CHECK(f.status().message().contains(QStringLiteral("a multiple of 16")));

    f.document().undoStack().undo();
    f.window->actions().gpu->trigger();
    CHECK(f.window->actions().gpu->isChecked());
    CHECK(f.document().editPlanText(Side::B, refused).contains(QStringLiteral("a multiple of 16")));
}

TEST_CASE("A GPU that is full hands its runs to the CPU and says so", "[window.device]") {
    GpuFixture f;
    f.window->actions().gpu->trigger();
    simt::limitMemory(cuda::takenBytes());
    REQUIRE(f.run(8));
    CHECK(f.a().backend == "cpu");
    CHECK(f.a().steps.size() == 8);
    CHECK(f.status().message().contains(QStringLiteral("The CPU went on")));
}

TEST_CASE("Check holds the GPU against the truth where it is chosen", "[window.device]") {
    GpuFixture f;
    f.window->actions().gpu->trigger();
    auto* const panel = f.window->findChild<CheckPanel*>();
    REQUIRE(panel);
    Q_EMIT panel->checkRequested(4);
    REQUIRE(waitUntil([&] { return panel->report() != nullptr; }));
    CHECK(panel->report()->backends[1] == "cuda");
    CHECK(panel->report()->within());
}
