#pragma once
// Texts that were decoded at once, as JSON.

#include <span>
#include <string>

#include "core/engine/batch.h"

namespace fovea {

// `texts` are the decoded ones, prompts included; bytes that are not UTF-8 become U+FFFD. What a step moved and held is
// that of all texts together. Ends in a newline.
std::string batchJson(const BatchRun& run, std::span<const std::string> texts);

} // namespace fovea
