#include "app/window/loaded_model.h"

#include <algorithm>

#include "core/model/model.h"
#include "core/tokenizer/chat_template.h"
#include "core/tokenizer/tokenizer.h"

namespace fovea {

std::shared_ptr<const LoadedModel> openModel(const std::filesystem::path& path,
                                             const std::filesystem::path& tokenizer) {
    auto loaded = std::make_shared<LoadedModel>();
    loaded->path = path;
    loaded->model = loadModel(path);
    loaded->spec = loaded->model->spec;
    loaded->tokenizer = loadTokenizer(path, tokenizer, loaded->spec.vocabulary);
    loaded->chat = chatTemplateFor(path, tokenizer);
    return loaded;
}

std::shared_ptr<const ChatTemplate> chatTemplateFor(const std::filesystem::path& model,
                                                    const std::filesystem::path& tokenizer) {
    for (const std::filesystem::path& path : {tokenizer, model}) {
        try {
            if (auto found = path.empty() ? std::nullopt : chatTemplateOf(path))
                return std::make_shared<const ChatTemplate>(std::move(*found));
        } catch (const CheckpointError&) {
        }
    }
    return nullptr;
}

std::string describe(const ModelSpec& spec) {
    std::string text = spec.name + " · " + std::to_string(spec.layers) + " layers · " +
                       std::to_string(spec.queryHeads) + " heads";
    if (spec.kvHeads != spec.queryHeads)
        text += " / " + std::to_string(spec.kvHeads) + " KV";
    return text;
}

std::vector<std::filesystem::path> modelsIn(const std::filesystem::path& models) {
    std::vector<std::filesystem::path> found;
    std::error_code error; // a folder that is absent or unreadable holds no models
    for (std::filesystem::directory_iterator it(models, error), end; !error && it != end;
         it.increment(error)) {
        std::error_code unreadable;
        const std::string ending = it->path().extension().string(), name = it->path().filename().string();
        if (ending == ".gguf" || (ending == ".bin" && !name.starts_with("tokenizer")) ||
            std::filesystem::exists(it->path() / "config.json", unreadable))
            found.push_back(it->path());
    }
    std::sort(found.begin(), found.end());
    return found;
}

} // namespace fovea
