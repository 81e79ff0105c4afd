// Calibrations from the window: the real program as its process, offscreen, on a copy of the bundled model.
#include <catch2/catch.hpp>

#include <QAction>
#include <QComboBox>
#include <QPushButton>
#include <QToolButton>

#include <filesystem>

#include "app/window/calibration_form.h"
#include "app/window/calibration_window.h"
#include "app/window/loaded_model.h"
#include "app/window/status_line.h"
#include "tests/app/commands/small_text.h"
#include "tests/app/window/window_fixture.h"

using namespace fovea;
using namespace fovea::test;

namespace {

struct CalibrationFixture {
    TemporaryFolder folder;
    std::filesystem::path starter = folder / "starter", text = folder / "text.txt";
    CalibrationWindow window{nullptr, QStringLiteral(FOVEA_PROGRAM)};

    CalibrationFixture() {
        std::filesystem::copy(FOVEA_SOURCE_DIR "/assets/models/fovea-starter", starter);
        putContent(text, smallTrainingText());
        window.form().setModel(openModel(starter));
        window.show();
    }
    CalibrationRequest request(const char* method, bool ofStore, std::int64_t blocks = 3) const {
        CalibrationRequest r{.ofStore = ofStore, .method = method};
        r.text = text;
        r.blocks = {.blocks = blocks, .length = 64, .seed = 3};
        return r;
    }
    bool ends() {
        return waitUntil([&] { return !window.run().running(); });
    }
};

} // namespace

TEST_CASE("What a form is given it asks for, method by method", "[window][calibrate]") {
    CalibrationFixture f;
    const auto roundTrip = [&](const char* method, bool ofStore) {
        CalibrationRequest r = f.request(method, ofStore);
        r.to = "/somewhere";
        f.window.form().setRequest(r);
        r.model = f.starter;
        CHECK(f.window.form().request() == r);
    };
    for (const char* method : {"awq:bits=3,group=64", "gptq:bits=2,group=512", "smooth:alpha=0.85"})
        roundTrip(method, false);
    for (const char* method :
         {"kvquant:bits=2,outliers=0.02,exact=4,norm=off", "kvquant", "cq:channels=8,recent=32"})
        roundTrip(method, true);
    CHECK(f.window.form().facts().contains("3 blocks of 64 tokens"));
    CHECK(f.window.form().facts().contains("formula"));
    // The other kind begins with the blocks of its own papers, unless somebody chose.
    CalibrationForm fresh;
    CHECK(fresh.request().blocks.blocks == 128);
    fresh.findChild<QComboBox*>("calibrationMethod")->setCurrentIndex(3);
    CHECK(fresh.request().ofStore);
    CHECK(fresh.request().blocks.blocks == 64);
    CHECK(fresh.refusal().contains("No model is open"));
}

TEST_CASE("Beyond the memory budget, or of no shape for the model, nothing is begun", "[window][calibrate]") {
    CalibrationFixture f;
    f.window.form().setBudget([] { return std::int64_t{1} << 20; });
    f.window.form().setRequest(f.request("awq:bits=4,group=128", false, 4096));
    CHECK(f.window.form().refusal().contains("beyond the memory budget of"));
    CHECK_FALSE(f.window.startButton().isEnabled());
    CHECK(f.window.statusText() == f.window.form().refusal());
    f.window.form().setBudget({[] { return std::int64_t{0}; }});
    f.window.form().setRequest(f.request("kvquant:bits=2,outliers=0.1", true));
    CHECK(f.window.startButton().isEnabled());
    CHECK_FALSE(f.window.useButton().isVisible());
    CHECK(f.window.windowTitle() == "Calibrate starter – Fovea");
}

TEST_CASE("A store is learnt in the window, with its progress and what the text was too short for",
          "[window][calibrate]") {
    CalibrationFixture f;
    putContent(f.text, smallTrainingText().substr(0, 300));
    f.window.form().setRequest(f.request("kvquant:bits=2", true));
    QStringList stages;
    QObject::connect(&f.window.run(), &CalibrationRun::stateChanged,
                     [&] { stages << f.window.run().stage(); });
    f.window.startButton().click();
    CHECK(f.window.stopButton().isVisible());
    CHECK_FALSE(f.window.form().isEnabled());
    REQUIRE(f.ends());
    INFO(f.window.statusText().toStdString());
    const auto made = f.starter / "kvquant-bits2.codebooks.safetensors";
    CHECK(std::filesystem::exists(made));
    CHECK(f.window.run().made().toStdString() == made.string());
    CHECK(f.window.statusText().contains("kvquant-bits2"));
    CHECK(stages.contains("block 3 of 3"));
    CHECK(stages.contains("layer 5 of 5"));
    REQUIRE(f.window.run().notes().size() == 1);
    CHECK(f.window.run().notes().front().contains("too few for 3 blocks of 64 side by side"));
    CHECK(f.window.useButton().isVisible());
    QString wanted;
    QObject::connect(&f.window, &CalibrationWindow::slotWanted, [&](const QString& slot) { wanted = slot; });
    f.window.useButton().click();
    CHECK(wanted == "store=kvquant:bits=2");
}

TEST_CASE("A calibration that is stopped leaves nothing, and can be begun again", "[window][calibrate]") {
    CalibrationFixture f;
    f.window.form().setRequest(f.request("gptq:bits=4,group=128", false, 1024)); // work for long
    f.window.startButton().click();
    REQUIRE(waitUntil([&] { return f.window.run().fraction() > 0 || !f.window.run().running(); }));
    REQUIRE(f.window.run().running());
    f.window.stopButton().click();
    REQUIRE(f.ends());
    CHECK(f.window.statusText().contains("stopped: nothing was written"));
    CHECK(f.window.run().made().isEmpty());
    CHECK_FALSE(f.window.useButton().isVisible());
    CHECK(f.window.startButton().isVisible());
    CHECK(f.folder.entries() == 2);
}

TEST_CASE("What goes wrong is one line", "[window][calibrate]") {
    CalibrationFixture f;
    const auto said = [&](const CalibrationRequest& request) {
        f.window.form().setRequest(request);
        f.window.startButton().click();
        REQUIRE(f.ends());
        CHECK(f.window.run().made().isEmpty());
        return f.window.statusText();
    };
    CalibrationRequest nowhere = f.request("cq:bits=2", true);
    nowhere.to = "/proc/nowhere/x";
    CHECK(said(nowhere).contains("/proc/nowhere"));
    CHECK_FALSE(f.window.statusText().contains('\n'));
    CHECK_FALSE(f.window.statusText().startsWith("fovea:"));
    CalibrationRequest unread = f.request("cq:bits=2", true);
    unread.text = f.folder / "none.txt";
    CHECK(said(unread).contains("none.txt"));
    CalibrationRequest own = f.request("gptq:bits=4,group=128", false);
    own.to = f.starter; // the model itself
    CHECK(said(own).contains("no calibration made"));
    CalibrationWindow broken(nullptr, "/no/such/program");
    broken.form().setModel(f.window.form().model());
    broken.startButton().click();
    REQUIRE(waitUntil([&] { return broken.statusText().contains("cannot be started"); }));
}

TEST_CASE("A plan refused for want of a calibration offers it, and runs once it is made",
          "[window][calibrate]") {
    CalibrationFixture made; // its folder, with the model
    WindowFixture f;
    f.controller().openModel(QString::fromStdString(made.starter.string()));
    REQUIRE(waitUntil([&] { return f.document().model() && f.document().model()->path == made.starter; }));
    REQUIRE(f.document().editPrompt("The king").isEmpty());
    REQUIRE(f.document().editPlanText(Side::A, "dense").isEmpty());
    auto* offer = f.window->findChild<QToolButton*>("statusOffer");
    REQUIRE(offer);
    CHECK_FALSE(offer->isVisible());
    REQUIRE(f.document().editPlanText(Side::B, "read=topv:k=4 weights=gptq:bits=3").isEmpty());
    f.setTokens(4);
    f.window->actions().run->trigger();
    REQUIRE(waitUntil([&] { return offer->isVisible(); }));
    REQUIRE(f.rest());
    const auto opened = [&] {
        return f.window->findChild<CalibrationWindow*>(QString(), Qt::FindDirectChildrenOnly);
    };
    CHECK_FALSE(opened());
    offer->click();
    REQUIRE(opened());
    CalibrationForm& form = opened()->form();
    CHECK(form.request().method == "gptq:bits=3,group=128");
    CHECK(form.request().model == made.starter);
    opened()->close();

    made.window.form().setRequest(made.request("gptq:bits=3,group=128", false));
    made.window.startButton().click();
    REQUIRE(made.ends());
    INFO(made.window.statusText().toStdString());
    REQUIRE(std::filesystem::exists(made.folder / "starter-gptq-3bit-g128" / "config.json"));
    f.window->actions().run->trigger();
    REQUIRE(waitUntil([&] { return f.controller().runs().b != nullptr; }));
    REQUIRE(f.rest());
    CHECK(toText(f.controller().runs().b->plan) == "read=topv:k=4 weights=gptq:bits=3");

    // The slot takes the place of the one that is there; where it stood there already, all is run anew.
    CHECK(f.window->usePlanSlot("weights=gptq:bits=3").isEmpty());
    CHECK(f.controller().running());
    REQUIRE(f.rest());
    CHECK(f.window->usePlanSlot("weights=awq:bits=2").isEmpty());
    CHECK(toText(f.document().plan(Side::B)) == "read=topv:k=4 weights=awq:bits=2");
    CHECK(f.window->usePlanSlot("weights=nonsense").contains("nonsense"));
}

TEST_CASE("What a refusal names is found in it, and nothing in other lines", "[window][calibrate]") {
    const CalibrationRequest weights =
        calibrationNamed("weights=awq is not there: /m-awq is made by `fovea calibrate --weights "
                         "awq:bits=4,group=128 --model /m --text FILE`");
    CHECK(weights.method == "awq:bits=4,group=128");
    CHECK_FALSE(weights.ofStore);
    const CalibrationRequest store = calibrationNamed("`fovea calibrate --store cq:channels=8` makes them");
    CHECK(store.method == "cq:channels=8");
    CHECK(store.ofStore);
    CHECK(calibrationNamed("no attention was captured yet").method.empty());
}
