#include "core/tokenizer/pipeline_tokenizer.h"

#include <limits>

#include "core/model/checkpoint_error.h"

namespace fovea {

namespace {

class PipelineTokenizer final : public Tokenizer {
public:
    explicit PipelineTokenizer(TokenizerParts parts) : m(std::move(parts)) {}

    Encoding encodeWithSpans(std::string_view text, bool bos, bool parseSpecial) const override {
        if (text.size() > std::numeric_limits<std::int32_t>::max() / 4)
            throw CheckpointError("a text of " + std::to_string(text.size()) +
                                  " bytes is too long to encode at once; give it in parts");
        Encoding out;
        if (bos && m.specials.addsBos && m.specials.bos >= 0)
            add(out, m.specials.bos, {});
        const AlignedText whole = m.repairsText ? AlignedText::repaired(text) : AlignedText::verbatim(text);
        for (const auto& part : m.added.find(whole.text(), parseSpecial)) {
            if (part.id >= 0)
                add(out, part.id, whole.origin(part.range.begin, part.range.end));
            else
                encodePlain(normalize(m.normalizer, whole.slice(part.range.begin, part.range.end)),
                            parseSpecial, out);
        }
        return out;
    }

    std::string piece(int previous, int token) const override {
        if (special(token) || name(token).empty())
            return {};
        if (token == m.unknown)
            return m.unknownText;
        const bool first = previous < 0 || previous == m.specials.bos;
        return decodePiece(m.decoder, std::string(name(token)), first);
    }

    std::string_view name(int token) const override {
        return token >= 0 && token < vocabulary() ? m.names[static_cast<std::size_t>(token)]
                                                  : std::string_view{};
    }
    bool special(int token) const override {
        return token >= 0 && token < vocabulary() && m.special[static_cast<std::size_t>(token)];
    }
    int vocabulary() const override { return static_cast<int>(m.names.size()); }
    int bos() const override { return m.specials.bos; }
    int eos() const override { return m.specials.eos; }
    bool addsBos() const override { return m.specials.addsBos; }
    const std::vector<int>& ends() const override { return m.specials.ends; }
    bool parsesSpecialByDefault() const override { return m.parsesSpecialByDefault; }

private:
    static void add(Encoding& out, int id, TextSpan span) {
        out.ids.push_back(id);
        out.spans.push_back(span);
    }

    void encodePlain(const AlignedText& text, bool parseSpecial, Encoding& out) const {
        for (const auto& part : m.addedNormalized.find(text.text(), parseSpecial)) {
            if (part.id >= 0)
                add(out, part.id, text.origin(part.range.begin, part.range.end));
            else
                encodePieces(preTokenize(m.preTokenizer, text.slice(part.range.begin, part.range.end)), out);
        }
    }

    void encodePieces(const CutText& cut, Encoding& out) const {
        std::vector<Cut> tokens;
        for (const Range& piece : cut.pieces) {
            tokens.clear();
            m.model->cut(cut.text.view(piece.begin, piece.end), tokens);
            for (const Cut& token : tokens)
                add(out, token.id, cut.text.origin(piece.begin + token.begin, piece.begin + token.end));
        }
    }

    TokenizerParts m;
};

} // namespace

std::shared_ptr<const Tokenizer> makeTokenizer(TokenizerParts parts) {
    parts.special.resize(parts.names.size());
    return std::make_shared<PipelineTokenizer>(std::move(parts));
}

} // namespace fovea
