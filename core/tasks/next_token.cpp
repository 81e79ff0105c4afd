#include "core/tasks/next_token.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "core/model/forward.h"
#include "core/tokenizer/tokenizer.h"

namespace fovea {

namespace {

// Ordinary pieces start after the three control tokens and the 256 bytes, where the vocabulary has so many.
int firstPiece(int vocabulary) {
    return vocabulary > 300 ? 259 : 3;
}

at::Tensor row(std::span<const int> tokens) {
    return at::tensor(std::vector<std::int64_t>(tokens.begin(), tokens.end()), at::kLong).unsqueeze(0);
}

// (n, V)
at::Tensor allLogits(const Model& model, std::span<const int> tokens, const AttentionFunction& attention = {}) {
    const at::Tensor hidden =
        hiddenStates(model, row(tokens), 0, attention ? attention : causalAttentionOf(model.spec), at::kFloat);
    return logits(model, hidden).squeeze(0);
}

// Of all tokens, cut into windows that each follow a BOS.
double natsOf(const Model& model, const Tokenizer& tokenizer, std::span<const int> tokens,
              std::int64_t window, const AttentionFunction& attention = {}) {
    const at::NoGradGuard noGrad;
    if (window < 1)
        throw std::invalid_argument("the loss of a text: the window must hold a token");
    double nats = 0;
    for (std::size_t first = 0; first < tokens.size(); first += static_cast<std::size_t>(window)) {
        const auto text = tokens.subspan(first, std::min<std::size_t>(window, tokens.size() - first));
        std::vector<int> input = {tokenizer.bos()};
        input.insert(input.end(), text.begin(), text.end() - 1);
        const at::Tensor cost =
            at::cross_entropy_loss(allLogits(model, input, attention), row(text).squeeze(0), {}, /*sum*/ 2);
        nats += cost.item<double>();
    }
    return nats;
}

} // namespace

std::vector<std::int64_t> mostLikelyNext(const Model& model, std::span<const int> tokens) {
    const at::NoGradGuard noGrad;
    const at::Tensor best = at::argmax(allLogits(model, tokens), -1).contiguous();
    const auto* data = best.data_ptr<std::int64_t>();
    return {data, data + best.numel()};
}

double bitsPerCharacter(const Model& model, const Tokenizer& tokenizer, std::span<const int> tokens,
                        std::int64_t window, const AttentionFunction& attention) {
    const double nats = natsOf(model, tokenizer, tokens, window, attention);
    std::int64_t bytes = 0;
    for (const int token : tokens)
        bytes += static_cast<std::int64_t>(tokenizer.piece(tokenizer.eos(), token).size());
    return bytes ? nats / std::log(2.0) / static_cast<double>(bytes) : 0;
}

double natsPerToken(const Model& model, const Tokenizer& tokenizer, std::span<const int> tokens,
                    std::int64_t window) {
    const double nats = natsOf(model, tokenizer, tokens, window);
    return tokens.empty() ? 0 : nats / static_cast<double>(tokens.size());
}

double copyAccuracy(const Model& model, std::int64_t run, std::int64_t length, int contexts,
                    std::uint64_t seed, int bos) {
    if (run < 2 || 2 * run + 1 > length)
        throw std::invalid_argument("copying: a run of at least 2 tokens must fit the context twice");
    Random random(seed);
    const int low = firstPiece(model.spec.vocabulary);
    std::int64_t right = 0;
    for (int i = 0; i < contexts; ++i) {
        std::vector<int> tokens = {bos};
        while (static_cast<std::int64_t>(tokens.size()) < length - run)
            tokens.push_back(static_cast<int>(random.between(low, model.spec.vocabulary - 1)));
        // The run starts anywhere before the second showing.
        const std::int64_t start = random.between(1, length - 2 * run);
        for (std::int64_t j = 0; j < run; ++j)
            tokens.push_back(tokens[static_cast<std::size_t>(start + j)]);
        const auto best = mostLikelyNext(model, tokens);
        for (std::int64_t at = length - run + 1; at < length; ++at)
            right += best[static_cast<std::size_t>(at - 1)] == tokens[static_cast<std::size_t>(at)];
    }
    return static_cast<double>(right) / static_cast<double>(contexts * (run - 1));
}

} // namespace fovea
