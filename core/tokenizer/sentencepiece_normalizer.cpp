#include "core/tokenizer/sentencepiece_normalizer.h"

#include <memory>

#include "core/tokenizer/piece_index.h"
#include "core/tokenizer/utf8.h"

namespace fovea {

namespace {

constexpr std::string_view kSpace = "\xe2\x96\x81"; // U+2581, how sentencepiece spells a space

class SentencepieceNormalizer {
public:
    explicit SentencepieceNormalizer(SentencepieceNormalization rules) : m_rules(std::move(rules)) {
        std::vector<std::pair<std::string_view, int>> untouched;
        for (const std::string& piece : m_rules.untouched)
            untouched.emplace_back(piece, 0);
        m_untouched = PieceIndex(std::move(untouched));
    }

    AlignedText operator()(const AlignedText& from) const {
        std::size_t at = 0;
        while (m_rules.squeezeSpaces && at < from.size()) {
            const Step step = next(from, at);
            if (step.text != " ")
                break;
            at += step.length;
        }
        AlignedText out;
        if (at == from.size())
            return out;
        out.reserve(from.size() + from.size() / 4);
        if (m_rules.dummyPrefix)
            out.append(space(), from.origin(at, at));
        for (bool afterSpace = m_rules.squeezeSpaces; at < from.size();) {
            Step step = next(from, at);
            const std::size_t end = at + step.length;
            while (afterSpace && step.text.starts_with(' '))
                step.text.remove_prefix(1);
            if (!step.text.empty()) {
                write(out, from, at, end, step.text);
                afterSpace = m_rules.squeezeSpaces && step.text.ends_with(' ');
            }
            at = end;
        }
        return m_rules.squeezeSpaces ? withoutTrailingSpaces(std::move(out)) : out;
    }

private:
    struct Step {
        std::size_t length; // bytes taken
        std::string_view text;
    };

    // What becomes of the text at `at`: a piece as it is, a rule, or a character.
    Step next(const AlignedText& from, std::size_t at) const {
        const std::string_view rest = from.view(at, from.size());
        if (const auto piece = m_untouched.longest(rest); piece.length > 0)
            return {piece.length, rest.substr(0, piece.length)};
        if (m_rules.charsmap)
            if (const Charsmap::Rule rule = m_rules.charsmap->longest(rest); rule.length > 0)
                return {rule.length, rule.replacement};
        const Utf8Character character = firstCharacter(rest);
        if (!character.valid)
            return {1, "\xef\xbf\xbd"};
        return {character.length, rest.substr(0, character.length)};
    }

    std::string_view space() const { return m_rules.escapeSpaces ? kSpace : " "; }

    void write(AlignedText& out, const AlignedText& from, std::size_t begin, std::size_t end,
               std::string_view text) const {
        const bool same = text == from.view(begin, end);
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] == ' ' && m_rules.escapeSpaces)
                out.append(kSpace, same ? from.origin(begin + i, begin + i + 1) : from.origin(begin, end));
            else if (same)
                out.append(from, begin + i, begin + i + 1);
            else
                out.append(text.substr(i, 1), from.origin(begin, end));
        }
    }

    AlignedText withoutTrailingSpaces(AlignedText text) const {
        std::size_t end = text.size();
        while (end > 0 && text.view(0, end).ends_with(space()))
            end -= space().size();
        return end == text.size() ? std::move(text) : text.slice(0, end);
    }

    SentencepieceNormalization m_rules;
    PieceIndex m_untouched;
};

} // namespace

NormalizerStep sentencepieceNormalizer(SentencepieceNormalization rules) {
    // Shared, for a step is copied about and the index refers into the rules.
    const auto normalizer = std::make_shared<const SentencepieceNormalizer>(std::move(rules));
    return [normalizer](const AlignedText& from) { return (*normalizer)(from); };
}

} // namespace fovea
