#include "core/tokenizer/special_tokens.h"

#include <algorithm>
#include <array>
#include <limits>
#include <system_error>

#include "core/tokenizer/json_place.h"

namespace fovea {

namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kLargestConfig = 16u << 20;

constexpr std::array kBegins = {"<s>", "<bos>", "<|begin_of_text|>", "<|startoftext|>", "<|endoftext|>"};
constexpr std::array kTextEnds = {"</s>", "<eos>", "<|end_of_text|>", "<|endoftext|>", "<|im_end|>"};
constexpr std::array kTurnEnds = {"<|eot_id|>", "<|eom_id|>",    "<|im_end|>",      "<end_of_turn>",
                                  "<|end|>",    "<|endoftext|>", "<|end_of_text|>", "<|eot|>",
                                  "<turn|>",    "<EOT>"};

Json optionalJson(const std::filesystem::path& folder, const char* name) {
    std::error_code error;
    return !folder.empty() && std::filesystem::exists(folder / name, error)
               ? readJsonObject(folder / name, kLargestConfig)
               : Json::object();
}

// "bos_token": "<s>" or {"content": "<s>", …}.
int named(const Json& config, const char* key, const SpecialLookup& lookup) {
    const auto found = config.find(key);
    if (found == config.end())
        return -1;
    const Json& name = found->is_object() && found->contains("content") ? (*found)["content"] : *found;
    return name.is_string() ? lookup(name.get<std::string>()) : -1;
}

// "eos_token_id": 2 or [2, 32007].
std::vector<int> numbered(const Json& config, const char* key) {
    const auto found = config.find(key);
    if (found == config.end())
        return {};
    std::vector<int> ids;
    for (const Json& id : found->is_array() ? *found : Json::array({*found}))
        if (id.is_number_unsigned() && id.get<std::uint64_t>() <= std::numeric_limits<int>::max())
            ids.push_back(id.get<int>());
    return ids;
}

template <class Names>
int firstOf(const Names& names, const SpecialLookup& lookup) {
    for (const char* name : names)
        if (const int id = lookup(name); id >= 0)
            return id;
    return -1;
}

void addOnce(std::vector<int>& ids, int id) {
    if (id >= 0 && std::find(ids.begin(), ids.end(), id) == ids.end())
        ids.push_back(id);
}

} // namespace

SpecialTokens findSpecialTokens(const std::filesystem::path& folder, const SpecialLookup& lookup,
                                int prefixed) {
    const Json tokenizer = optionalJson(folder, "tokenizer_config.json");
    const Json generation = optionalJson(folder, "generation_config.json");
    const Json model = optionalJson(folder, "config.json");

    SpecialTokens found;
    const auto addBos = tokenizer.find("add_bos_token");
    const bool told = addBos != tokenizer.end() && addBos->is_boolean();
    found.bos = prefixed >= 0 ? prefixed : named(tokenizer, "bos_token", lookup);
    if (found.bos < 0) {
        const auto ids = numbered(model, "bos_token_id");
        found.bos = ids.empty() ? firstOf(kBegins, lookup) : ids.front();
    }
    found.addsBos = told ? addBos->get<bool>() : prefixed >= 0;

    addOnce(found.ends, named(tokenizer, "eos_token", lookup));
    for (const Json* config : {&generation, &model})
        for (const int id : numbered(*config, "eos_token_id"))
            addOnce(found.ends, id);
    if (found.ends.empty())
        addOnce(found.ends, firstOf(kTextEnds, lookup));
    found.eos = found.ends.empty() ? -1 : found.ends.front();
    addKnownEnds(found, lookup);
    return found;
}

void addKnownEnds(SpecialTokens& specials, const SpecialLookup& lookup) {
    addOnce(specials.ends, specials.eos);
    for (const char* name : kTurnEnds)
        addOnce(specials.ends, lookup(name));
}

} // namespace fovea
