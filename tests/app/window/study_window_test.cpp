// A study from the window, offscreen.
#include <catch2/catch.hpp>

#include <QLabel>
#include <QPushButton>
#include <QToolButton>

#include "app/window/document.h"
#include "app/window/study_form.h"
#include "app/window/study_window.h"
#include "core/study/study_table.h"
#include "core/study/tensor_statistics.h"
#include "tests/app/window/window_fixture.h"
#include "views/charts/statistics_chart.h"
#include "views/charts/study_chart.h"
#include "views/panels/study_list.h"

using namespace fovea;
using namespace fovea::test;

namespace {

void save(QWidget& widget, const char* name) {
    const QString folder = qEnvironmentVariable("FOVEA_SCREENS");
    if (!folder.isEmpty())
        widget.grab().toImage().save(QStringLiteral("%1/%2.png").arg(folder, QLatin1String(name)));
}

std::string someText() {
    std::string text;
    for (int i = 0; i < 40; ++i)
        text += "the quick brown fox number " + std::to_string(i * 37 % 101) + " jumps over the lazy dog. ";
    return text;
}

StudyRequest smallRequest(const WindowFixture& f) {
    StudyRequest request;
    request.options.samples = 1;
    request.options.length = 48;
    request.options.pairs = 2;
    request.text = f.folder / "text.txt";
    return request;
}

} // namespace

TEST_CASE("Tools, Study quantisation: a study is stopped, gone on with, advises and leaves its folder",
          "[window][study]") {
    WindowFixture f;
    putContent(f.folder / "text.txt", someText());
    f.window->actions().study->trigger();
    StudyWindow* study = showStudy(*f.window);
    REQUIRE(study->isVisible());
    CHECK(showStudy(*f.window) == study);
    StudyRequest request = smallRequest(f);
    request.out = f.folder / "study";
    study->form().setRequest(request);
    CHECK(study->form().request().options.pairs == 2);
    CHECK(study->form().request().out == request.out);
    REQUIRE(study->startButton().isEnabled());

    // Stopped as soon as there is a row.
    study->startButton().click();
    CHECK(study->run().running());
    REQUIRE(waitUntil([&] { return study->run().result() && study->run().result()->done() > 0; }));
    study->stopButton().click();
    REQUIRE(waitUntil([&] { return !study->run().running(); }));
    pump(20);
    const auto early = study->run().result();
    REQUIRE(early->done() < early->rows());
    CHECK(study->run().endedEarly());
    CHECK(study->startButton().text() == "Go on");
    CHECK(study->statusText().contains("rows are there"));

    study->startButton().click();
    REQUIRE(waitUntil([&] { return !study->run().running(); }));
    pump(50);
    const auto whole = study->run().result();
    CHECK(whole->done() == whole->rows());
    CHECK_FALSE(study->run().endedEarly());
    for (std::size_t i = 0; i < early->sweeps.size(); ++i)
        for (const SweepRow& row : early->sweeps[i].table.rows)
            if (row.refused.empty()) // not run again
                CHECK(whole->sweeps[i].table.find(row.plan)->secondsPerStep == row.secondsPerStep);
    CHECK(contentOf(f.folder / "study/table.csv") == studyCsv(*whole));
    for (const char* picture : {"losses.svg", "losses.png", "statistics.svg", "statistics.png"})
        CHECK(waitUntil([&] { return std::filesystem::exists(f.folder / "study" / picture); }));
    CHECK(study->list().rowCount() == static_cast<int>(whole->plans.size()));
    CHECK_FALSE(study->adviceText().isEmpty());
    save(*study, "study_window");

    // Another rule advises otherwise at once, and runs nothing.
    for (const double within : {9., 0.001}) {
        study->form().setRule({.within = within});
        CHECK(study->adviceText().toStdString() == recommend(*whole, {.within = within}).sentence);
        CHECK_FALSE(study->run().running());
    }
    CHECK(recommend(*whole, {.within = 9}).sentence.starts_with("Advised is "));

    study->statisticsButton().click();
    CHECK(study->statistics().isVisible());
    CHECK_FALSE(study->chart().isVisible());
    save(*study, "study_window_tensors");
    study->savePicture(QString::fromStdString((f.folder / "tensors.svg").string()));
    REQUIRE(waitUntil([&] { return std::filesystem::exists(f.folder / "tensors.svg"); }));
    CHECK(contentOf(f.folder / "tensors.svg").find("AbsMax") != std::string::npos);
    study->saveTable(QString::fromStdString((f.folder / "copy.csv").string()));
    REQUIRE(waitUntil([&] { return std::filesystem::exists(f.folder / "copy.csv"); }));

    Q_EMIT study->chart().planPicked("store=rtn:bits=3");
    CHECK(toText(f.document().plan(Side::B)) == "store=rtn:bits=3");
    Q_EMIT study->list().cellClicked(0, 0);
    CHECK(toText(f.document().plan(Side::B)) == whole->plans[0].plan);

    // Another seed is another study: the folder is left alone, and that is said.
    const std::string before = contentOf(f.folder / "study/table.csv");
    request.options.seed = 2;
    study->form().setRequest(request);
    study->startButton().click();
    CHECK(waitUntil([&] { return study->statusText().contains("seed is \"1\" there and \"2\" here"); }));
    REQUIRE(waitUntil([&] { return !study->run().running(); }));
    CHECK(contentOf(f.folder / "study/table.csv") == before);
}

TEST_CASE("A study that cannot be begun says why, and without a folder goes on from what is on screen",
          "[window][study]") {
    StudyWindow alone;
    alone.show();
    CHECK_FALSE(alone.startButton().isEnabled());
    CHECK(alone.statusText().contains("No model"));

    WindowFixture f;
    putContent(f.folder / "text.txt", someText());
    alone.setModel(f.document().model());
    CHECK(alone.startButton().isEnabled());
    StudyRequest request = smallRequest(f);
    request.options.samples = 20; // long enough to be stopped
    alone.form().setRequest(request);
    alone.setBudget([] { return 5000; });
    alone.startButton().click();
    REQUIRE(waitUntil([&] { return alone.statusText().contains("beyond the memory budget of"); }));
    REQUIRE(waitUntil([&] { return !alone.run().running(); }));
    CHECK(alone.run().result() == nullptr);

    alone.setBudget([] { return 0; });
    alone.startButton().click();
    REQUIRE(waitUntil([&] { return alone.run().result() && alone.run().result()->done() > 1; }));
    alone.stopButton().click();
    REQUIRE(waitUntil([&] { return !alone.run().running(); }));
    pump(20);
    const auto early = alone.run().result();
    alone.startButton().click();
    REQUIRE(waitUntil([&] { return alone.run().result()->done() > early->done(); }));
    CHECK(alone.run().result()->sweeps[0].table.dense()->secondsPerStep ==
          early->sweeps[0].table.dense()->secondsPerStep);
    alone.stopButton().click();
    REQUIRE(waitUntil([&] { return !alone.run().running(); }));
}
