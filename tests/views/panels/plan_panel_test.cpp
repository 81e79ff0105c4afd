#include <catch2/catch.hpp>

#include <QAction>
#include <QCheckBox>
#include <QLabel>
#include <QSignalSpy>
#include <QStandardItemModel>
#include <QTest>
#include <QToolButton>

#include "tests/views/charts/run_fixture.h"
#include "views/panel_frame.h"
#include "views/panels/flat_combo.h"
#include "views/panels/parameter_slider.h"
#include "views/panels/plan_panel.h"

using namespace fovea;
using namespace fovea::testing;

namespace {

struct Shown {
    PlanPanel panel;
    std::vector<std::pair<AttentionPlan, QString>> edits;
    ParameterSlider *r, *k, *local;
    FlatCombo *store, *read, *select;
    QCheckBox *automatic, *alpha, *tau;

    Shown() {
        panel.setSpec(smallSpec());
        panel.setTokens(508);
        panel.setPlan(sparqPlan(8, 64));
        QObject::connect(
            &panel, &PlanPanel::planEdited,
            [this](const AttentionPlan& plan, const QString& what) { edits.emplace_back(plan, what); });
        r = panel.findChild<ParameterSlider*>("r");
        k = panel.findChild<ParameterSlider*>("k");
        local = panel.findChild<ParameterSlider*>("local");
        store = panel.findChild<FlatCombo*>("store");
        read = panel.findChild<FlatCombo*>("read");
        select = panel.findChild<FlatCombo*>("select");
        automatic = panel.findChild<QCheckBox*>("automatic");
        alpha = panel.findChild<QCheckBox*>("alpha");
        tau = panel.findChild<QCheckBox*>("tau");
        panel.resize(250, panel.sizeHint().height());
        panel.show();
    }
    const SparqParams& last() const { return std::get<SparqParams>(edits.back().first.read); }
    void choose(FlatCombo* combo, int index) {
        combo->setCurrentIndex(index);
        Q_EMIT combo->activated(index);
    }
};

} // namespace

TEST_CASE("What the program sets is shown and not emitted", "[views.panels]") {
    Shown s;
    auto plan = sparqPlan(16, 100);
    std::get<SparqParams>(plan.read) = {.components = 16,
                                        .tokens = 100,
                                        .local = 7,
                                        .alpha = false,
                                        .tau = false,
                                        .select = SparqParams::Select::Logits};
    plan.store = ElementType::BF16;
    s.panel.setPlan(plan);
    s.panel.setTokens(300);
    s.panel.setSpec(smallSpec());
    s.panel.setDefaults({});
    CHECK(s.edits.empty());
    CHECK(s.panel.plan() == plan);
    CHECK(s.r->number() == 16);
    CHECK(s.k->number() == 100); // not a step of the logarithmic slider, and kept all the same
    CHECK(s.local->number() == 7);
    CHECK_FALSE(s.automatic->isChecked());
    CHECK_FALSE(s.alpha->isChecked());
    CHECK_FALSE(s.tau->isChecked());
    CHECK(s.select->currentText() == "logits");
    CHECK(s.store->currentText() == "bf16");
    CHECK(s.read->currentText() == "SparQ");
    s.panel.setPlan({});
    CHECK(s.edits.empty());
    CHECK_FALSE(s.r->isVisible()); // what the plan does not use is not there
}

TEST_CASE("Dragging r emits every value on the way and ends once", "[views.panels]") {
    Shown s;
    QSignalSpy finished(&s.panel, &PlanPanel::editFinished);
    const auto at = [&](double share) {
        return QPoint(qRound(6 + share * (s.r->width() - 12)), s.r->height() / 2);
    };
    QTest::mousePress(s.r, Qt::LeftButton, {}, at(0.2));
    for (const double share : {0.4, 0.6, 0.8})
        QTest::mouseMove(s.r, at(share));
    CHECK(finished.isEmpty());
    REQUIRE(s.edits.size() == 4);
    QTest::mouseRelease(s.r, Qt::LeftButton, {}, at(0.8));
    CHECK(finished.size() == 1);
    int before = 0;
    for (const auto& [plan, what] : s.edits) {
        CHECK(what == "r");
        const auto& params = std::get<SparqParams>(plan.read);
        CHECK(params.components > before);
        CHECK(params.tokens == 64);
        before = params.components;
    }
    CHECK(before == 1 + qRound(0.8 * 31));
    CHECK(s.panel.plan() == s.edits.back().first);
}

TEST_CASE("Keys step a slider, a double click returns to the default", "[views.panels]") {
    Shown s;
    s.panel.setDefaults({.components = 12, .tokens = 48});
    s.k->setFocus();
    QTest::keyClick(s.k, Qt::Key_Right);
    CHECK(s.last().tokens == 68); // sixteen steps an octave
    QTest::keyClick(s.k, Qt::Key_PageDown);
    CHECK(s.last().tokens < 64);
    QTest::keyClick(s.k, Qt::Key_Home);
    CHECK(s.last().tokens == 1);
    QTest::keyClick(s.k, Qt::Key_End);
    CHECK(s.last().tokens == 1024);
    QTest::mouseDClick(s.k, Qt::LeftButton, {}, QPoint(20, 9));
    CHECK(s.last().tokens == 48);
    QTest::mouseDClick(s.r, Qt::LeftButton, {}, QPoint(20, 9));
    CHECK(s.last().components == 12);
    CHECK(s.edits.back().second == "r");
}

TEST_CASE("The local window is a quarter of k until it is moved, and never more than k", "[views.panels]") {
    Shown s;
    CHECK(s.automatic->isChecked());
    CHECK(s.local->number() == 16);
    s.k->setFocus();
    QTest::keyClick(s.k, Qt::Key_End);
    CHECK_FALSE(s.last().local.has_value());
    CHECK(s.local->number() == 256);
    QTest::keyClick(s.local, Qt::Key_Left);
    REQUIRE(s.last().local.has_value());
    CHECK(*s.last().local < 256);
    CHECK_FALSE(s.automatic->isChecked());
    QTest::keyClick(s.k, Qt::Key_Home);
    CHECK(s.last().tokens == 1);
    CHECK(*s.last().local == 1);
    s.automatic->click();
    CHECK_FALSE(s.last().local.has_value());
    CHECK(s.edits.back().second == "local");
    s.automatic->click();
    CHECK(s.last().local == 0);
    QTest::mouseDClick(s.local, Qt::LeftButton, {}, QPoint(20, 9));
    CHECK_FALSE(s.last().local.has_value());
}

TEST_CASE("Switches and choices emit the plan they name", "[views.panels]") {
    Shown s;
    s.alpha->click();
    CHECK_FALSE(s.last().alpha);
    CHECK(s.edits.back().second == "alpha");
    s.tau->click();
    CHECK_FALSE(s.last().tau);
    s.choose(s.select, 1);
    CHECK(s.last().select == SparqParams::Select::Logits);
    s.choose(s.store, 3);
    CHECK(s.edits.back().first.store == Store(ElementType::BF16));
    s.choose(s.store, 0);
    CHECK(s.edits.back().first.store == Store());
    s.choose(s.read, 0);
    CHECK(std::holds_alternative<ReadAll>(s.edits.back().first.read));
    CHECK_FALSE(s.k->isVisible());
    s.choose(s.read, 1);
    CHECK(s.last().select == SparqParams::Select::Logits); // as it was before the visit to "all"
    const auto count = s.edits.size();
    s.choose(s.read, 1);
    CHECK(s.edits.size() == count); // nothing changed, nothing emitted
}

TEST_CASE("Top-k V and Quest have sliders of their own, and come back as they were left", "[views.panels]") {
    Shown s;
    CHECK(s.r->isVisible());
    s.choose(s.read, 2);
    REQUIRE(std::holds_alternative<TopvParams>(s.edits.back().first.read));
    CHECK(s.edits.back().second == "read");
    CHECK_FALSE(s.r->isVisible());
    auto* values = s.panel.findChild<ParameterSlider*>("values");
    REQUIRE(values);
    CHECK(values->isVisible());
    QTest::keyClick(values, Qt::Key_Home);
    CHECK(std::get<TopvParams>(s.edits.back().first.read).tokens == 1);
    CHECK(s.edits.back().second == "k");
    CHECK(s.panel.findChild<QLabel*>("values value")->text() == "1 · 0.2 %");
    s.panel.findChild<QCheckBox*>("renormalise")->click();
    CHECK(std::get<TopvParams>(s.edits.back().first.read) == TopvParams{1, true});
    CHECK(s.edits.back().second == "renormalise");

    s.choose(s.read, 3);
    REQUIRE(std::holds_alternative<QuestParams>(s.edits.back().first.read));
    CHECK_FALSE(values->isVisible());
    for (const auto& [name, field] : {std::pair<const char*, int QuestParams::*>{"page", &QuestParams::page},
                                      {"pages", &QuestParams::pages},
                                      {"skip", &QuestParams::skip}}) {
        auto* slider = s.panel.findChild<ParameterSlider*>(name);
        REQUIRE(slider);
        QTest::keyClick(slider, Qt::Key_Home);
        const bool skip = std::string(name) == "skip";
        CHECK(std::get<QuestParams>(s.edits.back().first.read).*field == (skip ? 0 : 1));
        CHECK(s.edits.back().second == name);
    }
    CHECK(s.panel.findChild<QLabel*>("pages value")->text() == "1 · tokens 1 · 0.2 %");
    const auto left = s.edits.back().first;
    s.choose(s.read, 0);
    CHECK_FALSE(s.r->isVisible());
    s.choose(s.read, 3);
    CHECK(s.edits.back().first == left);
    s.choose(s.read, 2);
    CHECK(std::get<TopvParams>(s.edits.back().first.read) == TopvParams{1, true});

    // What does not go together is greyed out where one would choose it.
    s.panel.setPlan(parsePlan("keep=lm-infinite:window=40"));
    auto* model = qobject_cast<QStandardItemModel*>(s.read->model());
    CHECK_FALSE(model->item(1)->isEnabled());
    CHECK(model->item(2)->isEnabled());
    CHECK_FALSE(model->item(3)->isEnabled());
    CHECK(model->item(3)->toolTip().contains("bounds"));
}

TEST_CASE("k is shown as tokens and as a share of the cache", "[views.panels]") {
    Shown s;
    const auto* value = s.panel.findChild<QLabel*>("k value");
    REQUIRE(value);
    CHECK(value->text() == "64 · 12.6 %");
    s.panel.setTokens(40);
    CHECK(value->text() == "64 · all 40");
    s.panel.setTokens(0);
    CHECK(value->text() == "64");
    CHECK(s.panel.findChild<QLabel*>("r value")->text() == "8 of 32");
}

TEST_CASE("The header mirrors undo and redo and asks for the command", "[views.panels]") {
    Shown s;
    PanelFrame frame("");
    s.panel.furnish(&frame);
    QAction undo("Undo r"), redo("Redo");
    redo.setEnabled(false);
    s.panel.setUndoActions(&undo, &redo);
    QSignalSpy triggered(&undo, &QAction::triggered), copied(&s.panel, &PlanPanel::copyAsCommandRequested);
    for (auto* button : frame.findChildren<QToolButton*>()) {
        if (button->text() == "↷")
            CHECK_FALSE(button->isEnabled());
        button->click();
    }
    CHECK(triggered.size() == 1);
    CHECK(copied.size() == 1);
    redo.setEnabled(true);
    for (const auto* button : frame.findChildren<QToolButton*>())
        CHECK(button->isEnabled());
}

namespace {

struct ShownKeep : Shown {
    FlatCombo *keep = panel.findChild<FlatCombo*>("keep"),
              *positions = panel.findChild<FlatCombo*>("positions");
    ParameterSlider *sinks = panel.findChild<ParameterSlider*>("sinks"),
                    *window = panel.findChild<ParameterSlider*>("window");
    ShownKeep() { panel.setPlan({}); }
    bool offered(const FlatCombo* box, int index) const {
        return box->model()->flags(box->model()->index(index, 0)) & Qt::ItemIsEnabled;
    }
};

} // namespace

TEST_CASE("KEEP starts StreamingLLM at a window that evicts, and returns to the last one", "[views.panels]") {
    ShownKeep s;
    CHECK_FALSE(s.sinks->isVisible());
    s.choose(s.keep, 1);
    REQUIRE(s.edits.size() == 1);
    CHECK(s.edits[0].second == "keep");
    CHECK(toText(s.edits[0].first) == "keep=streaming:window=128"); // an eighth of a context of 1024
    CHECK(s.sinks->isVisible());
    CHECK(s.positions->isVisible());
    Q_EMIT s.window->numberEdited(60);
    CHECK(s.edits.back().second == "window");
    Q_EMIT s.sinks->numberEdited(2);
    CHECK(s.edits.back().second == "sinks");
    s.choose(s.positions, 1);
    CHECK(s.edits.back().second == "positions");
    CHECK(toText(s.panel.plan()) == "keep=streaming:sinks=2,window=60,positions=cache");
    CHECK(s.panel.findChild<QLabel*>("window value")->text() == "60 · sees 63 of 508");
    s.choose(s.keep, 2);
    CHECK(toText(s.panel.plan()) == "keep=lm-infinite:window=128");
    CHECK_FALSE(s.positions->isVisible());
    s.choose(s.keep, 0);
    CHECK(s.panel.plan() == AttentionPlan{});
    s.choose(s.keep, 1);
    CHECK(toText(s.panel.plan()) == "keep=streaming:sinks=2,window=60,positions=cache");
}

TEST_CASE("What does not go together cannot be chosen, and says why", "[views.panels]") {
    ShownKeep s;
    CHECK(s.offered(s.keep, 2));
    s.panel.setPlan(parsePlan("keep=streaming:window=60 read=sparq:r=8,k=64"));
    CHECK(s.edits.empty());
    CHECK(s.offered(s.keep, 1));
    CHECK_FALSE(s.offered(s.keep, 2));
    CHECK_FALSE(s.offered(s.positions, 1));
    CHECK(s.positions->itemData(1, Qt::ToolTipRole).toString().contains("read=sparq"));
    CHECK(s.offered(s.read, 1));
    s.panel.setPlan(parsePlan("keep=streaming:window=60,positions=cache"));
    CHECK(s.offered(s.positions, 1));
    CHECK_FALSE(s.offered(s.read, 1));
    s.panel.setPlan(parsePlan("keep=streaming:window=60"));
    CHECK(s.offered(s.read, 1));
}

TEST_CASE("Neither slider can leave a stream without a token", "[views.panels]") {
    ShownKeep s;
    s.panel.setPlan(parsePlan("keep=streaming:sinks=0,window=5"));
    s.window->setValue(s.window->minimum());
    CHECK_FALSE(refusal(s.panel.plan(), smallSpec()));
    s.panel.setPlan(parsePlan("keep=streaming:sinks=3,window=0"));
    s.sinks->setValue(s.sinks->minimum());
    CHECK_FALSE(refusal(s.panel.plan(), smallSpec()));
}

TEST_CASE("KEEP starts a scored keep at numbers that evict, and returns to the last ones", "[views.panels]") {
    ShownKeep s;
    const auto number = [&](const char* name) { return s.panel.findChild<ParameterSlider*>(name); };
    CHECK(number("heavy") == nullptr);
    s.choose(s.keep, 4);
    CHECK(s.edits.back().second == "keep");
    CHECK(toText(s.panel.plan()) == "keep=h2o:heavy=64,recent=64");
    REQUIRE(number("heavy"));
    CHECK(number("heavy")->isVisible());
    CHECK_FALSE(s.sinks->isVisible());
    Q_EMIT number("heavy")->numberEdited(20);
    CHECK(s.edits.back().second == "heavy");
    s.choose(s.keep, 5);
    CHECK(toText(s.panel.plan()) == "keep=scissorhands:budget=128");
    CHECK(number("heavy") == nullptr);
    Q_EMIT number("drop")->numberEdited(30);
    Q_EMIT number("budget")->numberEdited(31); // drop follows: recent and drop lie within the budget
    CHECK(toText(s.panel.plan()) == "keep=scissorhands:budget=31,drop=21");
    s.choose(s.keep, 6);
    CHECK(toText(s.panel.plan()) == "keep=snapkv:budget=128,window=32");
    Q_EMIT number("pool")->numberEdited(8);
    CHECK(toText(s.panel.plan()) == "keep=snapkv:budget=128,window=32,pool=9"); // a token has its middle
    s.choose(s.keep, 4);
    CHECK(toText(s.panel.plan()) == "keep=h2o:heavy=20,recent=64");
    s.choose(s.keep, 0);
    CHECK(s.panel.plan() == AttentionPlan{});
}

TEST_CASE("H2O's tokens and its share of the prompt are shown together, and either can be set",
          "[views.panels]") {
    ShownKeep s;
    s.panel.setPrompt(500);
    s.panel.setPlan(parsePlan("keep=h2o:heavy=50,recent=25"));
    const auto value = [&](const char* name) { return s.panel.findChild<QLabel*>(name)->text(); };
    CHECK(value("heavy value") == "50 · 10.0 %");
    CHECK(value("recent value") == "25 · 5.0 %");
    auto* unit = s.panel.findChild<FlatCombo*>("unit");
    REQUIRE(unit->isVisible());
    s.choose(unit, 1);
    CHECK(s.edits.back().second == "unit");
    CHECK(toText(s.panel.plan()) == "keep=h2o:heavy=10%,recent=5%");
    CHECK(value("heavy value") == "10 % · 50");
    s.panel.setPrompt(200);
    CHECK(value("heavy value") == "10 % · 20");
    s.choose(unit, 0);
    CHECK(toText(s.panel.plan()) == "keep=h2o:heavy=20,recent=10");
    s.panel.setPlan(parsePlan("keep=snapkv:budget=40,window=8"));
    CHECK_FALSE(unit->isVisible());
}

TEST_CASE("No slider of a scored keep can leave a plan that is refused", "[views.panels]") {
    for (const char* text :
         {"keep=h2o:heavy=0,recent=5", "keep=h2o:heavy=3%,recent=0", "keep=scissorhands:budget=20",
          "keep=scissorhands:budget=20,recent=4,drop=16", "keep=snapkv:budget=9,window=9"}) {
        ShownKeep s;
        for (const bool up : {false, true})
            for (const char* name : {"heavy", "recent", "budget", "history", "drop", "observers", "pool"}) {
                s.panel.setPlan(parsePlan(text));
                auto* slider = s.panel.findChild<ParameterSlider*>(name);
                if (!slider)
                    continue;
                slider->setValue(up ? slider->maximum() : slider->minimum());
                INFO(text << ", " << name << " gives " << toText(s.panel.plan()));
                CHECK_FALSE(refusal(s.panel.plan(), smallSpec()));
            }
    }
}

TEST_CASE("What H2O hears of SparQ can be chosen while there is both, and is forgotten with either", "[views.panels]") {
    ShownKeep s;
    auto* feedback = s.panel.findChild<FlatCombo*>("feedback");
    s.panel.setPlan(parsePlan("keep=h2o:heavy=9,recent=9"));
    CHECK_FALSE(feedback->isVisible());
    s.panel.setPlan(parsePlan("keep=h2o:heavy=9,recent=9 read=sparq:r=8,k=64"));
    CHECK(feedback->isVisible());
    s.choose(feedback, 1);
    CHECK(s.edits.back().second == "feedback");
    CHECK(toText(s.panel.plan()) == "keep=h2o:heavy=9,recent=9 read=sparq:r=8,k=64 feedback=estimate");
    CHECK(s.offered(s.keep, 1));
    CHECK(s.offered(s.keep, 6));
    s.choose(s.keep, 6);
    CHECK(s.panel.plan().feedback == AttentionPlan::Feedback::Exact);
    CHECK_FALSE(refusal(s.panel.plan(), smallSpec()));
}
