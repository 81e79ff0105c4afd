#pragma once
// The options of a training one by one: saved with its state, and held against those it is resumed with.

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>

#include "core/train/train.h"

namespace fovea {

// Throws std::invalid_argument, one line, when the options do not fit together.
void requireSound(const TrainOptions& options);

// visit(name as on the command line, value, whether the result depends on it) for every option but the
// folder, what becomes of an unfinished training, and what the model card is told.
template <class Options, class Visit>
void forEachTrainOption(Options& o, const Visit& visit) {
    visit("text", o.text, false); // its content counts, wherever it lies
    visit("minutes", o.minutes, true);
    visit("tokens", o.tokens, true);
    visit("seed", o.seed, true);
    visit("vocabulary", o.vocabulary, true);
    visit("width", o.width, true);
    visit("layers", o.layers, true);
    visit("heads", o.heads, true);
    visit("kv-heads", o.kvHeads, true);
    visit("ffn", o.ffn, true);
    visit("context", o.context, true);
    visit("rate", o.learningRate, true);
    visit("batch-tokens", o.batchTokens, true);
    visit("accumulate", o.accumulate, true);
    visit("validate-every", o.validateEvery, true);
    visit("keep-best", o.keepBest, true);
    visit("threads", o.threads, false); // to rounding
    visit("save-every", o.saveSeconds, false);
}

nlohmann::ordered_json toJson(const TrainOptions& options);
// Throws std::exception when one is missing or of another type.
TrainOptions trainOptionsFrom(const nlohmann::ordered_json& json);

// The first option that the result depends on and that differs, as a sentence; nothing when none does.
std::optional<std::string> differingOption(const TrainOptions& saved, const TrainOptions& asked);

} // namespace fovea
