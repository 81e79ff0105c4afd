#pragma once
// What a check of two backends found, as JSON, as CSV and as one line.

#include <string>
#include <vector>

#include "core/engine/check.h"

namespace fovea {

// Per plan the verdict, the largest of each part, of each head, and every step. Infinite errors are null. Ends in a
// newline.
std::string checkJson(const std::vector<CheckReport>& reports);
// One row per step and layer, and one per step for the logits.
std::string checkCsv(const CheckReport& report);

// "attention of layer 3, head 2, component 17, at position 40"
std::string placeText(const Deviation& deviation, const CheckReport& report);
// "prompt read at once and token by token agree within 1e-4: largest 3.1e-6, k of layer 3, head 1, at position 17"
std::string promptText(const PromptCheck& prompt);
// "3.1e-6", "∞"
std::string errorText(double relative);

} // namespace fovea
