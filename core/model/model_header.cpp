#include "core/model/model_header.h"

#include <c10/core/ScalarType.h>

#include <system_error>

#include "core/model/huggingface_config.h"
#include "core/model/llama2c_checkpoint.h"
#include "core/model/safetensors.h"

namespace fovea {

namespace {

std::int64_t elementsOf(const SafetensorsFile::Entry& entry) {
    std::int64_t elements = 1; // the file's reader has checked that the shape fits the entry's bytes
    for (const std::int64_t n : entry.shape)
        elements *= n;
    return elements;
}

ModelSpec readHuggingFaceHeader(const std::filesystem::path& folder) {
    ModelSpec spec = readHuggingFaceConfig(folder / "config.json");
    const SafetensorsFile file(folder / "model.safetensors");
    for (const auto& [name, entry] : file.entries()) {
        if (name.ends_with("rotary_emb.inv_freq") || (spec.tiedEmbedding && name == "lm_head.weight"))
            continue; // not read
        spec.parameters += elementsOf(entry);
        spec.type = entry.type == at::kFloat  ? ElementType::F32
                    : entry.type == at::kHalf ? ElementType::F16
                                              : ElementType::BF16;
    }
    return spec;
}

} // namespace

ModelSpec readModelHeader(const std::filesystem::path& path) {
    std::error_code error;
    return std::filesystem::is_directory(path, error) ? readHuggingFaceHeader(path) : readLlama2cHeader(path);
}

} // namespace fovea
