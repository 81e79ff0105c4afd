#include "core/train/model_card.h"

#include <algorithm>
#include <cstdio>

#include "core/tasks/next_token.h"
#include "core/tasks/recall.h"

namespace fovea {

namespace {

constexpr int kContexts = 40; // per measurement: some 1,500 answers
constexpr std::uint64_t kEvaluationSeed = 20240;

template <typename... Values>
std::string format(const char* pattern, Values... values) {
    char text[512];
    std::snprintf(text, sizeof text, pattern, values...);
    return text;
}

std::string shape(const ModelSpec& spec) {
    return format(
        "%.2f million parameters: width %d, %d layers, %d query heads sharing %d KV heads of %d, SwiGLU %d, "
        "vocabulary %d, context %d, embedding tied.",
        static_cast<double>(spec.parameters) / 1e6, spec.width, spec.layers, spec.queryHeads, spec.kvHeads,
        spec.headDim, spec.ffn, spec.vocabulary, spec.context);
}

std::string recallTable(const Model& model, const Tokenizer& tokenizer, std::span<const int> heldOut) {
    std::string rows;
    for (const std::int64_t length : {std::int64_t{512}, std::int64_t{1024}}) {
        for (const int pairs : {4, 8, 16, 32}) {
            if (length > model.spec.context)
                continue;
            const auto score =
                scoreRecall(model, tokenizer, heldOut, {pairs, length}, kContexts, kEvaluationSeed);
            rows +=
                format("| %lld | %d | %.1f %% | %.1f %% | %lld |\n", static_cast<long long>(length), pairs,
                       100 * score.accuracy, 100 * score.aboveChance, static_cast<long long>(score.answers));
        }
    }
    if (rows.empty())
        return "The context is too short for the recall task.\n";
    return "| tokens | pairs listed | recalled | above chance (1/pairs) | answers "
           "|\n|---|---|---|---|---|\n" +
           rows;
}

std::string copying(const Model& model, int bos) {
    const std::int64_t length = std::min(model.spec.context, 512);
    const std::int64_t run = length / 8;
    return format(
        "Copying: a run of %lld random tokens shown a second time within %lld tokens is predicted to "
        "%.1f %% (all tokens but the first).\n",
        static_cast<long long>(run), static_cast<long long>(length),
        100 * copyAccuracy(model, run, length, kContexts, kEvaluationSeed, bos));
}

// What the losses on held-out text were, and how the tokens of a step and the hours came together.
std::string learning(const TrainOptions& options, const TrainResult& result) {
    std::string text;
    if (options.accumulate > 1)
        text += format("The tokens of a step were taken in %d parts, every token weighing the same.\n",
                       options.accumulate);
    if (result.sittings > 1)
        text +=
            format("Trained in %d sittings, each going on exactly where the state of the one before stood.\n",
                   result.sittings);
    if (result.heldOut && result.best)
        text +=
            format("Held-out loss, every %lld steps on the first tokens of the held-out text: %.3f nats per "
                   "token at the end, lowest %.3f after %.2f million tokens; the weights are the %s.\n",
                   static_cast<long long>(options.validateEvery), result.heldOut->loss, result.best->loss,
                   static_cast<double>(result.best->tokens) / 1e6,
                   options.keepBest ? "ones of the lowest" : "last ones");
    return text;
}

} // namespace

std::string modelCard(const Model& model, const Tokenizer& tokenizer, std::span<const int> heldOut,
                      const TrainOptions& options, const TrainResult& result) {
    const auto text = heldOut.first(
        std::min<std::size_t>(heldOut.size(), static_cast<std::size_t>(options.evaluateTokens)));
    const std::int64_t window = std::min(model.spec.context, 512);
    std::string card = "# " + model.spec.name +
                       "\n\nA small Llama made by `fovea train` to look at attention with: it writes "
                       "recognisable English, recalls what a list in its context says, and copies.\n\n" +
                       shape(model.spec);
    card += "\n\n## Data\n";
    for (const auto& file : options.text)
        card += "- `" + file.filename().string() + "`, the last 2 % held out\n";
    card += "- made-up sequences (two thirds of all until half-time, half after that): lists of pairs spelt "
            "as text and as "
            "random tokens with many repeated keys, and runs of random tokens shown again at varying lag\n";
    card += format("\n## Recipe\nSeed %llu, %lld steps, %.2f million tokens in %.1f minutes; final loss %.3f "
                   "nats per graded "
                   "token.\nWeights start normal with deviation 1/sqrt(fan-in); AdamW (0.9, 0.99, decay 0.01 "
                   "on matrices), peak "
                   "rate %g, 2 %% warm-up, cosine to a twentieth, gradients clipped to norm 1, %lld tokens "
                   "per step; sequences of "
                   "64 tokens for the first third, then 128, 256, 512, the last twelfth at %d. Masters fp32, "
                   "products bf16, "
                   "stored bf16. The tokenizer is sentencepiece BPE with byte fallback.\n",
                   static_cast<unsigned long long>(options.seed), static_cast<long long>(result.steps),
                   static_cast<double>(result.tokens) / 1e6, result.seconds / 60, result.loss,
                   options.learningRate, static_cast<long long>(options.batchTokens), model.spec.context);
    card += learning(options, result);
    if (!options.command.empty())
        card += "\n    " + options.command + "\n";
    card += format(
        "\n## Measured on the stored weights\nHeld-out text: %.3f bits per character (%zu tokens, windows of "
        "%lld).\n\nRecall, teacher-forced, held-out text between the questions:\n\n",
        bitsPerCharacter(model, tokenizer, text, window), text.size(), static_cast<long long>(window));
    return card + recallTable(model, tokenizer, heldOut) + "\n" + copying(model, tokenizer.bos());
}

} // namespace fovea
