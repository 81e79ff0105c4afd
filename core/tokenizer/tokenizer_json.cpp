#include "core/tokenizer/tokenizer_json.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "core/model/checked_file.h"
#include "core/model/quoted_name.h"
#include "core/tokenizer/json_place.h"
#include "core/tokenizer/pipeline_tokenizer.h"
#include "core/tokenizer/ranked_bpe.h"
#include "core/tokenizer/special_tokens.h"
#include "core/tokenizer/tokenizer_json_steps.h"
#include "core/tokenizer/unigram.h"

namespace fovea {

namespace {

using Json = nlohmann::json;

// The largest published ones, of 260 thousand pieces, have 35 MB.
constexpr std::uint64_t kLargestFile = 256u << 20;

class Reader {
public:
    Reader(const Json& json, const std::string& name) : m_file(json, name + ':') {}

    TokenizerParts read(const std::filesystem::path& folder) {
        const JsonPlace model = m_file.at("model");
        m_parts.normalizer = readNormalizer(m_file);
        m_parts.preTokenizer = readPreTokenizer(m_file);
        m_parts.decoder = readDecoder(m_file);
        m_parts.parsesSpecialByDefault = true;
        const std::string type = kindOf(model);
        if (type == "BPE")
            readBpe(model);
        else if (type == "Unigram")
            readUnigram(model);
        else
            model.refuse("is of a kind that is not known: " + quotedName(type) +
                         "; BPE and Unigram vocabularies are read");
        readAdded();
        const auto lookup = [&](const std::string& text) {
            const auto found = m_specialIds.find(text);
            return found == m_specialIds.end() ? -1 : found->second;
        };
        m_parts.specials = findSpecialTokens(folder, lookup, prefixedToken(lookup));
        dropForeign(m_parts.specials);
        return std::move(m_parts);
    }

private:
    // Early files do not say.
    static std::string kindOf(const JsonPlace& model) {
        if (model.has("type"))
            return model.type();
        return model.has("merges")                                         ? "BPE"
               : model.has("vocab") && model.at("vocab").json().is_array() ? "Unigram"
                                                                           : "?";
    }

    int checkedId(const JsonPlace& place, std::int64_t id, std::size_t count) const {
        // A few holes are common, a vocabulary of them is not.
        if (id < 0 || static_cast<std::uint64_t>(id) > 2 * count + 1024)
            place.refuse("has the id " + std::to_string(id) + " among " + std::to_string(count) +
                         " tokens; copy the file again");
        return static_cast<int>(id);
    }

    void setName(int id, const std::string& text) {
        const auto at = static_cast<std::size_t>(id);
        if (at >= m_parts.names.size())
            m_parts.names.resize(at + 1);
        m_parts.names[at] = text;
    }

    // The pieces of a BPE vocabulary by id.
    std::vector<std::string> piecesOf(const JsonPlace& model) const {
        const JsonPlace vocab = model.at("vocab");
        if (!vocab.json().is_object() || vocab.json().empty())
            vocab.refuse("is no list of pieces; copy the file again");
        std::vector<std::string> pieces;
        for (const auto& [text, id] : vocab.json().items()) {
            if (!id.is_number_integer())
                vocab.refuse("gives " + quotedName(text) + " no whole number; copy the file again");
            const auto at =
                static_cast<std::size_t>(checkedId(vocab, id.get<std::int64_t>(), vocab.json().size()));
            if (at >= pieces.size())
                pieces.resize(at + 1);
            if (!pieces[at].empty())
                vocab.refuse("gives " + quotedName(text) + " and " + quotedName(pieces[at]) +
                             " the same id; copy the file again");
            pieces[at] = text;
        }
        return pieces;
    }

    // "a b" or ["a", "b"].
    static std::pair<std::string, std::string> mergeOf(const Json& merge, const JsonPlace& merges) {
        if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string())
            return {merge[0].get<std::string>(), merge[1].get<std::string>()};
        if (merge.is_string()) {
            const auto& text = merge.get_ref<const std::string&>();
            const auto space = text.find(' ');
            if (space != text.npos && text.find(' ', space + 1) == text.npos)
                return {text.substr(0, space), text.substr(space + 1)};
        }
        merges.refuse("hold what is no pair of pieces: " + quotedName(merge.dump()) +
                      "; copy the file again");
    }

    static std::vector<Merge> mergesOf(const JsonPlace& model, const std::vector<std::string>& pieces) {
        std::unordered_map<std::string_view, int> ids;
        for (std::size_t i = 0; i < pieces.size(); ++i)
            ids.emplace(pieces[i], static_cast<int>(i));
        const JsonPlace place = model.at("merges");
        if (!place.json().is_array())
            place.refuse("is no list; copy the file again");
        const auto idOf = [&](const std::string& text) {
            const auto found = ids.find(text);
            if (text.empty() || found == ids.end())
                place.refuse("name a piece that the vocabulary has not: " + quotedName(text) +
                             "; copy the file again");
            return found->second;
        };
        std::vector<Merge> merges;
        merges.reserve(place.json().size());
        for (const Json& json : place.json()) {
            if (json.is_string() && json.get_ref<const std::string&>().starts_with("#version"))
                continue;
            const auto [left, right] = mergeOf(json, place);
            merges.push_back({idOf(left), idOf(right), idOf(left + right)});
        }
        return merges;
    }

    void readBpe(const JsonPlace& model) {
        if (model.has("dropout") && model.at("dropout").json() != Json(0) &&
            model.at("dropout").json() != Json(0.0))
            model.at("dropout").refuse("makes ids a matter of chance; set it to null");
        for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"})
            if (!model.string(key, "").empty())
                model.at(key).refuse("is not supported; this tokenizer cannot be read exactly");
        std::vector<std::string> pieces = piecesOf(model);
        RankedBpeOptions options;
        options.fuseUnknown = model.flag("fuse_unk", false);
        options.byteFallback = model.flag("byte_fallback", false);
        options.ignoreMerges = model.flag("ignore_merges", false);
        const std::string unknown = model.string("unk_token", "");
        if (const auto at = std::find(pieces.begin(), pieces.end(), unknown);
            at != pieces.end() && !unknown.empty())
            options.unknown = static_cast<int>(at - pieces.begin());
        else if (!unknown.empty())
            model.at("unk_token").refuse("is not in the vocabulary; copy the file again");
        m_parts.names = pieces;
        const std::vector<Merge> merges = mergesOf(model, pieces);
        m_parts.model = std::make_unique<RankedBpe>(std::move(pieces), merges, options);
    }

    void readUnigram(const JsonPlace& model) {
        std::vector<ScoredPiece> pieces;
        ByteFallback fallback;
        fallback.bytes.fill(-1);
        fallback.unknown = -1;
        fallback.fuseUnknown = true;
        const bool spellsBytes = model.flag("byte_fallback", false);
        const JsonPlace vocab = model.at("vocab");
        for (const JsonPlace& entry : model.list("vocab")) {
            const Json& json = entry.json();
            if (!json.is_array() || json.size() != 2 || !json[0].is_string() || !json[1].is_number() ||
                !std::isfinite(json[1].get<double>()))
                entry.refuse("is no piece with its score; copy the file again");
            ScoredPiece piece;
            piece.text = json[0].get<std::string>();
            piece.score = json[1].get<double>();
            if (const int byte = bytePieceValue(piece.text); byte >= 0 && spellsBytes)
                fallback.bytes[static_cast<std::size_t>(byte)] = static_cast<int>(pieces.size());
            m_parts.names.push_back(piece.text);
            pieces.push_back(std::move(piece));
        }
        if (pieces.empty())
            vocab.refuse("is empty; copy the file again");
        if (model.has("unk_id")) {
            fallback.unknown = checkedId(model, model.integer("unk_id"), pieces.size());
            if (fallback.unknown >= std::ssize(pieces))
                model.at("unk_id").refuse("lies outside the vocabulary; copy the file again");
        }
        m_parts.model = std::make_unique<Unigram>(std::move(pieces), fallback, Unigram::Precision::Double);
    }

    AddedToken addedToken(const JsonPlace& place, std::size_t count) const {
        AddedToken token;
        token.id = checkedId(place, place.integer("id"), m_parts.names.size() + count);
        token.text = place.string("content");
        token.special = place.flag("special", false);
        token.normalized = place.flag("normalized", !token.special);
        token.singleWord = place.flag("single_word", false);
        token.leftStrip = place.flag("lstrip", false);
        token.rightStrip = place.flag("rstrip", false);
        return token;
    }

    void readAdded() {
        if (!m_file.has("added_tokens"))
            return;
        const auto places = m_file.list("added_tokens");
        std::vector<AddedToken> plain, normalized;
        for (const JsonPlace& place : places) {
            AddedToken token = addedToken(place, places.size());
            setName(token.id, token.text);
            if (token.special) {
                m_specialIds.emplace(token.text, token.id);
                if (static_cast<std::size_t>(token.id) >= m_parts.special.size())
                    m_parts.special.resize(static_cast<std::size_t>(token.id) + 1);
                m_parts.special[static_cast<std::size_t>(token.id)] = true;
            }
            if (token.normalized)
                token.text = normalize(m_parts.normalizer, AlignedText::verbatim(token.text)).text();
            (token.normalized ? normalized : plain).push_back(std::move(token));
        }
        m_parts.added = AddedTokens(std::move(plain));
        m_parts.addedNormalized = AddedTokens(std::move(normalized));
    }

    // The token that the post-processor puts in front of a text, or -1.
    int prefixedToken(const SpecialLookup& lookup) const {
        if (!m_file.has("post_processor"))
            return -1;
        const JsonPlace post = m_file.at("post_processor");
        if (post.type() != "Sequence")
            return prefixOf(post, lookup);
        int found = -1;
        for (const JsonPlace& step : post.list("processors"))
            found = std::max(found, prefixOf(step, lookup));
        return found;
    }

    static int prefixOf(const JsonPlace& post, const SpecialLookup& lookup) {
        if (post.type() == "TemplateProcessing") {
            const auto single = post.list("single");
            if (!single.empty() && single.front().has("SpecialToken"))
                return lookup(single.front().at("SpecialToken").string("id"));
        } else if (post.type() == "RobertaProcessing" || post.type() == "BertProcessing") {
            const JsonPlace begin = post.at("cls");
            if (begin.json().is_array() && !begin.json().empty() && begin.json()[0].is_string())
                return lookup(begin.json()[0].get<std::string>());
        }
        return -1;
    }

    // A model's configuration may name tokens that this vocabulary has not.
    void dropForeign(SpecialTokens& specials) const {
        const auto foreign = [&](int id) { return id >= std::ssize(m_parts.names); };
        std::erase_if(specials.ends, foreign);
        if (foreign(specials.bos))
            specials.bos = -1;
        if (foreign(specials.eos))
            specials.eos = -1;
        specials.addsBos = specials.addsBos && specials.bos >= 0;
    }

    JsonPlace m_file;
    TokenizerParts m_parts;
    std::unordered_map<std::string, int> m_specialIds;
};

} // namespace

std::shared_ptr<const Tokenizer> readTokenizerJson(const std::filesystem::path& file) {
    const auto folder = file.parent_path();
    return parseTokenizerJson(readFile(file, kLargestFile), file.string(), folder.empty() ? "." : folder);
}

std::shared_ptr<const Tokenizer> parseTokenizerJson(const std::string& bytes, const std::string& name,
                                                    const std::filesystem::path& folder) {
    const Json json = parseJsonObject(bytes, name);
    return makeTokenizer(Reader(json, name).read(folder));
}

} // namespace fovea
