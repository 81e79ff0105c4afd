#pragma once
// The tour itself: a script that uses the window as a hand would, through its sliders and actions, and waits
// for what it shows.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "app/window/latency.h"
#include "app/window/open_window.h"

class QSlider;

namespace fovea {

class MainWindow;
enum class MapMode : std::uint8_t;

class DemoTour {
public:
    DemoTour(const WindowOptions& options, std::filesystem::path out, bool dark);
    ~DemoTour();

    // Throws std::runtime_error with one line when a step of the tour does not come about.
    void take();

private:
    void open();
    void run();
    void drag(const char* title);
    void dragSlider(const char* name);
    void showMap(MapMode mode);
    void stream();
    void masked();
    void check();
    void sweep();
    void study();
    void share();
    void spans();
    void dragSpan();
    void stored();    // demo_stored.cpp
    void calibrate(); // demo_stored.cpp
    void dragLong();
    void savePictures();
    void saveData();
    // Runs the event loop until `done`; throws "… did not happen" after a while.
    void waitFor(const char* what, const std::function<bool()>& done);
    void settle();
    void idle(int milliseconds);
    std::string path(const char* file) const { return (m_out / file).string(); }

    const WindowOptions m_options;
    const std::filesystem::path m_out;
    const bool m_dark;
    std::unique_ptr<MainWindow> m_window;
    std::string m_failure;
};

} // namespace fovea
