#include <CLI/CLI.hpp>

#include <stdexcept>

#include "app/window/demo.h"
#include "app/window/open_window.h"
#include "app/window/study_picture.h"
#include "app/window/sweep_picture.h"

namespace fovea {

namespace {

[[noreturn]] void refuse() {
    throw std::runtime_error(
        "this program was built without the window (FOVEA_GUI=OFF), see fovea --help for its verbs");
}

} // namespace

int openWindow(const WindowOptions&) {
    refuse();
}

void addDemoCommand(CLI::App& program) {
    auto* command = program.add_subcommand("demo", "Draw the window and its tour (not in this build)");
    command->allow_extras();
    command->callback(refuse);
}

SweepPictureWriter sweepPictureWriter() {
    return {};
}

StudyPictureWriter studyPictureWriter() {
    return {};
}

} // namespace fovea
