// The WEIGHTS strip of the plan panel.
#include <catch2/catch.hpp>

#include <QLabel>
#include <QSignalSpy>

#include "tests/views/charts/run_fixture.h"
#include "views/panels/flat_combo.h"
#include "views/panels/plan_panel.h"

using namespace fovea;
using namespace fovea::testing;

namespace {

struct ShownWeights {
    PlanPanel panel;
    std::vector<std::pair<AttentionPlan, QString>> edits;
    FlatCombo *weights, *bits, *group, *mode, *zero;

    ShownWeights() {
        panel.setSpec(smallSpec());
        QObject::connect(
            &panel, &PlanPanel::planEdited,
            [this](const AttentionPlan& plan, const QString& what) { edits.emplace_back(plan, what); });
        weights = panel.findChild<FlatCombo*>("weights");
        bits = panel.findChild<FlatCombo*>("weight bits");
        group = panel.findChild<FlatCombo*>("weight group");
        mode = panel.findChild<FlatCombo*>("weight mode");
        zero = panel.findChild<FlatCombo*>("weight zero");
        panel.resize(250, panel.sizeHint().height());
        panel.show();
    }
    void choose(FlatCombo* combo, const QString& entry) {
        const int index = combo->findText(entry);
        REQUIRE(index >= 0);
        combo->setCurrentIndex(index);
        Q_EMIT combo->activated(index);
    }
    QString note() const { return panel.findChild<QLabel*>("weight note")->text(); }
};

} // namespace

TEST_CASE("Choosing rounded weights shows bits, group and levels, and what they come to", "[views.panels]") {
    ShownWeights s;
    CHECK(s.weights->currentText().startsWith("checkpoint's own ("));
    CHECK_FALSE(s.bits->isVisible());
    QSignalSpy finished(&s.panel, &PlanPanel::editFinished);
    s.choose(s.weights, "rounded (RTN)");
    CHECK(finished.count() == 1);
    CHECK(s.edits.back().second == "weights");
    CHECK(toText(s.panel.plan()) == "weights=rtn");
    CHECK(s.bits->isVisible());
    const double bits = effectiveBits(RtnParams{}, smallSpec().width);
    CHECK(s.note() == QString::number(bits, 'f', 3) + " bits with scales and zeros");
    s.choose(s.bits, "3");
    CHECK(s.edits.back().second == "weight bits");
    s.choose(s.group, "32");
    CHECK(s.edits.back().second == "weight group");
    s.choose(s.zero, "free");
    CHECK(s.edits.back().second == "weight zero");
    CHECK(toText(s.panel.plan()) == "weights=rtn:bits=3,group=32,zero=free");
    // Symmetric has no zero to choose; its plan can be read again.
    s.choose(s.mode, "symmetric");
    CHECK(s.edits.back().second == "weight mode");
    CHECK_FALSE(s.zero->isVisible());
    CHECK(toText(s.panel.plan()) == "weights=rtn:bits=3,group=32,mode=sym");
    CHECK(parsePlan(toText(s.panel.plan())) == s.panel.plan());

    // Off and on again: what it was.
    s.choose(s.weights, s.weights->itemText(0));
    CHECK(s.panel.plan() == AttentionPlan{});
    s.choose(s.weights, "rounded (RTN)");
    CHECK(toText(s.panel.plan()) == "weights=rtn:bits=3,group=32,mode=sym");
}

TEST_CASE("Weights that are set are shown and not emitted, a group that is not offered too",
          "[views.panels]") {
    ShownWeights s;
    s.panel.setPlan(parsePlan("weights=rtn:bits=8,group=1024,zero=free read=sparq:r=8,k=64"));
    CHECK(s.edits.empty());
    CHECK(s.bits->currentText() == "8");
    CHECK(s.group->currentIndex() == -1);
    CHECK(s.zero->currentText() == "free");
    s.choose(s.bits, "4");
    CHECK(toText(s.panel.plan()) == "read=sparq:r=8,k=64 weights=rtn:group=1024,zero=free");
}

TEST_CASE("Choosing coded rows shows the store's own bits, beside those of the weights", "[views.panels]") {
    ShownWeights s;
    auto* store = s.panel.findChild<FlatCombo*>("store");
    auto* bits = s.panel.findChild<FlatCombo*>("store bits");
    CHECK_FALSE(bits->isVisible());
    s.choose(store, "rounded (RTN)");
    CHECK(s.edits.back().second == "store");
    CHECK(toText(s.panel.plan()) == "store=rtn");
    CHECK(bits->isVisible());
    CHECK_FALSE(s.bits->isVisible());
    s.choose(bits, "2");
    CHECK(s.edits.back().second == "store bits");
    s.choose(s.panel.findChild<FlatCombo*>("store group"), "32");
    CHECK(toText(s.panel.plan()) == "store=rtn:bits=2,group=32");
    const double held = storedBits(s.panel.plan().store, smallSpec().type, smallSpec().headDim);
    CHECK(s.panel.findChild<QLabel*>("store note")->text() == QString::number(held, 'f', 3) + " bits with scales and zeros");
    s.choose(store, "bf16");
    CHECK(toText(s.panel.plan()) == "store=bf16");
    CHECK_FALSE(bits->isVisible());
    s.choose(store, "rounded (RTN)");
    CHECK(toText(s.panel.plan()) == "store=rtn:bits=2,group=32"); // what it was
}

TEST_CASE("Stores whose rows are exact for a while have choices of their own, and are what they were when chosen again",
          "[views.panels]") {
    ShownWeights s;
    auto* store = s.panel.findChild<FlatCombo*>("store");
    const auto box = [&](const char* name) { return s.panel.findChild<FlatCombo*>(name); };
    s.choose(store, "KIVI");
    CHECK(toText(s.panel.plan()) == "store=kivi");
    CHECK(box("store kivi bits")->isVisible());
    CHECK_FALSE(box("store kvquant bits")->isVisible());
    CHECK_FALSE(box("store bits")->isVisible()); // RTN's
    s.choose(box("store kivi bits"), "4");
    CHECK(s.edits.back().second == "store kivi bits");
    s.choose(box("store residual"), "64");
    CHECK(toText(s.panel.plan()) == "store=kivi:bits=4,residual=64");
    s.choose(box("store kivi group"), "64"); // two groups were exact, and are again
    CHECK(toText(s.panel.plan()) == "store=kivi:bits=4,group=64");
    const double held = storedBits(s.panel.plan().store, smallSpec().type, smallSpec().headDim);
    CHECK(s.panel.findChild<QLabel*>("store mixed note")->text() ==
          QString::number(held, 'f', 3) + " bits when coded, with scales");
    CHECK(box("store prompt")->currentText() == "floats, the paper's");
    s.choose(box("store prompt"), "the codes");
    CHECK(toText(s.panel.plan()) == "store=kivi:bits=4,group=64 prefill=quantised");
    s.choose(store, "bf16"); // which has none
    CHECK(toText(s.panel.plan()) == "store=bf16");
    CHECK_FALSE(box("store prompt")->isVisible());
    s.choose(store, "KVQuant");
    s.choose(box("store outliers"), "0 %");
    s.choose(box("store exact"), "4");
    CHECK(toText(s.panel.plan()) == "store=kvquant:outliers=0,exact=4");
    s.choose(store, "coupled (CQ)");
    s.choose(box("store channels"), "2");
    s.choose(box("store recent"), "32");
    CHECK(toText(s.panel.plan()) == "store=cq:channels=2,recent=32");
    s.choose(store, "KIVI");
    CHECK(toText(s.panel.plan()) == "store=kivi:bits=4,group=64");
}

TEST_CASE("A calibration keeps the bits and the group that RTN had, and has no levels to choose", "[views.panels]") {
    ShownWeights s;
    s.panel.setPlan(parsePlan("weights=rtn:bits=3,group=64,mode=sym"));
    s.choose(s.weights, "calibrated (GPTQ)");
    CHECK(toText(s.panel.plan()) == "weights=gptq:bits=3,group=64");
    CHECK(s.bits->isVisible());
    CHECK_FALSE(s.mode->isVisible());
    CHECK_FALSE(s.zero->isVisible());
    CHECK(s.note().endsWith("bits with scales and zeros"));
    s.choose(s.weights, "calibrated (AWQ)");
    s.choose(s.bits, "4");
    CHECK(toText(s.panel.plan()) == "weights=awq:group=64");
    s.choose(s.weights, "rounded (RTN)");
    CHECK(toText(s.panel.plan()) == "weights=rtn:group=64,mode=sym");
    s.panel.setPlan(parsePlan("weights=awq"));
    CHECK(s.weights->currentText() == "calibrated (AWQ)");
}

TEST_CASE("Choosing rounded activations shows their bits, smoothed ones how much was moved too", "[views.panels]") {
    ShownWeights s;
    auto* acts = s.panel.findChild<FlatCombo*>("acts");
    auto* bits = s.panel.findChild<FlatCombo*>("act bits");
    auto* alpha = s.panel.findChild<FlatCombo*>("act alpha");
    CHECK(acts->currentText() == "f32");
    CHECK_FALSE(bits->isVisible());
    QSignalSpy finished(&s.panel, &PlanPanel::editFinished);
    s.choose(acts, "rounded (RTN)");
    CHECK(finished.count() == 1);
    CHECK(s.edits.back().second == "acts");
    CHECK(bits->isVisible());
    CHECK_FALSE(alpha->isVisible());
    s.choose(bits, "4");
    CHECK(s.edits.back().second == "act bits");
    CHECK(toText(s.panel.plan()) == "acts=rtn:bits=4");
    s.choose(acts, "smoothed (SmoothQuant)");
    CHECK(alpha->isVisible());
    s.choose(alpha, "0.85");
    CHECK(s.edits.back().second == "act alpha");
    CHECK(toText(s.panel.plan()) == "acts=smooth:bits=4,alpha=0.85");
    s.choose(acts, "f32");
    CHECK(s.panel.plan() == AttentionPlan{});
    // An α that is not offered is kept, and what was learnt from another checkpoint does not go with smoothing.
    s.panel.setPlan(parsePlan("acts=smooth:alpha=0.3"));
    CHECK(alpha->currentIndex() == -1);
    s.choose(bits, "4");
    CHECK(toText(s.panel.plan()) == "acts=smooth:bits=4,alpha=0.3");
    s.panel.setPlan(parsePlan("weights=awq"));
    CHECK_FALSE(acts->model()->index(2, 0).flags().testFlag(Qt::ItemIsEnabled));
    s.panel.setPlan(parsePlan("weights=rtn"));
    CHECK(acts->model()->index(2, 0).flags().testFlag(Qt::ItemIsEnabled));
}
