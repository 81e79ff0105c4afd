#include "tests/fuzz/targets.h"

namespace fovea::fuzz {

std::span<const Target> targets() {
    static constexpr Target kTargets[] = {
        {"plan", readPlan},
        {"safetensors", readSafetensors},
        {"huggingface_config", readHuggingFaceConfig},
        {"huggingface_folder", readHuggingFaceFolder},
        {"llama2c", readLlama2c},
        {"gguf", readGguf},
        {"gguf_model", readGgufModel},
        {"gguf_vocabulary", readGgufVocabulary},
        {"tokenizer_json", readTokenizerJson},
        {"sentencepiece", readSentencepiece},
        {"llama2c_tokenizer", readLlama2cTokenizer},
        {"chat_template", readChatTemplate},
        {"run_json", readRun},
        {"moa_plan", readMoa},
        {"tokenizer_folder", readTokenizerFolder},
        {"codebooks", readCodebookFile},
        {"sweep_table", readSweepTable},
        {"statistics_table", readStatisticsTable},
        {"training_state", readTrainingState},
        {"training_log", readTrainingLog},
    };
    return kTargets;
}

} // namespace fovea::fuzz
