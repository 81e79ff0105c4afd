#include "core/model/model_kind.h"

#include <system_error>

#include "core/model/checkpoint_error.h"
#include "core/model/gguf.h"

namespace fovea {

ModelKind modelKind(const std::filesystem::path& path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error))
        return ModelKind::HuggingFace;
    const std::filesystem::path extension = path.extension();
    if (extension == ".safetensors" || extension == ".json")
        throw CheckpointError(path.string() + ": name the model's folder (config.json, model.safetensors), a "
                                              ".gguf file or a llama2.c .bin file");
    return isGguf(path) ? ModelKind::Gguf : ModelKind::Llama2c;
}

} // namespace fovea
