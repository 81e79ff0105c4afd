#pragma once
// Text to token ids and back.

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/tokenizer/text_range.h"

namespace fovea {

struct Encoding {
    std::vector<int> ids;
    // For each id the bytes of the text that it covers. Tokens of one character that is spelt by bytes cover
    // a byte each where the format tells them apart; BOS and a space put in front cover nothing.
    std::vector<TextSpan> spans;
};

class Tokenizer {
public:
    virtual ~Tokenizer() = default;

    // Ids of `text`, with the beginning-of-sequence token first when `bos` and the model was trained with one
    // (addsBos()). `parseSpecial`: markers such as <|im_end|> in the text are their tokens, else plain text.
    // Bytes that are no UTF-8 count as U+FFFD, or are spelt by byte tokens, as the format's own library does.
    // Throws CheckpointError where a pattern of the tokenizer's file takes too long.
    virtual Encoding encodeWithSpans(std::string_view text, bool bos, bool parseSpecial) const = 0;
    std::vector<int> encode(std::string_view text, bool bos, bool parseSpecial) const;
    // The same, markers as parsesSpecialByDefault().
    std::vector<int> encode(std::string_view text, bool bos) const;

    // The bytes that `token` appends after `previous` (-1: none). A sentencepiece vocabulary drops the
    // leading space after BOS; a byte token yields its raw byte, so a character may arrive in parts
    // (utf8_stream.h). Special tokens, and ids that a model's padded vocabulary has beyond the tokenizer's,
    // say nothing.
    virtual std::string piece(int previous, int token) const = 0;
    // The token as the vocabulary spells it: "▁the", "<0x0A>", "<|eot_id|>"; empty for an id without a token.
    virtual std::string_view name(int token) const = 0;
    virtual bool special(int token) const = 0;

    virtual int vocabulary() const = 0; // the greatest id and one
    virtual int bos() const = 0;        // -1: none
    virtual int eos() const = 0;        // -1: none
    virtual bool addsBos() const = 0;
    // Every token after which a text or a turn is over, eos() first: <|eot_id|>, <|im_end|>, …
    virtual const std::vector<int>& ends() const = 0;
    // Whether the library that the format comes from takes markers in a text for tokens: sentencepiece and
    // llama2.c do not, the others do.
    virtual bool parsesSpecialByDefault() const = 0;

    std::string decode(const std::vector<int>& tokens) const;
};

// What a run of `prompt` begins with: its ids with BOS where the model wants one, or BOS alone where there
// are none.
std::vector<int> promptTokens(const Tokenizer& tokenizer, std::string_view prompt);

// `tokenizer` when given, a file or a folder, else what belongs to `model`: the GGUF file itself;
// tokenizer.json, tokenizer.model (sentencepiece) or vocab.json with merges.txt in a folder; tokenizer.bin or
// tok*.bin beside a llama2.c file. `vocabulary` is the model's (0: any) and must match, though a model's may
// be padded. Throws CheckpointError.
std::shared_ptr<const Tokenizer> loadTokenizer(const std::filesystem::path& model,
                                               const std::filesystem::path& tokenizer, int vocabulary);

} // namespace fovea
