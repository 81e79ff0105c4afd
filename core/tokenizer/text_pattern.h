#pragma once
// A string or a regular expression to look for, as tokenizer.json gives it. The expressions are Oniguruma's
// dialect there; ICU reads them, after the few classes that mean something else have been spelt out.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/tokenizer/text_range.h"

namespace fovea {

class TextPattern {
public:
    static TextPattern literal(std::string text);
    // Throws CheckpointError: the expression is not understood.
    static TextPattern regex(std::string_view expression);

    // Where it occurs in each of `pieces` of valid UTF-8, in order: a piece's surroundings are not looked at.
    // Throws CheckpointError when a hostile expression takes too long.
    std::vector<std::vector<Range>> find(std::string_view text, std::span<const Range> pieces) const;
    std::vector<Range> find(std::string_view text) const;

private:
    struct Regex;
    std::string m_text; // the string, or the expression for an error
    std::shared_ptr<const Regex> m_regex;
};

} // namespace fovea
