#include "app/window/bundled.h"

#include <fstream>
#include <sstream>
#include <vector>

#include "app/window/loaded_model.h"

namespace fovea {

namespace {

const std::filesystem::path kAssets = FOVEA_SOURCE_DIR "/assets";

} // namespace

std::filesystem::path bundledModels() {
    return kAssets / "models";
}

std::filesystem::path firstModel() {
    const std::vector<std::filesystem::path> models = modelsIn(bundledModels());
    for (const std::filesystem::path& path : models)
        if (path.filename() == "fovea-starter")
            return path;
    return models.empty() ? std::filesystem::path() : models.front();
}

std::filesystem::path bundledText() {
    return kAssets / "texts" / "evaluation.txt";
}

std::string firstPrompt() {
    std::ifstream file(kAssets / "prompts" / "recall.txt");
    std::stringstream text;
    text << file.rdbuf();
    std::string prompt = text.str();
    while (!prompt.empty() && prompt.back() == '\n')
        prompt.pop_back(); // the text goes on where the model takes over
    return prompt.empty() ? "Once upon a time" : prompt;
}

} // namespace fovea
