#include "core/model/model.h"

#include <system_error>

#include "core/model/huggingface/checkpoint.h"
#include "core/model/llama2c_checkpoint.h"

namespace fovea {

std::shared_ptr<const Model> loadModel(const std::filesystem::path& path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error))
        return readHuggingFace(path);
    const std::filesystem::path extension = path.extension();
    if (extension == ".safetensors" || extension == ".json" || extension == ".gguf")
        throw CheckpointError(
            path.string() +
            ": name the model's folder (config.json, model.safetensors) or a llama2.c .bin file");
    return readLlama2c(path);
}

} // namespace fovea
