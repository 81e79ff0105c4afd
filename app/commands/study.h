#pragma once
// `fovea study quantisation`: what rounding weights, activations and the cache costs a model, question by question.

#include <filesystem>
#include <functional>

namespace CLI {
class App;
}

namespace fovea {

struct StudyResult;
struct StudyRule;

// Draws a study into its folder: losses and statistics. Empty in a build without the window.
using StudyPictureWriter = std::function<void(const StudyResult& result, const StudyRule& rule,
                                              const std::filesystem::path& folder, bool dark)>;

void addStudyCommand(CLI::App& program, StudyPictureWriter pictures);

} // namespace fovea
