#pragma once
// sentencepiece's "precompiled_charsmap": the rules of a normalization (nmt_nfkc and the like) as a
// double-array trie (Darts) of what to replace, whose values point into a block of replacements, each ended
// by a NUL.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fovea {

class Charsmap {
public:
    struct Rule {
        std::size_t length = 0; // bytes that are replaced; 0: no rule
        std::string_view replacement;
    };

    // Nothing where the bytes are no such map.
    static std::optional<Charsmap> parse(std::string_view bytes);

    // The longest rule for the beginning of `text`.
    Rule longest(std::string_view text) const;

private:
    std::optional<std::uint32_t> unit(std::uint32_t at) const;

    std::vector<std::uint32_t> m_units;
    std::string m_replacements;
};

} // namespace fovea
