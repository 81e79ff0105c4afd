#include "core/tokenizer/vocabulary_and_merges.h"

#include <array>
#include <set>
#include <string>
#include <system_error>

#include "core/model/checked_file.h"
#include "core/tokenizer/json_place.h"
#include "core/tokenizer/tokenizer_json.h"

namespace fovea {

namespace {

using Json = nlohmann::json;
using Path = std::filesystem::path;

constexpr std::uint64_t kLargestFile = 64u << 20;

Json mergesOf(const std::string& text) {
    Json merges = Json::array();
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        std::string line = text.substr(begin, end - begin);
        if (line.ends_with('\r'))
            line.pop_back();
        if (!line.empty() && !line.starts_with("#version"))
            merges.push_back(std::move(line));
        begin = end + 1;
    }
    return merges;
}

// The tokens that the files beside call special, where the vocabulary has them.
Json specialTokens(const Path& folder, const Json& vocabulary) {
    std::set<std::string> names;
    std::error_code error;
    for (const char* file : {"special_tokens_map.json", "tokenizer_config.json"}) {
        if (!std::filesystem::exists(folder / file, error))
            continue;
        const Json config = readJsonObject(folder / file, kLargestFile);
        for (const char* key : {"bos_token", "eos_token", "unk_token", "pad_token"}) {
            const auto found = config.find(key);
            if (found != config.end() && found->is_string())
                names.insert(found->get<std::string>());
            else if (found != config.end() && found->is_object() && found->contains("content") &&
                     (*found)["content"].is_string())
                names.insert((*found)["content"].get<std::string>());
        }
    }
    Json tokens = Json::array();
    for (const std::string& name : names)
        if (vocabulary.contains(name))
            tokens.push_back({{"id", vocabulary[name]}, {"content", name}, {"special", true}});
    return tokens;
}

} // namespace

bool hasVocabularyAndMerges(const Path& folder) {
    std::error_code error;
    return std::filesystem::exists(folder / "vocab.json", error) &&
           std::filesystem::exists(folder / "merges.txt", error);
}

std::shared_ptr<const Tokenizer> readVocabularyAndMerges(const Path& folder) {
    // Written as the tokenizer.json that they amount to.
    Json vocabulary = readJsonObject(folder / "vocab.json", kLargestFile);
    const Json special = specialTokens(folder, vocabulary);
    const Json file = {{"added_tokens", special},
                       {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
                       {"decoder", {{"type", "ByteLevel"}}},
                       {"model",
                        {{"type", "BPE"},
                         {"vocab", std::move(vocabulary)},
                         {"merges", mergesOf(readFile(folder / "merges.txt", kLargestFile))}}}};
    return parseTokenizerJson(file.dump(-1, ' ', false, Json::error_handler_t::replace),
                              (folder / "vocab.json").string(), folder);
}

} // namespace fovea
