// The window's dialogs drawn into FOVEA_SCREENS, to be looked at: nothing is asserted but that they draw.
#include <catch2/catch.hpp>

#include <QApplication>
#include <QDialog>
#include <QPlainTextEdit>

#include <functional>

#include "app/window/key_sheet.h"
#include "app/window/memory_dialog.h"
#include "app/window/prompt_dialog.h"
#include "app/window/settings_dialog.h"
#include "app/window/training_window.h"
#include "tests/app/window/window_fixture.h"
#include "views/theme.h"

using namespace fovea;
using namespace fovea::test;

namespace {

void save(QWidget& widget, const char* name) {
    const QString folder = qEnvironmentVariable("FOVEA_SCREENS");
    for (const ThemeKind kind : {ThemeKind::Light, ThemeKind::Dark}) {
        setTheme(*qApp, kind);
        pump(30);
        const QImage image = widget.grab().toImage();
        CHECK_FALSE(image.isNull());
        if (!folder.isEmpty())
            image.save(QStringLiteral("%1/%2_%3.png")
                           .arg(folder, QLatin1String(name), kind == ThemeKind::Dark ? "dark" : "light"));
    }
}

} // namespace

TEST_CASE("Prompt, settings, keys", "[window][screens]") {
    WindowFixture f("The old garden had written the number of every animal on the gate.");
    PromptDialog prompt(f.document(), f.window->jobs());
    prompt.show();
    REQUIRE(waitUntil([&] { return prompt.counted(); }));
    save(prompt, "prompt");
    prompt.edit()->setPlainText(QString("word ").repeated(300));
    REQUIRE(waitUntil([&] { return prompt.counted(); }));
    save(prompt, "prompt_long");
    SettingsDialog settings(Preferences{});
    settings.show();
    save(settings, "settings");
    KeySheet keys(keyGroups(*f.window));
    keys.show();
    save(keys, "keys");
    TrainingWindow training;
    training.show();
    save(training, "training");
}

TEST_CASE("Memory dialog", "[window][screens]") {
    ModelSpec spec;
    spec.name = "llama-2-7b";
    spec.layers = 32;
    spec.width = 4096;
    spec.queryHeads = spec.kvHeads = 32;
    spec.headDim = 128;
    spec.vocabulary = 32000;
    spec.context = 4096;
    spec.weightBytes = 26'953'662'464;
    MemoryQuestion question{.plans = {{}, parsePlan("read=sparq:r=32,k=128")},
                            .prompt = 369,
                            .tokens = 3000,
                            .captureBudget = std::int64_t{2} << 30,
                            .keepsLogits = true};
    MemoryDialog fits("Opening llama-2-7b", judge(spec, question, 32'000'000'000));
    fits.show();
    save(fits, "memory");
    MemoryDialog none("This run", judge(spec, question, 20'000'000'000));
    none.show();
    save(none, "memory_none");
}
