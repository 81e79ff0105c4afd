// Models come in by menu, drop and memory; one that is too large says so before it is read.
#include <catch2/catch.hpp>

#include <QAction>
#include <QApplication>
#include <QDropEvent>
#include <QLabel>
#include <QMenu>
#include <QMimeData>
#include <QSettings>
#include <QToolButton>
#include <QUrl>

#include "app/window/dropped_file.h"
#include "app/window/loaded_model.h"
#include "app/window/memory_dialog.h"
#include "app/window/model_menu.h"
#include "app/window/status_line.h"
#include "tests/app/window/window_fixture.h"

using namespace fovea;
using namespace fovea::test;

namespace {

QString pathOf(const std::filesystem::path& path) {
    return QString::fromStdString(path.string());
}

std::unique_ptr<QSettings> settingsIn(const TemporaryFolder& folder) {
    return std::make_unique<QSettings>(pathOf(folder / "settings.ini"), QSettings::IniFormat);
}

bool drop(QWidget& on, const QString& path) {
    QMimeData data;
    data.setUrls({QUrl::fromLocalFile(path)});
    const QPoint at(100, 100);
    QDragEnterEvent enter(at, Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(&on, &enter);
    if (!enter.isAccepted())
        return false;
    QDropEvent event(at, Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(&on, &event);
    return event.isAccepted();
}

QList<QAction*> models(WindowFixture& f) {
    for (QMenu* menu : f.window->findChildren<QMenu*>())
        if (menu->title() == "Models")
            return menu->actions();
    return {};
}

QAction* modelAction(WindowFixture& f, const QString& path) {
    for (QAction* action : models(f))
        if (action->toolTip() == path)
            return action;
    return nullptr;
}

std::int64_t bytesOfRun(WindowFixture& f) {
    return f.controller().memoryOfRun()->estimate.total();
}

void setBudget(WindowFixture& f, std::int64_t bytes) {
    RunLimits limits = f.controller().limits();
    limits.memoryBudget = bytes;
    f.controller().setLimits(limits);
}

} // namespace

TEST_CASE("What is dropped is told apart by what it is", "[window][opening]") {
    using Kind = DroppedFile::Kind;
    TemporaryFolder folder;
    CHECK(meantBy(pathOf(folder.path())).kind == Kind::Model);
    CHECK(meantBy("/a/model-00001-of-00002.safetensors").path == "/a");
    CHECK(meantBy("/a/config.json").path == "/a");
    CHECK(meantBy("/a/model.safetensors.index.json").kind == Kind::Model);
    CHECK(meantBy("/a/run.json").kind == Kind::Run);
    CHECK(meantBy("/a/b.TXT").kind == Kind::Prompt);
    CHECK(meantBy("/a/b.gguf").kind == Kind::Model);
    CHECK(meantBy("/a/b.gguf").path == "/a/b.gguf");
    CHECK(meantBy(QString()).kind == Kind::None);
    QMimeData web;
    web.setUrls({QUrl("https://example.org/model.bin")});
    CHECK(meantBy(web).kind == Kind::None);
}

TEST_CASE("A model that is dropped onto the window opens; the web's does not", "[window][opening]") {
    WindowFixture f;
    TemporaryFolder other;
    writeTinyModel(other.path(), {.layers = 3});
    CHECK(drop(*f.window, pathOf(other / "model.bin")));
    REQUIRE(f.rest());
    CHECK(f.document().model()->spec.layers == 3);
    QMimeData web;
    web.setUrls({QUrl("https://example.org/model.bin")});
    QDragEnterEvent enter(QPoint(10, 10), Qt::CopyAction, &web, Qt::LeftButton, Qt::NoModifier);
    enter.ignore();
    QApplication::sendEvent(f.window.get(), &enter);
    CHECK_FALSE(enter.isAccepted());
}

TEST_CASE("Models opened lately are remembered; one that is gone is greyed and says why",
          "[window][opening]") {
    TemporaryFolder memory, kept;
    auto gone = std::make_unique<TemporaryFolder>();
    writeTinyModel(kept.path(), {.layers = 3});
    writeTinyModel(gone->path(), {.layers = 4});
    const QString keptPath = pathOf(kept / "model.bin"), gonePath = pathOf(*gone / "model.bin");
    {
        WindowFixture f("a cat", {}, settingsIn(memory));
        for (const QString& path : {keptPath, gonePath}) {
            f.window->openPath(path);
            REQUIRE(f.rest());
        }
        CHECK(f.document().model()->spec.layers == 4);
        REQUIRE(modelAction(f, gonePath));
        CHECK(modelAction(f, gonePath)->isEnabled());
    }
    gone.reset();
    WindowFixture f("a cat", {}, settingsIn(memory));
    REQUIRE(f.rest());
    CHECK(f.window->memory().recentModels().contains(gonePath));
    QAction* missing = modelAction(f, gonePath);
    REQUIRE(missing);
    CHECK_FALSE(missing->isEnabled());
    CHECK(missing->text().contains("not there any more"));
    QAction* there = modelAction(f, keptPath);
    REQUIRE(there);
    CHECK(there->isEnabled());
    there->trigger();
    REQUIRE(f.rest());
    CHECK(f.document().model()->spec.layers == 3);
    CHECK(f.window->memory().recentModels().first() == keptPath);
    f.window->actions().forgetRecent->trigger();
    REQUIRE(f.rest());
    CHECK_FALSE(modelAction(f, keptPath));
}

TEST_CASE("The model folder's models are in the menu", "[window][opening]") {
    TemporaryFolder folder;
    std::filesystem::create_directory(folder / "llama");
    putContent(folder / "llama/config.json", "{}");
    putContent(folder / "small.gguf", "x");
    putContent(folder / "tokenizer.bin", "x");
    putContent(folder / "notes.txt", "x");
    std::vector<QString> names;
    for (const ModelEntry& entry : findModels(pathOf(folder.path()), {}))
        if (entry.from == ModelEntry::From::Folder)
            names.push_back(entry.name);
    CHECK(names == std::vector<QString>{"llama", "small.gguf"});
}

TEST_CASE("An opening that is cancelled leaves the model that is there", "[window][opening]") {
    WindowFixture f;
    const auto before = f.document().model();
    TemporaryFolder other;
    writeTinyModel(other.path(), {.width = 256, .ffn = 512, .layers = 6});
    f.window->openPath(pathOf(other / "model.bin"));
    CHECK(f.window->jobs().busy(Lane::Opening));
    CHECK(f.controller().request().model == before); // meanwhile all goes on as it was
    QToolButton* cancel = f.window->findChild<QToolButton*>("statusCancel");
    REQUIRE(cancel);
    cancel->click();
    REQUIRE(f.rest());
    CHECK(f.document().model() == before);
    CHECK_FALSE(f.window->memory().recentModels().contains(pathOf(other / "model.bin")));
    CHECK(f.run(4));
}

TEST_CASE("A model beyond the budget says what it would hold before it is read", "[window][opening]") {
    WindowFixture f;
    f.setTokens(64);
    const auto before = f.document().model();
    TemporaryFolder other;
    const TinyShape shape{.width = 64, .layers = 6, .context = 4096};
    writeTinyModel(other.path(), shape);
    const QString path = pathOf(other / "model.bin");
    const ModelSpec spec = openModel(other / "model.bin")->spec;
    const MemoryEstimate estimate = estimateMemory(spec, questionOf(f.controller().request()));
    setBudget(f, estimate.total() - 1);
    f.window->openPath(path);
    REQUIRE(waitUntil([&] { return f.window->findChild<MemoryDialog*>() != nullptr; }));
    REQUIRE(f.rest());
    CHECK(f.document().model() == before);
    SECTION("cancelled, nothing happens") {
        f.window->findChild<MemoryDialog*>()->reject();
        REQUIRE(f.rest());
        CHECK(f.document().model() == before);
        CHECK(f.run(4));
    }
    SECTION("an offer opens it and changes what the run will be") {
        REQUIRE(f.button("memoryDialog", "offer0"));
        f.button("memoryDialog", "offer0")->click();
        REQUIRE(f.rest());
        REQUIRE(f.document().model()->spec.layers == 6);
        CHECK(f.controller().memoryOfRun()->fits());
        CHECK(f.run(64));
    }
    SECTION("all the same") {
        f.button("memoryDialog", "goOn")->click();
        REQUIRE(f.rest());
        REQUIRE(f.document().model()->spec.layers == 6);
        CHECK_FALSE(f.controller().memoryOfRun()->fits());
    }
}

TEST_CASE("A run beyond the budget offers less, and what is taken can be undone", "[window][opening]") {
    WindowFixture f("a cat", {.layers = 4, .context = 4096});
    RunLimits limits = f.controller().limits();
    limits.captureBudget = 0;
    f.controller().setLimits(limits);
    f.setTokens(2000);
    const std::int64_t whole = bytesOfRun(f);
    f.setTokens(1500);
    setBudget(f, bytesOfRun(f));
    CHECK(f.controller().memoryOfRun()->fits());
    f.setTokens(2000);
    REQUIRE(bytesOfRun(f) == whole);
    CHECK_FALSE(f.controller().memoryOfRun()->fits());

    f.window->actions().run->trigger();
    pump(20);
    REQUIRE(f.window->findChild<MemoryDialog*>());
    CHECK_FALSE(f.controller().running());
    const auto offers = f.controller().memoryOfRun()->offers;
    const auto fewer = std::find_if(offers.begin(), offers.end(), [](const MemoryOffer& offer) {
        return offer.kind == MemoryOffer::Kind::Tokens;
    });
    REQUIRE(fewer != offers.end());
    const auto name = "offer" + std::to_string(fewer - offers.begin());
    f.button("memoryDialog", name.c_str())->click();
    REQUIRE(waitUntil([&] { return f.controller().running(); }));
    CHECK(f.document().settings().tokens == fewer->question.tokens);
    CHECK(f.document().settings().tokens >= 1500);
    f.controller().stop();
    REQUIRE(f.rest());
    f.window->actions().undo->trigger();
    CHECK(f.document().settings().tokens == 2000);
}

TEST_CASE("What a run holds stands in the status line, and is what its sessions took", "[window][opening]") {
    WindowFixture f;
    auto* label = f.window->findChild<QLabel*>("statusMemory");
    REQUIRE(label);
    CHECK(label->text().startsWith("a run holds "));
    const QString before = label->text();
    REQUIRE(f.run(300 - 64 - 50)); // beyond one block of the cache
    CHECK(label->text() != before);
    CHECK(label->toolTip().contains("KV cache"));
    const MemoryVerdict verdict = *f.controller().memoryOfRun();
    const RunPair& runs = f.controller().runs();
    CHECK(verdict.estimate.cache == runs.a->steps.back().held.reserved + runs.b->steps.back().held.reserved);
    CHECK(verdict.estimate.capture == runs.a->capture->bytes());
    CHECK(verdict.estimate.logits ==
          static_cast<std::int64_t>(2 * (runs.a->logits->size() + runs.b->logits->size()) * sizeof(float)));
}
