#include "core/calibrate/text_blocks.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/model/model_spec.h"
#include "core/tasks/random.h"
#include "core/tokenizer/tokenizer.h"

namespace fovea {

TextBlocks fittingBlocks(const TextBlocks& wanted, const ModelSpec& spec) {
    TextBlocks fitting = wanted;
    fitting.length = std::min<std::int64_t>(wanted.length, spec.context);
    return fitting;
}

at::Tensor textBlocks(const Tokenizer& tokenizer, std::string_view text, const TextBlocks& wanted) {
    return textBlocks(tokenizer, tokenizer.encode(text, false), wanted);
}

at::Tensor textBlocks(const Tokenizer& tokenizer, std::span<const int> tokens, const TextBlocks& wanted) {
    if (wanted.blocks < 1 || wanted.length < 2)
        throw std::invalid_argument("a calibration needs at least one block of two tokens");
    const std::int64_t first = tokenizer.addsBos() && tokenizer.bos() >= 0 ? 1 : 0,
                       last = std::ssize(tokens) + first - wanted.length;
    if (last < 0)
        throw std::invalid_argument("the text has " + std::to_string(tokens.size()) +
                                    " tokens, fewer than a block of " + std::to_string(wanted.length) +
                                    "; name a longer text or a smaller length");
    Random random(wanted.seed);
    at::Tensor blocks = at::empty({wanted.blocks, wanted.length}, at::kLong);
    auto* to = blocks.data_ptr<std::int64_t>();
    for (std::int64_t block = 0; block < wanted.blocks; ++block) {
        if (first > 0)
            *to++ = tokenizer.bos();
        const auto from = tokens.begin() + random.between(0, last);
        to = std::copy_n(from, wanted.length - first, to);
    }
    return blocks;
}

std::optional<std::string> overlapNote(std::int64_t tokens, const TextBlocks& blocks) {
    // By division: as many blocks as are asked for may be more tokens than 64 bits count.
    if (tokens / blocks.length >= blocks.blocks)
        return std::nullopt;
    return "the text has " + std::to_string(tokens) + " tokens, too few for " +
           std::to_string(blocks.blocks) + " blocks of " + std::to_string(blocks.length) +
           " side by side: blocks overlap and teach some of it twice; name a longer text or fewer blocks";
}

} // namespace fovea
