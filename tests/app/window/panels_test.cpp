// The window's panels: moved, hidden, remembered, restored. And what else the window remembers.
#include <catch2/catch.hpp>

#include <QAction>
#include <QApplication>
#include <QDockWidget>
#include <QMenu>
#include <QMouseEvent>
#include <QSettings>

#include "app/window/dock_panels.h"
#include "tests/app/window/window_fixture.h"
#include "views/panel_frame.h"
#include "views/theme.h"

using namespace fovea;
using namespace fovea::test;

namespace {

std::unique_ptr<QSettings> settingsIn(const TemporaryFolder& folder) {
    return std::make_unique<QSettings>(QString::fromStdString((folder / "settings.ini").string()),
                                       QSettings::IniFormat);
}

QDockWidget& dock(WindowFixture& f, const char* name) {
    auto* found = f.window->findChild<QDockWidget*>(QLatin1String(name));
    REQUIRE(found);
    return *found;
}

std::vector<QRect> places(WindowFixture& f) {
    std::vector<QRect> all;
    for (const QDockWidget* d : f.window->panels().docks())
        all.push_back(d->isVisible() && d->x() >= 0 ? d->geometry() : QRect()); // behind a tab: nowhere
    return all;
}

std::string text(const std::vector<QRect>& rects) {
    std::string all;
    for (const QRect& r : rects)
        all += std::to_string(r.x()) + ',' + std::to_string(r.y()) + ' ' + std::to_string(r.width()) + 'x' +
               std::to_string(r.height()) + "; ";
    return all;
}

void expectAsDesigned(WindowFixture& f) {
    const std::vector<QRect> at = places(f);
    REQUIRE(at.size() == 6);
    const QRect &tokens = at[0], &plan = at[1], &atlas = at[2], &map = at[3], &inspector = at[4],
                &timelines = at[5];
    CHECK(tokens.width() == timelines.width());
    CHECK(tokens.bottom() < plan.top());
    CHECK(map.bottom() < timelines.top());
    CHECK(plan.right() < atlas.left());
    CHECK(atlas.right() < map.left());
    CHECK(map.right() < inspector.left());
    CHECK(map.width() > inspector.width() * 2);
    CHECK(tokens.height() <= 78);
    CHECK(std::abs(timelines.height() - 284) <= 2);
}

} // namespace

TEST_CASE("Six panels lie as designed, side by side and without a gap for a centre", "[window][panels]") {
    WindowFixture f;
    pump(50);
    expectAsDesigned(f);
    const std::vector<QRect> at = places(f);
    for (std::size_t i = 1; i + 2 < at.size(); ++i)
        CHECK(at[i + 1].left() - at[i].right() <= 6);
    CHECK(f.window->width() - at[4].right() <= 6);
}

TEST_CASE("Panels are hidden and shown from the View menu, and laid out anew on request",
          "[window][panels]") {
    WindowFixture f;
    pump(50);
    const std::vector<QRect> before = places(f);
    for (QAction* toggle : f.window->panels().toggles()) {
        CHECK_FALSE(toggle->shortcut().isEmpty());
        CHECK(listedActions(*f.window).contains(toggle));
        if (toggle->isChecked()) // the others are behind one of these, until they are asked for
            toggle->trigger();
    }
    pump(50);
    for (const QDockWidget* d : f.window->panels().docks())
        CHECK_FALSE(d->isVisible());
    f.window->actions().restoreLayout->trigger();
    pump(50);
    CHECK(text(places(f)) == text(before));

    dock(f, "headMapDock").setFloating(true);
    f.window->addDockWidget(Qt::BottomDockWidgetArea, &dock(f, "planDock"));
    f.window->tabifyDockWidget(&dock(f, "timelinesDock"), &dock(f, "inspectorDock"));
    pump(50);
    CHECK_FALSE(text(places(f)) == text(before));
    f.window->actions().restoreLayout->trigger();
    pump(50);
    CHECK_FALSE(dock(f, "headMapDock").isFloating());
    CHECK(text(places(f)) == text(before));
}

TEST_CASE("What a hidden panel leaves goes to the head map", "[window][panels]") {
    WindowFixture f;
    pump(50);
    const std::vector<QRect> before = places(f);
    const QList<QAction*> toggles = f.window->panels().toggles();
    for (const int hidden : {1, 2, 4, 5}) {
        toggles[hidden]->trigger();
        pump(50);
        const std::vector<QRect> after = places(f);
        CHECK(after[3].width() * after[3].height() > before[3].width() * before[3].height());
        CHECK(std::abs(after[0].height() - before[0].height()) <= 1);
        for (const std::size_t other : {1u, 2u, 4u})
            if (other != static_cast<std::size_t>(hidden))
                CHECK(std::abs(after[other].width() - before[other].width()) <= 1);
        toggles[hidden]->trigger();
        pump(50);
        CHECK(text(places(f)) == text(before));
    }
}

TEST_CASE("What a window gains or loses is the head map's", "[window][panels]") {
    WindowFixture f;
    pump(50);
    const std::vector<QRect> before = places(f);
    const QSize size = f.window->size();
    for (const QSize more : {QSize(300, 200), QSize(160, 0), QSize(0, 120)}) {
        f.window->resize(size + more);
        pump(50);
        const std::vector<QRect> after = places(f);
        INFO(text(before) << "\n" << text(after));
        CHECK(after[3].size() == before[3].size() + more);
        CHECK(after[0].height() == before[0].height());
        CHECK(after[5].height() == before[5].height());
        for (const std::size_t other : {1u, 2u, 4u})
            CHECK(after[other].width() == before[other].width());
        f.window->resize(size);
        pump(50);
        CHECK(text(places(f)) == text(before));
    }
}

TEST_CASE("A right click on a header offers all panels", "[window][panels]") {
    WindowFixture f;
    const std::unique_ptr<QMenu> menu(f.window->createPopupMenu());
    for (QAction* toggle : f.window->panels().toggles())
        CHECK(menu->actions().contains(toggle));
    CHECK(menu->actions().contains(f.window->actions().restoreLayout));
}

TEST_CASE("A double click on its header floats a panel, unless panels are locked", "[window][panels]") {
    WindowFixture f;
    pump(50);
    const auto doubleClick = [&] {
        QWidget& header = *dock(f, "atlasDock").titleBarWidget();
        const QPointF at(6, 8);
        QMouseEvent event(QEvent::MouseButtonDblClick, at, header.mapToGlobal(at), Qt::LeftButton,
                          Qt::LeftButton, Qt::NoModifier);
        QApplication::sendEvent(&header, &event);
        pump(20);
    };
    f.window->actions().lockPanels->setChecked(true);
    doubleClick();
    CHECK_FALSE(dock(f, "atlasDock").isFloating());
    f.window->actions().lockPanels->setChecked(false);
    doubleClick();
    CHECK(dock(f, "atlasDock").isFloating());
}

TEST_CASE("Layout, theme and locks are as they were left", "[window][panels]") {
    TemporaryFolder folder;
    std::vector<QRect> left;
    {
        WindowFixture f("a cat", {}, settingsIn(folder));
        pump(50);
        f.window->resizeDocks({&dock(f, "planDock")}, {420}, Qt::Horizontal);
        dock(f, "timelinesDock").hide();
        f.window->tabifyDockWidget(&dock(f, "headMapDock"), &dock(f, "atlasDock"));
        f.window->actions().light->trigger();
        f.window->actions().lockPanels->setChecked(true);
        pump(50);
        left = places(f);
        f.window->close();
    }
    WindowFixture f("a cat", {}, settingsIn(folder));
    pump(50);
    CHECK(text(places(f)) == text(left));
    CHECK(f.window->actions().light->isChecked());
    CHECK(theme().kind == ThemeKind::Light);
    CHECK(f.window->actions().lockPanels->isChecked());
    f.window->actions().restoreLayout->trigger();
    pump(50);
    expectAsDesigned(f);
    f.window->setDark(true);
}

TEST_CASE("Without settings nothing of the user's is read or written", "[window][panels]") {
    TemporaryFolder folder;
    QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope,
                       QString::fromStdString(folder.path().string()));
    QApplication::setOrganizationName("Fovea");
    QApplication::setApplicationName("Fovea");
    {
        WindowFixture f;
        f.window->setDark(false);
        f.window->memory().addRecentModel("/somewhere");
        f.window->close();
    }
    CHECK(folder.entries() == 0);
    WindowFixture f;
    CHECK_FALSE(f.window->memory().recentModels().contains("/somewhere"));
    CHECK(theme().kind == ThemeKind::Dark);
}

TEST_CASE("Settings that make no sense leave the defaults", "[window][panels]") {
    TemporaryFolder folder;
    {
        const auto settings = settingsIn(folder);
        settings->setValue("layout", QByteArray("no layout at all"));
        settings->setValue("geometry", QByteArray("\x01\x02"));
        settings->setValue("theme", "pink");
        settings->setValue("memory/share", "nan");
        settings->setValue("memory/capture", -5);
        settings->setValue("engine/threads", 1e30);
        settings->setValue("sampler/topP", 0);
        settings->setValue("sampler/temperature", "hot");
    }
    WindowFixture f("a cat", {}, settingsIn(folder));
    pump(50);
    expectAsDesigned(f);
    CHECK(f.window->memory().preferences() == Preferences{});
}

TEST_CASE("Preferences and recent models are read back as they were set", "[window][panels]") {
    TemporaryFolder folder;
    Preferences chosen;
    chosen.theme = ThemeChoice::System;
    chosen.memoryShare = 0.5;
    chosen.captureBudget = std::int64_t{5} << 30;
    chosen.threads = 3;
    chosen.leaveCore = false;
    chosen.modelFolder = "/models, and \"more\"";
    chosen.sampler = {.temperature = 1.25f, .topK = 7, .topP = 0.75f, .seed = 123456789012345};
    {
        WindowMemory memory(settingsIn(folder));
        memory.setPreferences(chosen);
        for (int i = 0; i < 14; ++i)
            memory.addRecentModel(QStringLiteral("/models/%1/").arg(i % 12));
    }
    const WindowMemory memory(settingsIn(folder));
    CHECK(memory.preferences() == chosen);
    REQUIRE(memory.recentModels().size() == WindowMemory::kMostRecent);
    CHECK(memory.recentModels().first() == "/models/1");
    CHECK(memory.recentModels().count("/models/1") == 1);
}
