// Plan files of MoA in the window: loaded, edited, undone, saved; and the panel that shows them.
#include <catch2/catch.hpp>

#include <QApplication>
#include <QDockWidget>
#include <QMouseEvent>
#include <QToolButton>

#include <fstream>

#include "app/window/dock_panels.h"
#include "app/window/dropped_file.h"
#include "app/window/loaded_model.h"
#include "app/window/status_line.h"
#include "core/plan/moa_file.h"
#include "tests/app/window/window_fixture.h"
#include "views/maps/span_map_view.h"
#include "views/panel_frame.h"
#include "views/panels/flat_combo.h"
#include "views/panels/plan_panel.h"
#include "views/panels/span_panel.h"

using namespace fovea;
using namespace fovea::test;

namespace {

QString pathIn(const TemporaryFolder& folder, const char* name) {
    return QString::fromStdString((folder / name).string());
}

const MoaParams* moaOf(WindowFixture& f) {
    return std::get_if<MoaParams>(&f.document().plan(Side::B).keep);
}

MoaSpans spansFor(WindowFixture& f) {
    const ModelSpec& spec = f.document().model()->spec;
    MoaSpans spans = moaSpansFor({}, spec.layers, spec.queryHeads);
    for (std::size_t i = 0; i < spans.spans.size(); ++i)
        spans.spans[i].alpha = 8. * static_cast<double>(i);
    return spans;
}

void send(QWidget& widget, QEvent::Type type, QPointF at, Qt::MouseButtons buttons) {
    QMouseEvent event(type, at, widget.mapToGlobal(at), Qt::LeftButton, buttons, Qt::NoModifier);
    QApplication::sendEvent(&widget, &event);
}

} // namespace

TEST_CASE("A dropped plan file gives each head its span, and one cell dragged is one step back",
          "[window][spans]") {
    WindowFixture f;
    TemporaryFolder folder;
    writeMoaFile((folder / "plan.json").string(), spansFor(f));
    CHECK(meantBy(pathIn(folder, "plan.json")).kind == DroppedFile::Kind::Spans);
    f.window->openPath(pathIn(folder, "plan.json"));
    REQUIRE(waitUntil([&] { return moaOf(f) && moaOf(f)->spans; }));
    REQUIRE(f.rest());
    CHECK(*moaOf(f)->spans == spansFor(f));
    CHECK(f.window->panels().dock("spansDock")->isVisible());
    CHECK(f.window->views().spansFrame->subtitle() == QStringLiteral("plan.json"));

    const int steps = f.document().undoStack().count();
    SpanMapView& map = *f.window->views().spans->map();
    pump(50);
    const QPointF cell = map.rectOf({0, 1}).center();
    send(map, QEvent::MouseButtonPress, cell, Qt::LeftButton);
    for (int y = 1; y <= 30; ++y)
        send(map, QEvent::MouseMove, cell - QPointF(0, y), Qt::LeftButton);
    send(map, QEvent::MouseButtonRelease, cell - QPointF(0, 30), Qt::NoButton);
    CHECK(moaOf(f)->of(0, 1).alpha == 8 + 6 * 64);
    CHECK(moaOf(f)->file.empty());
    CHECK(f.document().undoStack().count() == steps + 1);
    f.document().undoStack().undo();
    CHECK(*moaOf(f)->spans == spansFor(f));
    CHECK(map.params()->of(0, 1).alpha == 8);
}

TEST_CASE("Spans are saved as a plan file, and the plan's text names it", "[window][spans]") {
    WindowFixture f;
    TemporaryFolder folder;
    AttentionPlan plan = f.document().plan(Side::B);
    MoaParams moa;
    moa.spans = std::make_shared<const MoaSpans>(spansFor(f));
    plan.keep = moa;
    REQUIRE(f.document().editPlan(Side::B, plan, "spans").isEmpty());
    CHECK(toText(f.document().plan(Side::B)).find("spans=") != std::string::npos);
    const int steps = f.document().undoStack().count();
    f.window->saveSpans(pathIn(folder, "saved.json"));
    REQUIRE(f.rest());
    CHECK(readMoaFile((folder / "saved.json").string()) == spansFor(f));
    CHECK(toText(f.document().plan(Side::B)).find("saved.json") != std::string::npos);
    CHECK(f.document().undoStack().count() == steps);
    CHECK(parsePlan(toText(f.document().plan(Side::B))) == f.document().plan(Side::B));
}

TEST_CASE("A plan file for another model changes nothing", "[window][spans]") {
    WindowFixture f;
    TemporaryFolder folder;
    const AttentionPlan before = f.document().plan(Side::B);
    std::ofstream(folder / "plan.json") << R"({"alphas": [[0, 0, 0]], "betas": [[1, 1, 1]]})";
    f.window->openPath(pathIn(folder, "plan.json"));
    REQUIRE(f.rest());
    std::ofstream(folder / "broken.json") << R"({"alphas": [[0]], "betas": [[7]]})";
    f.window->openPath(pathIn(folder, "broken.json"));
    REQUIRE(f.rest());
    CHECK(f.document().plan(Side::B) == before);
}

TEST_CASE("MoA is chosen in the plan panel, runs, and its map follows the text", "[window][spans]") {
    WindowFixture f;
    auto* keep = f.window->views().plan->findChild<FlatCombo*>("keep");
    REQUIRE(keep);
    const int moa = keep->findText(QStringLiteral("MoA spans"));
    REQUIRE(moa > 0);
    keep->setCurrentIndex(moa);
    Q_EMIT keep->activated(moa);
    REQUIRE(moaOf(f));
    CHECK(moaOf(f)->block == 8);
    REQUIRE(f.run(24));
    CHECK(f.window->views().spans->map()->tokens() == f.controller().query() + 1);
    const auto& run = *f.controller().runs().b;
    for (const StepRecord& step : run.steps)
        REQUIRE(step.formula == step.counted);
    auto* button = f.window->views().plan->findChild<QToolButton*>("span map");
    REQUIRE(button);
    button->click();
    pump(30);
    CHECK(f.window->panels().dock("spansDock")->isVisible());
    f.window->actions().restoreLayout->trigger();
    pump(30);
    CHECK_FALSE(f.window->panels().dock("spansDock")->isVisible());
}
