// Training from the window: the real program as its process, offscreen.
#include <catch2/catch.hpp>

#include <QImage>
#include <QPushButton>

#include "app/window/training_form.h"
#include "app/window/training_window.h"
#include "tests/app/commands/small_text.h"
#include "tests/app/window/window_fixture.h"
#include "views/charts/loss_chart.h"

using namespace fovea;
using namespace fovea::test;

namespace {

struct TrainingFixture {
    TemporaryFolder folder;
    TrainingWindow window{nullptr, QStringLiteral(FOVEA_PROGRAM)};

    TrainingFixture() {
        putContent(folder / "text.txt", smallTrainingText());
        window.show();
    }
    std::filesystem::path out() const { return folder / "tiny"; }
    void fill(int steps) {
        TrainOptions o;
        o.text = {folder / "text.txt"};
        o.tokens = 10'000 * ((steps * 512 + 9'999) / 10'000); // the form counts in hundredths of a million
        o.vocabulary = 420;
        o.width = 32;
        o.layers = 1;
        o.heads = 2;
        o.kvHeads = 1;
        o.ffn = 64;
        o.context = 64;
        o.batchTokens = 512;
        o.learningRate = 1e-2;
        o.threads = 1;
        o.validateEvery = 10;
        o.saveSeconds = 1;
        window.form().setOptions(o);
        window.form().setFolder(QString::fromStdString(out().string()));
    }
    bool ends() {
        return waitUntil([&] { return !window.run().running(); }) && waitUntil([&] {
                   const auto& entries = window.run().seen().entries;
                   return !entries.empty() && entries.back().kind == TrainingEntry::Kind::Ended;
               });
    }
    bool hasPoints(std::size_t count) {
        return waitUntil([&] { return window.chart().curves().training.loss.size() >= count; });
    }
};

} // namespace

TEST_CASE("A training is begun, stopped and resumed from the window, and its losses are drawn", "[window]") {
    TrainingFixture f;
    CHECK_FALSE(f.window.trainButton().isEnabled());
    f.fill(100'000);
    CHECK(f.window.trainButton().isEnabled());
    CHECK(f.window.trainButton().isVisible());
    CHECK_FALSE(f.window.resumeButton().isVisible());
    f.window.trainButton().click();
    REQUIRE(f.hasPoints(3));
    CHECK(f.window.run().running());
    CHECK(f.window.stopButton().isVisible());
    CHECK_FALSE(f.window.trainButton().isVisible());
    f.window.stopButton().click();
    REQUIRE(f.ends());
    REQUIRE(waitUntil([&] { return f.window.resumeButton().isVisible(); }));
    CHECK(f.window.run().seen().unfinished);
    CHECK(f.window.trainButton().text().startsWith("Begin anew"));
    const std::size_t before = f.window.chart().curves().training.loss.size();

    f.window.resumeButton().click();
    REQUIRE(f.hasPoints(before + 2));
    CHECK(f.window.chart().curves().resumed.size() == 1);
    f.window.stopButton().click();
    REQUIRE(f.ends());

    QString saved;
    QObject::connect(&f.window, &TrainingWindow::saved, [&](const QString& path) { saved = path; });
    f.window.savePicture(QString::fromStdString((f.folder / "loss.png").string()));
    REQUIRE(waitUntil([&] { return saved.endsWith("loss.png"); }));
    CHECK(QImage(saved).width() == 2400);
    f.window.saveTable(QString::fromStdString((f.folder / "loss.csv").string()));
    REQUIRE(waitUntil([&] { return saved.endsWith("loss.csv"); }));
    CHECK(contentOf(f.folder / "loss.csv").starts_with("step,tokens,training"));
    f.window.saveTable(QStringLiteral("/dev/full"));
    CHECK(waitUntil([&] { return f.window.statusText().contains("No space left"); }));
}

TEST_CASE("A training of somebody else is followed, and can be resumed when it was killed", "[window]") {
    TrainingFixture other, f;
    other.fill(100'000);
    other.window.trainButton().click();
    REQUIRE(other.hasPoints(3));
    f.window.open(QString::fromStdString((other.out() / "training.jsonl").string()));
    REQUIRE(f.hasPoints(3));
    CHECK_FALSE(f.window.run().running());
    REQUIRE(waitUntil([&] { return f.window.run().seen().written; }));
    CHECK_FALSE(f.window.trainButton().isEnabled());
    CHECK_FALSE(f.window.resumeButton().isEnabled());
    REQUIRE(f.hasPoints(f.window.chart().curves().training.loss.size() + 2)); // it goes on
    other.window.run().stop();
    REQUIRE(waitUntil(
        [&] { return f.window.resumeButton().isVisible() && f.window.resumeButton().isEnabled(); }));
    CHECK(f.window.form().options().width == 32); // the state's, not the form's own
}

TEST_CASE("What goes wrong with a training is one line in its window", "[window]") {
    TrainingFixture f;
    f.fill(50);
    TrainOptions o = f.window.form().options();
    o.text = {f.folder / "no-such.txt"};
    f.window.form().setOptions(o);
    f.window.form().setFolder(QString::fromStdString(f.out().string()));
    f.window.trainButton().click();
    REQUIRE(waitUntil([&] { return f.window.statusText().contains("no-such.txt"); }));
    CHECK_FALSE(f.window.statusText().contains('\n'));
    o.heads = 3;
    f.window.form().setOptions(o);
    CHECK(f.window.form().refusal().contains("heads"));

    std::filesystem::create_directories(f.folder / "broken");
    putContent(f.folder / "broken/training.jsonl", "step,loss\n");
    f.window.open(QString::fromStdString((f.folder / "broken").string()));
    CHECK(waitUntil([&] { return f.window.statusText().contains("line 1"); }));

    TrainingWindow none(nullptr, QStringLiteral("/no/such/program"));
    none.form().setOptions(o);
    none.form().setFolder(QString::fromStdString((f.folder / "none").string()));
    none.run().start(none.form().options());
    CHECK(waitUntil([&] { return none.statusText().contains("cannot be started"); }));
}

TEST_CASE("The main window opens the training window once", "[window]") {
    WindowFixture f;
    f.window->actions().train->trigger();
    auto* first = f.window->findChild<TrainingWindow*>();
    REQUIRE(first);
    CHECK(first->isVisible());
    first->close();
    CHECK(showTraining(*f.window) == first);
    CHECK(first->isVisible());
    Q_EMIT first->openModelRequested(QString::fromStdString((f.folder / "nothing").string()));
    CHECK(waitUntil([&] { return f.atRest(); }));
}
