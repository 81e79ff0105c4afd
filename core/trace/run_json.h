#pragma once
// A run as one JSON object: text, tokens, plan, steps with their bytes, totals.

#include <string>
#include <string_view>

#include "core/engine/run.h"

namespace fovea {

// `text` is the decoded run, prompt included; bytes that are not UTF-8 become U+FFFD. Ends in a newline.
std::string runJson(const Run& run, std::string_view text);

} // namespace fovea
