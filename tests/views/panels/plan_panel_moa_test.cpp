// KEEP's strip for MoA.
#include <catch2/catch.hpp>

#include <QLabel>
#include <QSignalSpy>
#include <QToolButton>

#include "tests/views/charts/run_fixture.h"
#include "views/panels/flat_combo.h"
#include "views/panels/parameter_slider.h"
#include "views/panels/plan_panel.h"

using namespace fovea;
using namespace fovea::testing;

TEST_CASE("MoA's numbers are set in the plan panel, one span for all heads or one each", "[views.panels]") {
    PlanPanel panel;
    panel.setSpec(smallSpec());
    panel.setTokens(508);
    panel.show();
    QStringList edited;
    QObject::connect(&panel, &PlanPanel::planEdited,
                     [&](const AttentionPlan&, const QString& what) { edited << what; });
    auto* keep = panel.findChild<FlatCombo*>("keep");
    const int moa = keep->findText(QStringLiteral("MoA spans"));
    keep->setCurrentIndex(moa);
    Q_EMIT keep->activated(moa);
    // The authors' 64 sinks, blocks and minimum keep all of a small model's context.
    CHECK(toText(panel.plan()) == "keep=moa:sinks=4,block=8,min=16");
    CHECK_FALSE(panel.findChild<ParameterSlider*>("window")->isVisible());
    CHECK(panel.findChild<QLabel*>("span beta value")->text().contains(QStringLiteral("of 508")));

    const auto drag = [&](const char* name, int number) {
        Q_EMIT panel.findChild<ParameterSlider*>(QLatin1String(name))->numberEdited(number);
    };
    drag("span alpha", 100);
    drag("span beta", 16);
    drag("sinks", 2);
    drag("block", 16);
    drag("minimum", 32);
    CHECK(toText(panel.plan()) == "keep=moa:alpha=100,beta=0.25,sinks=2,block=16,min=32");
    CHECK(edited == QStringList({"keep", "α", "β", "sinks", "block", "minimum"}));
    auto* length = panel.findChild<FlatCombo*>("length");
    Q_EMIT length->activated(1);
    CHECK(std::get<MoaParams>(panel.plan().keep).length == 1024);
    Q_EMIT length->activated(0);
    CHECK(std::get<MoaParams>(panel.plan().keep).length == 0);

    AttentionPlan own = panel.plan();
    auto params = std::get<MoaParams>(own.keep);
    params.spans = std::make_shared<const MoaSpans>(moaSpansFor(params, 4, 8));
    own.keep = params;
    panel.setPlan(own);
    CHECK_FALSE(panel.findChild<ParameterSlider*>("span alpha")->isVisible());
    CHECK(panel.findChild<QLabel*>("span source")->text().contains(QStringLiteral("unsaved")));
    panel.findChild<QToolButton*>("one for all")->click();
    CHECK(toText(panel.plan()) == "keep=moa:alpha=100,beta=0.25,sinks=2,block=16,min=32");
    QSignalSpy asked(&panel, &PlanPanel::spanMapRequested);
    panel.findChild<QToolButton*>("span map")->click();
    CHECK(asked.count() == 1);
}
