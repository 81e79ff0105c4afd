#pragma once
// The real window on a tiny model, offscreen.

#include <QAbstractButton>
#include <QDialog>
#include <QElapsedTimer>
#include <QEventLoop>
#include <QTimer>

#include <functional>
#include <memory>
#include <string>

#include "app/window/main_window.h"
#include "tests/app/window/tiny_model.h"
#include "tests/support/temporary_folder.h"

namespace fovea::test {

inline void pump(int milliseconds) {
    QEventLoop loop;
    QTimer::singleShot(milliseconds, Qt::PreciseTimer, &loop, &QEventLoop::quit);
    loop.exec();
}

// False when it did not come about within a generous while.
inline bool waitUntil(const std::function<bool()>& done, int patienceMs = 60'000) {
    QElapsedTimer clock;
    clock.start();
    while (!done()) {
        if (clock.elapsed() > patienceMs)
            return false;
        pump(5);
    }
    return true;
}

struct WindowFixture {
    TemporaryFolder folder;
    std::unique_ptr<MainWindow> window;
    int runsFinished = 0;

    explicit WindowFixture(const std::string& prompt = "the quick brown fox jumps over the lazy dog",
                           const TinyShape& shape = {}, std::unique_ptr<QSettings> settings = nullptr) {
        writeTinyModel(folder.path(), shape);
        WindowOptions options;
        options.model = folder / "model.bin";
        options.prompt = prompt;
        options.planB = "read=sparq:r=2,k=8";
        window = std::make_unique<MainWindow>(options, std::move(settings));
        window->show();
        QObject::connect(&window->controller(), &Controller::runFinished, window.get(),
                         [this] { ++runsFinished; });
        if (!waitUntil([this] { return document().model() != nullptr; }))
            throw std::runtime_error("the tiny model did not open");
    }

    Document& document() { return window->document(); }
    Controller& controller() { return window->controller(); }

    bool atRest() const { return window->jobs().idle() && !window->controller().waiting(); }
    bool rest() {
        int quiet = 0;
        return waitUntil([&] { return (quiet = atRest() ? quiet + 1 : 0) > 3; });
    }
    void setTokens(std::int64_t tokens) {
        RunSettings settings = document().settings();
        settings.tokens = tokens;
        document().editSettings(settings, QStringLiteral("tokens"));
    }
    // The button of that name in the dialog of that name that is open, or null.
    QAbstractButton* button(const char* dialog, const char* name) {
        auto* found = window->findChild<QDialog*>(QLatin1String(dialog));
        return found ? found->findChild<QAbstractButton*>(QLatin1String(name)) : nullptr;
    }
    bool run(std::int64_t tokens = 16) {
        setTokens(tokens);
        const int before = runsFinished;
        window->actions().run->trigger();
        return waitUntil([&] { return runsFinished > before; }) && rest();
    }
};

} // namespace fovea::test
