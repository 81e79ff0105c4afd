#include "core/model/model_header.h"

#include <system_error>

#include "core/model/gguf.h"
#include "core/model/llama2c_checkpoint.h"
#include "core/model/model.h"

namespace fovea {

// Folders and GGUF files are mapped: opening one reads no more of it than its tables.
ModelSpec readModelHeader(const std::filesystem::path& path) {
    std::error_code error;
    const bool mapped = std::filesystem::is_directory(path, error) || isGguf(path);
    return mapped ? loadModel(path)->spec : readLlama2cHeader(path);
}

} // namespace fovea
