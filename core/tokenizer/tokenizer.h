#pragma once
// Text to token ids and back.

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fovea {

class Tokenizer {
public:
    virtual ~Tokenizer() = default;

    // Ids of `text`, with the beginning-of-sequence token first when `bos`.
    virtual std::vector<int> encode(std::string_view text, bool bos) const = 0;
    // The bytes that `token` appends after `previous` (-1: none). A sentencepiece vocabulary drops the leading
    // space after BOS; a byte token yields its raw byte, so a character may arrive in parts.
    virtual std::string piece(int previous, int token) const = 0;
    virtual int vocabulary() const = 0;
    virtual int bos() const = 0;
    virtual int eos() const = 0;

    std::string decode(const std::vector<int>& tokens) const;
};

// `tokenizer` when given, else what lies beside `model`: tokenizer.model (sentencepiece) in a folder,
// tokenizer.bin or tok*.bin beside a llama2.c file. `vocabulary` is the model's, and must match.
// Throws CheckpointError.
std::shared_ptr<const Tokenizer> loadTokenizer(const std::filesystem::path& model,
                                               const std::filesystem::path& tokenizer, int vocabulary);

}  // namespace fovea
