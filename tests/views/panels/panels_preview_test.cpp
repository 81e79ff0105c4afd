// Pictures to look at, not to compare: `fovea_gui_tests "[.panels-preview]"` writes them to out/preview.
#include <catch2/catch.hpp>

#include <QAction>
#include <QApplication>
#include <QDir>
#include <QElapsedTimer>
#include <QVBoxLayout>

#include "tests/views/charts/run_fixture.h"
#include "tests/views/panels/stages_fixture.h"
#include "views/charts/step_chart.h"
#include "views/charts/timelines.h"
#include "views/panel_frame.h"
#include "views/panels/inspector.h"
#include "views/panels/paper_card.h"
#include "views/panels/plan_panel.h"
#include "views/panels/summary_table.h"
#include "views/theme.h"

using namespace fovea;
using namespace fovea::testing;

namespace {

void save(QWidget& widget, QSize size, const QString& name) {
    const QString folder = QStringLiteral(FOVEA_SOURCE_DIR "/out/preview/");
    QDir().mkpath(folder);
    widget.resize(size);
    widget.show();
    QApplication::processEvents();
    REQUIRE(widget.grab().save(folder + name + QStringLiteral(".png")));
}

void previewPlan(const AttentionPlan& plan, const QString& name) {
    PanelFrame frame(QString{});
    auto* panel = new PlanPanel;
    auto* table = new SummaryTable;
    auto* column = new QWidget;
    auto* layout = new QVBoxLayout(column);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(panel);
    layout->addWidget(table);
    layout->addStretch(1);
    frame.setContent(column);
    panel->furnish(&frame);
    QAction undo("Undo r"), redo("Redo");
    redo.setEnabled(false);
    panel->setUndoActions(&undo, &redo);
    panel->setSpec(smallSpec());
    panel->setPlan(plan);
    panel->setTokens(508);
    table->setRuns(makeRun({}, 508, 412), makeRun(plan, 508, 412));
    table->setComparison(makeComparison(508, 412));
    table->setCursor(507);
    save(frame, {250, 560}, name);
}

void previewInspector(std::shared_ptr<const QueryStages> stages, const QString& name) {
    PanelFrame frame(QString{});
    auto* inspector = new Inspector;
    inspector->furnish(&frame);
    frame.setContent(inspector);
    inspector->setStages(std::move(stages));
    inspector->setTokenText(" oak");
    inspector->setQueryLimits(0, 600);
    inspector->setPaper({"SparQ Attention", "Ribar et al., 2023", "arXiv 2312.04985",
                         "S·r + 2·k·d + 4·d elements per KV head and step", "371 kB per step, all layers",
                         "The paper's own kernel: 3.02× on an A100, of 6.4× in theory."});
    save(frame, {320, 560}, name);
}

void previewTimelines(const QString& suffix) {
    PanelFrame frame(QString{});
    auto* timelines = new Timelines;
    timelines->furnish(&frame);
    timelines->setShowAsChoices({"this model", "Llama-2-7B 4k"});
    frame.setContent(timelines);
    timelines->setRuns(makeRun({}, 508, 412), makeRun(sparqPlan(), 508, 412));
    timelines->setLimit(36.1, "measured limit 36.1 GB/s, working set 2.1 MB: cache-resident");
    timelines->setCursor(480);
    timelines->flush();
    save(frame, {1650, 290}, "timelines" + suffix);
    timelines->setComparison(makeComparison(508, 412));
    timelines->flush();
    Q_EMIT timelines->charts()[0]->rangeSelected(300, 360);
    save(frame, {1650, 290}, "timelines_kl" + suffix);
    timelines->setRange(405, 440);
    save(frame, {900, 290}, "timelines_zoom" + suffix);
    FormulaSeries llama{.title = "Llama-2-7B, f16"};
    ModelSpec spec = smallSpec();
    spec.layers = spec.queryHeads = spec.kvHeads = 32;
    spec.headDim = 128;
    spec.parameters = 6'738'415'616;
    for (int s = 64; s <= 4096; s += 32) {
        llama.steps.push_back(s);
        llama.a.moved.push_back(movedAt(spec, {}, s, true));
        llama.b.moved.push_back(movedAt(spec, sparqPlan(32, 128), s, true));
        llama.a.held.push_back(heldAt(spec, {}, s));
        llama.b.held.push_back(heldAt(spec, sparqPlan(), s));
    }
    timelines->setShowAs(llama);
    timelines->setShowAsChoice(1);
    save(frame, {1650, 290}, "timelines_formula" + suffix);
    PanelFrame empty(QString{});
    auto* none = new Timelines;
    none->furnish(&empty);
    empty.setContent(none);
    save(empty, {900, 290}, "timelines_empty" + suffix);
}

void previewAll(const QString& suffix) {
    previewPlan(sparqPlan(), "plan" + suffix);
    previewPlan({}, "plan_dense" + suffix);
    previewPlan(parsePlan("weights=rtn:bits=3,zero=free"), "plan_weights" + suffix);
    const MadeUpHead head(32, 508);
    previewInspector(makeStages(head, {.components = 8, .tokens = 64}), "inspector" + suffix);
    previewInspector(makeStages(head, {}, false), "inspector_dense" + suffix);
    previewInspector(makeStages(MadeUpHead(128, 1024), {.components = 32, .tokens = 512}),
                     "inspector_wide" + suffix);
    previewInspector(nullptr, "inspector_empty" + suffix);
    previewTimelines(suffix);
}

} // namespace

TEST_CASE("Previews of charts and panels, dark and light", "[.panels-preview]") {
    setTheme(*qApp, ThemeKind::Dark);
    previewAll(QStringLiteral("_dark"));
    setTheme(*qApp, ThemeKind::Light);
    previewAll(QStringLiteral("_light"));
    setTheme(*qApp, ThemeKind::Dark);
}
