#pragma once
// config.json of a Hugging Face folder.

#include <filesystem>
#include <optional>

#include "core/model/huggingface/architecture.h"
#include "core/model/huggingface/gptq_format.h"
#include "core/model/model_spec.h"

namespace fovea {

struct HuggingFaceConfig {
    const Architecture& architecture;
    ModelSpec spec; // all but its type and parameters, which the weights decide
    std::optional<GptqFormat> gptq; // of matrices that are rounded
};

// Throws CheckpointError.
HuggingFaceConfig readHuggingFaceConfig(const std::filesystem::path& file);

} // namespace fovea
