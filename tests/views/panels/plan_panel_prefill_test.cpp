#include <catch2/catch.hpp>

#include <QLabel>

#include "core/plan/plan_prefill.h"
#include "tests/views/charts/run_fixture.h"
#include "views/panels/flat_combo.h"
#include "views/panels/plan_panel.h"

using namespace fovea;
using namespace fovea::testing;

TEST_CASE("How a prompt is read can be chosen where the keep can mask it, and says whose way it is",
          "[views.panels]") {
    PlanPanel panel;
    panel.setSpec(smallSpec());
    std::vector<std::pair<AttentionPlan, QString>> edits;
    QObject::connect(&panel, &PlanPanel::planEdited,
                     [&](const AttentionPlan& plan, const QString& what) { edits.emplace_back(plan, what); });
    panel.show();
    auto *keep = panel.findChild<FlatCombo*>("keep"), *prefill = panel.findChild<FlatCombo*>("prefill");
    const auto choose = [](FlatCombo* box, int index) {
        box->setCurrentIndex(index);
        Q_EMIT box->activated(index);
    };
    for (const char* text : {"dense", "keep=h2o:heavy=9,recent=9", "keep=snapkv:budget=99,window=9"}) {
        panel.setPlan(parsePlan(text));
        CHECK_FALSE(prefill->isVisible());
    }
    panel.setPlan(parsePlan("keep=streaming:window=40"));
    REQUIRE(prefill->isVisible());
    CHECK(prefill->currentIndex() == 0);
    CHECK(prefill->itemText(0).contains("paper"));
    CHECK_FALSE(prefill->itemText(1).contains("paper"));
    CHECK(edits.empty());

    choose(prefill, 1);
    REQUIRE(edits.size() == 1);
    CHECK(edits.back().second == "prefill");
    CHECK(toText(panel.plan()) == "keep=streaming:window=40 prefill=masked");
    choose(prefill, 0);
    CHECK(toText(panel.plan()) == "keep=streaming:window=40");
    choose(prefill, 1);

    // A keep that cannot mask forgets it, and is offered all the same.
    choose(keep, 4);
    CHECK_FALSE(masksPrefill(panel.plan()));
    CHECK_FALSE(refusal(panel.plan(), smallSpec()));
    // MoA's own way is the mask.
    choose(keep, 3);
    CHECK(prefill->currentIndex() == 1);
    CHECK(prefill->itemText(1).contains("paper"));
    CHECK_FALSE(panel.plan().prefill);
    choose(prefill, 0);
    CHECK(panel.plan().prefill == AttentionPlan::Prefill::Dense);
    choose(prefill, 1);
    CHECK_FALSE(panel.plan().prefill);
}
