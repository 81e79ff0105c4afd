#include "core/tokenizer/gguf_vocabulary.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "core/model/gguf.h"
#include "core/model/quoted_name.h"
#include "core/tokenizer/gguf_words.h"
#include "core/tokenizer/pipeline_tokenizer.h"
#include "core/tokenizer/ranked_bpe.h"
#include "core/tokenizer/sentencepiece_model.h"
#include "core/tokenizer/special_tokens.h"

namespace fovea {

namespace {

const std::string kKeys = "tokenizer.ggml.";
constexpr const char* kSpace = "\xe2\x96\x81"; // U+2581, how sentencepiece spells a space

class Reader {
public:
    explicit Reader(const GgufFile& file) : m_file(file) {}

    TokenizerParts read() {
        const std::string model = string("model", "");
        if (model.empty())
            m_file.refuse("holds no vocabulary (tokenizer.ggml.model); name a tokenizer with --tokenizer");
        if (model != "llama" && model != "gpt2")
            m_file.refuse("tokenizer.ggml.model is " + quotedName(model) +
                          "; llama and gpt2 are known, name another tokenizer with --tokenizer");
        m_parts.parsesSpecialByDefault = true;
        readTokens();
        readTypes(model == "gpt2");
        findEnds(model == "llama");
        model == "llama" ? makeScored() : makeRanked();
        addMarkers();
        return std::move(m_parts);
    }

private:
    const GgufValue* find(const std::string& key) const { return m_file.find(kKeys + key); }

    [[noreturn]] void refuse(const std::string& key, const std::string& what) const {
        m_file.refuse(kKeys + key + " " + what + "; copy the file again");
    }

    std::string string(const char* key, const std::string& fallback) const {
        const GgufValue* value = find(key);
        if (value == nullptr)
            return fallback;
        if (!value->string())
            refuse(key, "is no string");
        return std::string(*value->string());
    }

    bool flag(const char* key, bool fallback) const {
        const GgufValue* value = find(key);
        if (value != nullptr && !value->boolean())
            refuse(key, "is neither true nor false");
        return value != nullptr ? *value->boolean() : fallback;
    }

    // An id of the vocabulary; -1 where the key is absent.
    int token(const char* key, int fallback = -1) const {
        const GgufValue* value = find(key);
        if (value == nullptr)
            return fallback < size() ? fallback : -1;
        const auto id = value->integer();
        if (!id)
            refuse(key, "is no whole number");
        // Some files write "none" as the greatest number.
        if (*id < 0 || *id == 0xffffffff)
            return -1;
        if (*id >= size())
            refuse(key, "is " + std::to_string(*id) + " of " + std::to_string(size()) + " tokens");
        return static_cast<int>(*id);
    }

    int size() const { return static_cast<int>(m_parts.names.size()); }

    void readTokens() {
        const GgufValue* value = find("tokens");
        const auto tokens = value != nullptr ? value->strings() : std::nullopt;
        if (!tokens || tokens->empty() || tokens->size() > 1u << 24)
            refuse("tokens", "is no list of strings");
        m_parts.names.assign(tokens->begin(), tokens->end());
    }

    void readTypes(bool byteLevel) {
        m_types.assign(m_parts.names.size(), SentencepieceType::Normal);
        const GgufValue* value = find("token_type");
        if (value == nullptr)
            return;
        const auto types = value->integers();
        if (!types || types->size() != m_parts.names.size())
            refuse("token_type", "does not give each token a type");
        for (std::size_t i = 0; i < types->size(); ++i) {
            if ((*types)[i] < 1 || (*types)[i] > 6)
                refuse("token_type",
                       "gives token " + std::to_string(i) + " the type " + std::to_string((*types)[i]));
            m_types[i] = static_cast<SentencepieceType>((*types)[i]);
            if (!byteLevel && m_types[i] == SentencepieceType::Byte && bytePieceValue(m_parts.names[i]) < 0)
                refuse("token_type", "calls token " + std::to_string(i) + " a byte, and it is none");
        }
    }

    void findEnds(bool scored) {
        SpecialTokens& specials = m_parts.specials;
        specials.bos = token("bos_token_id", scored ? 1 : -1);
        specials.eos = token("eos_token_id", scored ? 2 : -1);
        const bool usual = scored || wordsAddBos(string("pre", "default"));
        specials.addsBos = specials.bos >= 0 && flag("add_bos_token", usual);
        if (specials.eos >= 0)
            specials.ends.push_back(specials.eos);
        for (const char* key : {"eot_token_id", "eom_token_id"})
            if (const int id = token(key); id >= 0 && id != specials.eos)
                specials.ends.push_back(id);
        std::unordered_map<std::string_view, int> control;
        for (int i = 0; i < size(); ++i)
            if (isMarker(i))
                control.emplace(m_parts.names[static_cast<std::size_t>(i)], i);
        addKnownEnds(specials, [&](const std::string& text) {
            const auto found = control.find(text);
            return found == control.end() ? -1 : found->second;
        });
    }

    bool isMarker(int id) const {
        const SentencepieceType type = m_types[static_cast<std::size_t>(id)];
        return type == SentencepieceType::Control || type == SentencepieceType::UserDefined;
    }

    std::vector<ScoredPiece> scoredPieces() const {
        const GgufValue* value = find("scores");
        const auto scores = value != nullptr ? value->numbers() : std::nullopt;
        if (!scores || scores->size() != m_parts.names.size())
            refuse("scores", "does not give each token a score");
        std::vector<ScoredPiece> pieces;
        pieces.reserve(scores->size());
        for (std::size_t i = 0; i < scores->size(); ++i) {
            if (!std::isfinite((*scores)[i]))
                refuse("scores", "gives token " + std::to_string(i) + " what is no number");
            const bool unused = m_types[i] == SentencepieceType::Unused;
            pieces.push_back({.text = m_parts.names[i],
                              .score = (*scores)[i],
                              .spells = unused || m_types[i] == SentencepieceType::Normal,
                              .unused = unused});
        }
        return pieces;
    }

    void makeScored() {
        m_parts.unknown = token("unknown_token_id", 0);
        m_parts.unknownText = " \xe2\x81\x87 "; // as sentencepiece says it
        const bool spaceInFront = flag("add_space_prefix", true);
        if (spaceInFront)
            m_parts.normalizer.push_back(prepend(kSpace));
        m_parts.normalizer.push_back(replace(TextPattern::literal(" "), kSpace));
        m_parts.decoder = {metaspaceToBlanks(kSpace, spaceInFront), bytePiecesToBytes()};
        std::vector<ScoredPiece> pieces = scoredPieces();
        ByteFallback fallback = byteFallback(pieces, m_types, m_parts.unknown);
        fallback.fuseUnknown = false;
        m_parts.model = std::make_unique<ScoredBpe>(std::move(pieces), fallback);
    }

    std::vector<Merge> merges() const {
        const GgufValue* value = find("merges");
        const auto lines = value != nullptr ? value->strings() : std::nullopt;
        if (!lines)
            refuse("merges", "is no list of strings");
        std::unordered_map<std::string_view, int> ids;
        for (std::size_t i = 0; i < m_parts.names.size(); ++i)
            ids.emplace(m_parts.names[i], static_cast<int>(i));
        std::vector<Merge> found;
        found.reserve(lines->size());
        for (const std::string_view line : *lines) {
            // A piece is never empty and may itself begin with a space.
            const auto space = line.find(' ', 1);
            if (space == line.npos)
                refuse("merges", "holds what is no pair: " + quotedName(line));
            const std::string left(line.substr(0, space)), right(line.substr(space + 1));
            const auto a = ids.find(left), b = ids.find(right), both = ids.find(left + right);
            if (a == ids.end() || b == ids.end() || both == ids.end())
                refuse("merges", "names a piece that is no token: " + quotedName(line));
            found.push_back({a->second, b->second, both->second});
        }
        return found;
    }

    void makeRanked() {
        const std::string words = string("pre", "default");
        const auto cut = wordsOf(words);
        if (!cut)
            m_file.refuse("tokenizer.ggml.pre is " + quotedName(words) + "; known are " + knownWords() +
                          ", name a tokenizer.json with --tokenizer");
        m_parts.preTokenizer = *cut;
        m_parts.preTokenizer.push_back(byteLevel());
        m_parts.decoder = {lettersToBytes()};
        std::vector<std::string> pieces = m_parts.names;
        for (int i = 0; i < size(); ++i)
            if (isMarker(i))
                pieces[static_cast<std::size_t>(i)].clear(); // found whole or not at all
        m_parts.model = std::make_unique<RankedBpe>(
            std::move(pieces), merges(), RankedBpeOptions{.ignoreMerges = wordsIgnoreMerges(words)});
    }

    // Control tokens when asked for, user-defined ones always.
    void addMarkers() {
        std::vector<AddedToken> markers;
        for (int i = 0; i < size(); ++i) {
            const auto at = static_cast<std::size_t>(i);
            const bool control =
                m_types[at] == SentencepieceType::Control ||
                (m_types[at] == SentencepieceType::Unknown && i == m_parts.unknown && i >= 0);
            m_parts.special.push_back(m_types[at] == SentencepieceType::Control);
            if (control || m_types[at] == SentencepieceType::UserDefined)
                markers.push_back({.id = i, .text = m_parts.names[at], .special = control});
        }
        m_parts.added = AddedTokens(std::move(markers));
    }

    const GgufFile& m_file;
    TokenizerParts m_parts;
    std::vector<SentencepieceType> m_types;
};

} // namespace

std::shared_ptr<const Tokenizer> readGgufVocabulary(const std::filesystem::path& file) {
    return readGgufVocabulary(GgufFile(file));
}

std::shared_ptr<const Tokenizer> readGgufVocabulary(const GgufFile& file) {
    return makeTokenizer(Reader(file).read());
}

} // namespace fovea
