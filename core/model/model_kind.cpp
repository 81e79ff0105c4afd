#include "core/model/model_kind.h"

#include <fstream>
#include <string_view>
#include <system_error>

#include "core/model/checkpoint_error.h"

namespace fovea {

namespace {

// By its name or its first four bytes: files from a store of blobs have no name that says it.
bool isGguf(const std::filesystem::path& path) {
    std::error_code error;
    if (path.extension() == ".gguf" || !std::filesystem::is_regular_file(path, error))
        return path.extension() == ".gguf";
    char magic[4] = {};
    return std::ifstream(path, std::ios::binary).read(magic, 4) && std::string_view(magic, 4) == "GGUF";
}

} // namespace

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
