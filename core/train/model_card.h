#pragma once
// The README.md of a trained model: what it was made from, how, and what was measured.

#include <span>
#include <string>

#include "core/model/model.h"
#include "core/tokenizer/tokenizer.h"
#include "core/train/train.h"

namespace fovea {

// Measures the model (minutes of work on a slow machine) and writes the card as Markdown.
std::string modelCard(const Model& model, const Tokenizer& tokenizer, std::span<const int> heldOut,
                      const TrainOptions& options, const TrainResult& result);

} // namespace fovea
