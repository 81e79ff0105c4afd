// Settings count at once and are remembered; the sheet of keys says what is so.
#include <catch2/catch.hpp>

#include <QAction>
#include <QApplication>
#include <QCheckBox>
#include <QComboBox>
#include <QDialogButtonBox>
#include <QDoubleSpinBox>
#include <QKeyEvent>
#include <QLineEdit>
#include <QMap>
#include <QPushButton>
#include <QSettings>
#include <QSpinBox>

#include <thread>

#include "app/window/key_sheet.h"
#include "app/window/settings_dialog.h"
#include "app/window/thread_share.h"
#include "core/kernels/cuda/kernels.h"
#include "tests/app/window/window_fixture.h"
#include "views/charts/timelines.h"
#include "views/maps/atlas_view.h"
#include "views/maps/head_map_view.h"
#include "views/maps/sharing_diagram.h"
#include "views/maps/span_map_view.h"
#include "views/panels/inspector.h"
#include "views/panels/span_panel.h"
#include "views/panels/stored_view.h"
#include "views/theme.h"
#include "views/tokens/token_strip.h"
#include "views/view_keys.h"

using namespace fovea;
using namespace fovea::test;

namespace {

std::unique_ptr<QSettings> settingsIn(const TemporaryFolder& folder) {
    return std::make_unique<QSettings>(QString::fromStdString((folder / "settings.ini").string()),
                                       QSettings::IniFormat);
}

bool hears(QWidget& view, int key) {
    QKeyEvent event(QEvent::KeyPress, key, Qt::NoModifier);
    event.accept(); // a view that does not hear it says so
    // Straight to the view: what it does not hear must not be heard by the window around it.
    static_cast<QObject&>(view).event(&event);
    return event.isAccepted();
}

QWidget* viewOf(const WindowViews& views, const QString& name) {
    const QMap<QString, QWidget*> known{{"Tokens", views.tokens},
                                        {"Atlas", views.atlas},
                                        {"Head map", views.headMap},
                                        {"Inspector", views.inspector},
                                        {"Sharing", views.sharing},
                                        {"Span map", views.spans->map()},
                                        {"Quantisation", views.stored},
                                        {"Timelines", views.timelines}};
    return known.value(name);
}

} // namespace

TEST_CASE("Settings that are untouched stay exactly what they were", "[window][settings]") {
    Preferences p;
    p.memoryShare = 0.123456;
    p.captureBudget = 1'234'567;
    p.sampler = {.temperature = 0.61803f, .topK = 3, .topP = 0.91234f, .seed = 1ull << 50};
    CHECK(SettingsDialog(p).preferences() == p);
    CHECK(SettingsDialog(Preferences{}).preferences() == Preferences{});
}

TEST_CASE("Settings count at once, and are remembered", "[window][settings]") {
    TemporaryFolder folder;
    {
        WindowFixture f("a cat", {}, settingsIn(folder));
        f.window->actions().settings->trigger();
        auto* dialog = f.window->findChild<SettingsDialog*>();
        REQUIRE(dialog);
        const auto spin = [&](const char* name) { return dialog->findChild<QSpinBox*>(QLatin1String(name)); };
        dialog->findChild<QComboBox*>("theme")->setCurrentIndex(static_cast<int>(ThemeChoice::Light));
        spin("memoryShare")->setValue(50);
        spin("capture")->setValue(7);
        spin("threads")->setValue(1);
        dialog->findChild<QCheckBox*>("leaveCore")->setChecked(false);
        dialog->findChild<QLineEdit*>("modelFolder")->setText(QString::fromStdString(folder.path().string()));
        dialog->findChild<QDoubleSpinBox*>("temperature")->setValue(1.5);
        dialog->findChild<QDialogButtonBox*>()->button(QDialogButtonBox::Ok)->click();
        CHECK(theme().kind == ThemeKind::Light);
        CHECK(f.window->actions().light->isChecked());
        CHECK(f.controller().limits().captureBudget == 7'000'000);
        CHECK(f.controller().limits().memoryBudget == memoryBudgetOf(0.5));
        CHECK(engineThreads() == 1);
        CHECK(f.document().settings().sampler.temperature == 0.6f); // this document's own
    }
    {
        WindowFixture f("a cat", {}, settingsIn(folder));
        CHECK(f.controller().limits().captureBudget == 7'000'000);
        CHECK(f.document().settings().sampler.temperature == 1.5f);
        f.window->setDark(true);
    }
    chooseEngineThreads(0, true);
}

TEST_CASE("A capture budget of nothing draws no maps and says why", "[window][settings]") {
    WindowFixture f;
    RunLimits limits = f.controller().limits();
    limits.captureBudget = 0;
    f.controller().setLimits(limits);
    REQUIRE(f.run(8));
    CHECK_FALSE(f.controller().runs().a->capture);
    CHECK_FALSE(f.controller().head());
}

TEST_CASE("The engine leaves a core unless told otherwise", "[window][settings]") {
    const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    chooseEngineThreads(0, true);
    CHECK(engineThreads() == std::max(1, cores - 1));
    chooseEngineThreads(0, false);
    CHECK(engineThreads() == cores);
    chooseEngineThreads(1000, true);
    CHECK(engineThreads() == std::max(1, cores - 1));
    chooseEngineThreads(0, true);
}

TEST_CASE("Every shortcut is on the sheet of keys, once, and no two are the same", "[window][keys]") {
    WindowFixture f;
    QMap<QString, QString> byKeys;
    QMap<QString, int> rows;
    for (const KeyGroup& group : keyGroups(*f.window)) {
        CHECK_FALSE(group.rows.isEmpty());
        for (const KeyRow& row : group.rows) {
            CHECK_FALSE(row.what.isEmpty());
            ++rows[row.keys + "|" + row.what];
        }
    }
    int shortcuts = 0;
    for (const QAction* action : f.window->findChildren<QAction*>())
        for (const QKeySequence& keys : action->shortcuts()) {
            const QString text = keys.toString(QKeySequence::NativeText);
            INFO(text.toStdString() << ": " << action->text().toStdString());
            CHECK_FALSE(byKeys.contains(text));
            byKeys[text] = action->text();
            bool listed = false;
            for (auto it = rows.begin(); it != rows.end(); ++it)
                listed = listed || (it.key().section('|', 0, 0).split(", ").contains(text) && it.value() == 1);
            CHECK(listed);
            ++shortcuts;
        }
    CHECK(shortcuts > 20);
}

TEST_CASE("Views hear the keys that the sheet says they hear, and no others", "[window][keys]") {
    WindowFixture f;
    REQUIRE(f.run(16));
    const QList<int> all = [] {
        QList<int> keys{Qt::Key_Left,  Qt::Key_Right, Qt::Key_Up,     Qt::Key_Down,   Qt::Key_Home,
                        Qt::Key_End,   Qt::Key_Plus,  Qt::Key_PageUp, Qt::Key_Escape, Qt::Key_PageDown,
                        Qt::Key_Minus, Qt::Key_Equal, Qt::Key_Space,  Qt::Key_Return, Qt::Key_Delete};
        for (int key = Qt::Key_A; key <= Qt::Key_Z; ++key)
            keys << key;
        for (int key = Qt::Key_0; key <= Qt::Key_9; ++key)
            keys << key;
        return keys;
    }();
    int checked = 0;
    for (const ViewKeys& described : viewKeys()) {
        QWidget* view = viewOf(f.window->views(), described.view);
        if (!view) {
            CHECK(described.keys.isEmpty()); // gestures only
            continue;
        }
        QList<int> listed;
        for (const ViewKey& row : described.keys)
            listed << row.keys;
        for (const int key : all) {
            INFO(described.view.toStdString() << " and " << QKeySequence(key).toString().toStdString());
            // A scroll area scrolls by its own keys; that is no news.
            const bool scrolls = described.view == "Tokens" && !listed.contains(key) &&
                                 (key == Qt::Key_Up || key == Qt::Key_Down || key == Qt::Key_PageUp ||
                                  key == Qt::Key_PageDown);
            if (!scrolls)
                CHECK(hears(*view, key) == listed.contains(key));
            ++checked;
        }
    }
    CHECK(checked > 200);
}

TEST_CASE("Without a GPU its action is there, disabled, and says why", "[window]") {
    if (cuda::available())
        return; // tests/app/window/device
    WindowFixture f;
    QAction& gpu = *f.window->actions().gpu;
    REQUIRE(waitUntil([&] { return gpu.text() == QStringLiteral("GPU: none"); }));
    CHECK_FALSE(gpu.isEnabled());
    CHECK(gpu.toolTip().contains(QString::fromStdString(cuda::whyUnavailable())));
    RunSettings settings = f.document().settings();
    settings.device = Backend::Cuda;
    CHECK(f.document().editSettings(settings, QStringLiteral("device")).contains(QStringLiteral("There is no GPU")));
    CHECK(f.document().settings().device == Backend::Cpu);
}
