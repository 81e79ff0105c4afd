#include "core/tokenizer/pre_tokenizer.h"

#include "core/tokenizer/normalizer.h"
#include "core/tokenizer/utf8.h"

namespace fovea {

namespace {

struct Part {
    Range range;
    bool match = false;
};

// The matches in `piece`, and what lies between them.
std::vector<Part> partsOf(const Range& piece, const std::vector<Range>& matches, bool inverted) {
    std::vector<Part> parts;
    std::size_t at = piece.begin;
    for (const Range& match : matches) {
        if (match.begin > at)
            parts.push_back({{at, match.begin}, inverted});
        parts.push_back({match, !inverted});
        at = match.end;
    }
    if (at < piece.end)
        parts.push_back({{at, piece.end}, inverted});
    return parts;
}

bool joins(const Part& left, const Part& right, SplitBehavior behavior) {
    switch (behavior) {
    case SplitBehavior::Contiguous:
        return left.match == right.match;
    case SplitBehavior::MergedWithPrevious:
        return right.match && !left.match;
    case SplitBehavior::MergedWithNext:
        return left.match && !right.match;
    default:
        return false;
    }
}

void appendParts(std::vector<Range>& pieces, const std::vector<Part>& parts, SplitBehavior behavior) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i > 0 && joins(parts[i - 1], parts[i], behavior))
            pieces.back().end = parts[i].range.end;
        else if (behavior != SplitBehavior::Removed || !parts[i].match)
            pieces.push_back(parts[i].range);
    }
}

void dropEmpty(std::vector<Range>& pieces) {
    std::erase_if(pieces, [](const Range& piece) { return piece.begin == piece.end; });
}

// The text made anew, piece by piece, as change(out, piece).
template <class Change>
CutText rewritten(const CutText& from, Change change) {
    CutText out;
    out.text.reserve(from.text.size());
    out.pieces.reserve(from.pieces.size());
    for (const Range& piece : from.pieces) {
        const std::size_t begin = out.text.size();
        change(out.text, piece);
        out.pieces.push_back({begin, out.text.size()});
    }
    return out;
}

} // namespace

CutText preTokenize(const PreTokenizer& steps, AlignedText text) {
    CutText cut{std::move(text), {}};
    if (!cut.text.empty())
        cut.pieces.push_back({0, cut.text.size()});
    for (const PreTokenizerStep& step : steps)
        cut = step(std::move(cut));
    return cut;
}

PreTokenizerStep split(TextPattern pattern, SplitBehavior behavior, bool inverted) {
    return [pattern = std::move(pattern), behavior, inverted](CutText cut) {
        const auto found = pattern.find(cut.text.text(), cut.pieces);
        std::vector<Range> pieces;
        for (std::size_t i = 0; i < cut.pieces.size(); ++i)
            appendParts(pieces, partsOf(cut.pieces[i], found[i], inverted), behavior);
        dropEmpty(pieces);
        cut.pieces = std::move(pieces);
        return cut;
    };
}

PreTokenizerStep splitAt(bool (*isMatch)(char32_t), SplitBehavior behavior) {
    return [isMatch, behavior](CutText cut) {
        std::vector<Range> pieces;
        for (const Range& piece : cut.pieces) {
            std::vector<Range> found;
            for (std::size_t at = piece.begin; at < piece.end;) {
                const Utf8Character character = firstCharacter(cut.text.view(at, piece.end));
                if (isMatch(character.code))
                    found.push_back({at, at + character.length});
                at += character.length;
            }
            appendParts(pieces, partsOf(piece, found, false), behavior);
        }
        cut.pieces = std::move(pieces);
        return cut;
    };
}

PreTokenizerStep gpt2Words() {
    static const TextPattern pattern =
        TextPattern::regex(R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)");
    return split(pattern, SplitBehavior::Isolated);
}

PreTokenizerStep words() {
    // Rust's \w here, not Oniguruma's: joiners and other alphabetic characters are in it.
    const std::string w = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control})";
    return split(TextPattern::regex("[" + w + "]+|[^" + w + R"(\s]+)"), SplitBehavior::Removed, true);
}

PreTokenizerStep spaceInFront() {
    return [](const CutText& cut) {
        return rewritten(cut, [&](AlignedText& out, const Range& piece) {
            if (cut.text.text()[piece.begin] != ' ')
                out.append(" ", cut.text.origin(piece.begin, piece.begin));
            out.append(cut.text, piece.begin, piece.end);
        });
    };
}

PreTokenizerStep byteLevel() {
    return [spell = spellBytes()](const CutText& cut) {
        return rewritten(cut, [&](AlignedText& out, const Range& piece) {
            const AlignedText letters = spell(cut.text.slice(piece.begin, piece.end));
            out.append(letters, 0, letters.size());
        });
    };
}

PreTokenizerStep metaspace(std::string space, PrefixScheme scheme, bool cutThere) {
    return [space = std::move(space), scheme, cutThere](const CutText& cut) {
        CutText out = rewritten(cut, [&](AlignedText& text, const Range& piece) {
            const std::string_view was = cut.text.view(piece.begin, piece.end);
            const bool begins =
                scheme == PrefixScheme::Always ||
                (scheme == PrefixScheme::First && cut.text.origin(piece.begin, piece.begin + 1).begin == 0);
            if (begins && !was.starts_with(' ') && !was.starts_with(space))
                text.append(space, cut.text.origin(piece.begin, piece.begin));
            for (std::size_t at = piece.begin; at < piece.end; ++at) {
                if (cut.text.text()[at] == ' ')
                    text.append(space, cut.text.origin(at, at + 1));
                else
                    text.append(cut.text, at, at + 1);
            }
        });
        static const auto atSpaces = [](const std::string& s) {
            return split(TextPattern::literal(s), SplitBehavior::MergedWithNext);
        };
        return cutThere ? atSpaces(space)(std::move(out)) : out;
    };
}

} // namespace fovea
