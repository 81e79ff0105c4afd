#pragma once
// Cuts a text into the pieces that are encoded one by one: no token reaches over a cut.

#include <functional>
#include <string>
#include <vector>

#include "core/tokenizer/aligned_text.h"
#include "core/tokenizer/text_pattern.h"

namespace fovea {

// The pieces, in order; what lies between them is left out.
struct CutText {
    AlignedText text;
    std::vector<Range> pieces; // none empty
};

using PreTokenizerStep = std::function<CutText(CutText)>;
using PreTokenizer = std::vector<PreTokenizerStep>;

CutText preTokenize(const PreTokenizer& steps, AlignedText text);

// What becomes of a match, as tokenizer.json names it.
enum class SplitBehavior { Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous };

// `inverted`: what lies between the matches counts as the match.
PreTokenizerStep split(TextPattern pattern, SplitBehavior behavior, bool inverted = false);
PreTokenizerStep splitAt(bool (*isMatch)(char32_t), SplitBehavior behavior);
// GPT-2's words: contractions, letters, digits and the rest, each with the space before it.
PreTokenizerStep gpt2Words();
// Words and what stands between them, blanks left out.
PreTokenizerStep words();
// In front of each piece that does not begin with one.
PreTokenizerStep spaceInFront();
// GPT-2's spelling of bytes.
PreTokenizerStep byteLevel();

enum class PrefixScheme { Never, First, Always }; // First: where the original text begins

// Spaces become `space`, which is put in front, too; then cut before each `space`, where `cut`.
PreTokenizerStep metaspace(std::string space, PrefixScheme scheme, bool cut);

} // namespace fovea
