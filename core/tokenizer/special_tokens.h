#pragma once
// Which tokens begin and end a text. A tokenizer.json does not say; the files beside it do.

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/tokenizer/pipeline_tokenizer.h"

namespace fovea {

// The id of a special token by its spelling, or -1.
using SpecialLookup = std::function<int(const std::string& text)>;

// From tokenizer_config.json, generation_config.json and config.json in `folder` (empty: none), each of them
// optional; else by the names that families use. `prefixed` is the token that the tokenizer's own
// post-processor puts in front
// (-1: none). Throws CheckpointError where one of the files is broken.
SpecialTokens findSpecialTokens(const std::filesystem::path& folder, const SpecialLookup& lookup,
                                int prefixed);

// `ends` and the markers by which families end a turn: <|eot_id|>, <|im_end|>, <end_of_turn>, …
void addKnownEnds(SpecialTokens& specials, const SpecialLookup& lookup);

} // namespace fovea
