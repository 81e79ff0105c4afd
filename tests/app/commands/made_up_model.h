#pragma once
// A tiny model in llama2.c's format with random weights, so that the command line can be tested wherever it
// is built. Its words are nonsense; its bytes and shapes are as real as any.

#include <filesystem>

namespace fovea {

constexpr int kMadeUpContext = 48;
constexpr int kMadeUpHeadDim = 8; // 2 layers, 4 query heads on 2 KV heads, width 32

// Writes model.bin into `folder`, and tokenizer.bin beside it when `withTokenizer`. Returns the model's path.
std::filesystem::path writeMadeUpModel(const std::filesystem::path& folder, bool withTokenizer = true,
                                       int context = kMadeUpContext);

} // namespace fovea
