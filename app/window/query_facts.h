#pragma once
// What is known about tokens and about one query, in the form that the token strip shows.

#include <QString>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "views/tokens/token_strip.h"

namespace fovea {

struct HeadPicture;
struct Run;
struct RunPair;

// Chips of all tokens. `run` and `head` may be null: then there is nothing to colour by.
std::vector<TokenCell> tokenCells(const std::vector<QString>& texts, std::size_t promptTokens,
                                  TokenColour colour, const Run* run, const HeadPicture* head);

// The token that the run finds likeliest after `position`, where it kept its logits.
std::optional<int> likeliestAfter(const Run& run, std::int64_t position);

// "query " oak" @ 507   pinned 2   next " 57" ✓ A and B agree". `textOf` writes a token that is not in the
// text.
QString queryNote(const RunPair& runs, std::int64_t query, const std::vector<QString>& texts,
                  std::size_t pinned, const std::function<QString(int token)>& textOf);

} // namespace fovea
