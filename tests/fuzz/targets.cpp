#include "tests/fuzz/targets.h"

namespace fovea::fuzz {

std::span<const Target> targets() {
    static constexpr Target kTargets[] = {
        {"plan", readPlan},
        {"safetensors", readSafetensors},
        {"huggingface_config", readHuggingFaceConfig},
        {"huggingface_folder", readHuggingFaceFolder},
        {"llama2c", readLlama2c},
        {"llama2c_tokenizer", readLlama2cTokenizer},
        {"sentencepiece", readSentencepiece},
    };
    return kTargets;
}

} // namespace fovea::fuzz
