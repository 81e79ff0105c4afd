#pragma once
// `fovea sweep`: many plans on a task, as a CSV that can be resumed and a picture of quality against bytes.

#include <filesystem>
#include <functional>

namespace CLI {
class App;
}

namespace fovea {

struct SweepTable;

// Draws the table into a .svg, .png or .pdf file. Empty in a build without the window, which has nothing to draw with.
using SweepPictureWriter =
    std::function<void(const SweepTable& table, const std::filesystem::path& file, bool dark)>;

void addSweepCommand(CLI::App& program, SweepPictureWriter picture);

} // namespace fovea
