#pragma once
// Small valid checkpoints made on the spot, to be loaded, or broken first.

#include <filesystem>
#include <string>

#include "core/model/model.h"

namespace fovea::test {

// A folder of its own below the system's temporary one, removed with the object.
class ScratchFolder {
public:
    ScratchFolder();
    ~ScratchFolder();
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    const std::filesystem::path& path() const { return m_path; }

private:
    std::filesystem::path m_path;
};

std::string readAll(const std::filesystem::path& file);
void writeAll(const std::filesystem::path& file, const std::string& bytes);

// 2 layers, width 32, 4 query and 2 KV heads of 8, vocabulary 300, random weights without gradients.
Model smallModel(std::uint64_t seed = 7);

// A sentencepiece BPE file: <unk>, <s>, </s>, 256 bytes, then pieces that spell "the tree" up to
// `vocabulary`.
std::string smallSentencepiece(int vocabulary = 300);

// config.json, model.safetensors (bf16) and tokenizer.model of smallModel().
void writeSmallFolder(const std::filesystem::path& folder);

// smallModel() as llama2.c writes it (query and key rows in interleaved order), tied or not.
std::string smallLlama2c(const Model& model, bool tied);
// 300 pieces: <unk>, <s>, </s>, 256 bytes, letters, a few unions.
std::string smallLlama2cTokenizer();

} // namespace fovea::test
