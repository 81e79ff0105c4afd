#pragma once
// What a model is calibrated with: blocks of a text, as many tokens each.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace at {
class Tensor;
}

namespace fovea {

class Tokenizer;
struct ModelSpec;

struct TextBlocks {
    std::int64_t blocks = 128; // as AWQ and GPTQ have it
    std::int64_t length = 512; // tokens of each, BOS among them; AWQ's. GPTQ has 2,048
    std::uint64_t seed = 1;
    bool operator==(const TextBlocks&) const = default;
};

// The same with blocks no longer than the model's context.
TextBlocks fittingBlocks(const TextBlocks& wanted, const ModelSpec& spec);

// (blocks, length) int64: runs of the text's tokens from anywhere in it, which may overlap, each after BOS where the
// model wants one (the authors' code has none). The same for the same seed. Throws std::invalid_argument with one
// sentence where the text has fewer tokens than a block.
at::Tensor textBlocks(const Tokenizer& tokenizer, std::string_view text, const TextBlocks& wanted);
// The same of a text's tokens, without BOS.
at::Tensor textBlocks(const Tokenizer& tokenizer, std::span<const int> tokens, const TextBlocks& wanted);

// One sentence where a text of `tokens` tokens is too short for the blocks to stand side by side, so that they overlap
// whatever the seed; or nothing.
std::optional<std::string> overlapNote(std::int64_t tokens, const TextBlocks& blocks);

} // namespace fovea
