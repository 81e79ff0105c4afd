// The SHARE strip of the plan panel.
#include <catch2/catch.hpp>

#include <QLabel>
#include <QSignalSpy>
#include <QStandardItemModel>
#include <QToolButton>

#include "tests/views/charts/run_fixture.h"
#include "views/panels/flat_combo.h"
#include "views/panels/parameter_slider.h"
#include "views/panels/plan_panel.h"

using namespace fovea;
using namespace fovea::testing;

namespace {

struct ShownShare {
    PlanPanel panel;
    std::vector<std::pair<AttentionPlan, QString>> edits;
    FlatCombo *share, *pattern, *convert;
    ParameterSlider* factor;

    ShownShare() {
        panel.setSpec(smallSpec()); // 8 layers
        QObject::connect(
            &panel, &PlanPanel::planEdited,
            [this](const AttentionPlan& plan, const QString& what) { edits.emplace_back(plan, what); });
        share = panel.findChild<FlatCombo*>("share");
        pattern = panel.findChild<FlatCombo*>("pattern");
        convert = panel.findChild<FlatCombo*>("convert");
        factor = panel.findChild<ParameterSlider*>("factor");
        panel.resize(250, panel.sizeHint().height());
        panel.show();
    }
    void choose(FlatCombo* combo, int index) {
        combo->setCurrentIndex(index);
        Q_EMIT combo->activated(index);
    }
    QString value() const { return panel.findChild<QLabel*>("factor value")->text(); }
    static bool offered(FlatCombo* box, int index) {
        return qobject_cast<QStandardItemModel*>(box->model())->item(index)->isEnabled();
    }
};

} // namespace

TEST_CASE("Choosing that layers share shows its factor, pattern and conversion, and that it is untrained",
          "[views.panels]") {
    ShownShare s;
    auto* note = s.panel.findChild<QLabel*>("share note");
    CHECK(s.share->currentText().contains("GQA 8 / 2"));
    CHECK_FALSE(s.factor->isVisible());
    CHECK_FALSE(note->isVisible());
    QSignalSpy finished(&s.panel, &PlanPanel::editFinished);
    s.choose(s.share, 1);
    CHECK(finished.count() == 1);
    CHECK(s.edits.back().second == "share");
    CHECK(toText(s.panel.plan()) == "share=cla:2");
    CHECK(s.factor->isVisible());
    CHECK(note->isVisible());
    CHECK(note->text().contains("Untrained"));
    CHECK(s.value() == "2 · 4 of 8 own KV");
    s.choose(s.pattern, 1);
    CHECK(s.edits.back().second == "pattern");
    CHECK(s.value() == "2 · 5 of 8 own KV");
    s.choose(s.convert, 1);
    CHECK(s.edits.back().second == "convert");
    Q_EMIT s.factor->numberEdited(3);
    CHECK(s.edits.back().second == "factor");
    CHECK(toText(s.panel.plan()) == "share=cla:3,pattern=keep-ends,convert=first");

    // Off and on again: what it was.
    s.choose(s.share, 0);
    CHECK(s.panel.plan() == AttentionPlan{});
    s.choose(s.share, 1);
    CHECK(toText(s.panel.plan()) == "share=cla:3,pattern=keep-ends,convert=first");
    // Layer by layer, the same map.
    s.choose(s.share, 2);
    CHECK(toText(s.panel.plan()) == "share=layers:0_1_1_1_4_4_4_7,convert=first");
    CHECK_FALSE(s.factor->isVisible());
    CHECK(s.value() == "4 of 8 own KV");
    s.choose(s.convert, 0);
    CHECK(toText(s.panel.plan()) == "share=layers:0_1_1_1_4_4_4_7");
}

TEST_CASE("A share that is set is shown and not emitted; its diagram can be asked for", "[views.panels]") {
    ShownShare s;
    s.panel.setPlan(parsePlan("share=cla:4,pattern=dense-back read=sparq:r=8,k=64"));
    CHECK(s.edits.empty());
    CHECK(s.factor->number() == 4);
    CHECK(s.pattern->currentText() == "dense-back");
    CHECK(s.convert->currentIndex() == 0);
    QSignalSpy asked(&s.panel, &PlanPanel::sharingDiagramRequested);
    for (auto* button : s.panel.findChildren<QToolButton*>())
        if (button->text().contains("diagram"))
            button->click();
    CHECK(asked.count() == 1);
}

TEST_CASE("What a model's layers rule out cannot be chosen", "[views.panels]") {
    ShownShare s;
    CHECK(ShownShare::offered(s.share, 1));
    ModelSpec spec = smallSpec();
    for (int layer = 0; layer < spec.layers; ++layer) // every other one slides: no two neighbours are alike
        spec.layerSpecs.push_back({.window = layer % 2 ? 64 : 0, .rope = {}});
    s.panel.setSpec(spec);
    CHECK_FALSE(ShownShare::offered(s.share, 1));
    CHECK(s.share->itemData(1, Qt::ToolTipRole).toString().contains("sliding windows"));
}
