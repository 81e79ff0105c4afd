// tokenizer.json files that lie or ask for what is not known. Each is a small valid one, changed in one
// place, and must be refused in one line that names it.

#include <catch2/catch.hpp>
#include <functional>
#include <nlohmann/json.hpp>

#include "core/model/checkpoint_error.h"
#include "core/tokenizer/tokenizer_json.h"
#include "tests/support/temporary_folder.h"

using namespace fovea;
using Json = nlohmann::json;

namespace {

Json valid() {
    return Json::parse(R"({
        "added_tokens": [{"id": 5, "content": "<end>", "special": true}],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": " "}, "behavior": "Isolated", "invert": false},
        "post_processor": null,
        "decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "unk_token": "?", "vocab": {"?": 0, "a": 1, "b": 2, "ab": 3, "aba": 4},
                  "merges": ["a b", "ab a"]}})");
}

Json unigram() {
    Json json = valid();
    json["model"] =
        Json::parse(R"({"type": "Unigram", "unk_id": 0, "vocab": [["?", 0.0], ["a", -1.5], ["ab", -2]]})");
    json["added_tokens"][0]["id"] = 3;
    return json;
}

void refused(const std::string& what, const std::string& bytes, const std::string& expected) {
    INFO(what);
    try {
        parseTokenizerJson(bytes, "dir/tokenizer.json");
        FAIL_CHECK("accepted");
    } catch (const CheckpointError& error) {
        const std::string line = error.what();
        INFO(line);
        CHECK(line.starts_with("dir/tokenizer.json: "));
        CHECK(line.find(expected) != line.npos);
        CHECK(line.find('\n') == line.npos);
        CHECK(line.size() < 300);
    }
}

struct Case {
    const char* what;
    const char* expected;
    std::function<void(Json&)> spoil;
};

std::function<void(Json&)> set(const char* pointer, const Json& value) {
    return [=](Json& json) { json[Json::json_pointer(pointer)] = value; };
}
std::function<void(Json&)> drop(const char* parent, const char* key) {
    return [=](Json& json) { json[Json::json_pointer(parent)].erase(key); };
}

const Case kCases[] = {
    {"no model", "model is missing", drop("", "model")},
    {"another model", "'WordPiece'", set("/model/type", "WordPiece")},
    {"a model that is text", "not known: '?'", set("/model", "BPE")},
    {"chance", "model.dropout", set("/model/dropout", 0.1)},
    {"a prefix", "continuing_subword_prefix", set("/model/continuing_subword_prefix", "##")},
    {"a suffix", "end_of_word_suffix", set("/model/end_of_word_suffix", "</w>")},
    {"no vocabulary", "vocab is missing", drop("/model", "vocab")},
    {"an empty vocabulary", "no list of pieces", set("/model/vocab", Json::object())},
    {"a vocabulary of strings", "no whole number", set("/model/vocab/a", "1")},
    {"an id of a billion", "id 1000000000", set("/model/vocab/a", 1'000'000'000)},
    {"a negative id", "id -1", set("/model/vocab/a", -1)},
    {"an id twice", "the same id", set("/model/vocab/a", 2)},
    {"a stranger for unknown", "unk_token", set("/model/unk_token", "<unk>")},
    {"no merges", "merges is missing", drop("/model", "merges")},
    {"merges of numbers", "no pair of pieces", set("/model/merges/0", 1)},
    {"a merge of one", "no pair of pieces: '\"ab\"'", set("/model/merges/0", "ab")},
    {"a merge of three", "no pair of pieces", set("/model/merges/0", "a b a")},
    {"a merge of strangers", "'x'", set("/model/merges/0", "x b")},
    {"a merge into nothing", "'bb'", set("/model/merges/0", "b b")},
    {"a merge of a string and a number", "no pair", set("/model/merges/0", {"a", 1})},
    {"another normalizer", "'Nmt'", set("/normalizer/type", "Nmt")},
    {"a normalizer without a type", "normalizer type is missing", drop("/normalizer", "type")},
    {"another pre-tokenizer", "'UnicodeScripts'", set("/pre_tokenizer/type", "UnicodeScripts")},
    {"another decoder", "'CTC'", set("/decoder/type", "CTC")},
    {"another behaviour", "'Sideways'", set("/pre_tokenizer/behavior", "Sideways")},
    {"a pattern that is none", "'('", set("/pre_tokenizer/pattern/Regex", "(")},
    {"no pattern", "pattern", drop("/pre_tokenizer", "pattern")},
    {"an unknown way to prepend", "prepend_scheme",
     set("/pre_tokenizer", {{"type", "Metaspace"}, {"prepend_scheme", "last"}})},
    {"an empty replacement", "empty replacement",
     set("/pre_tokenizer", {{"type", "Metaspace"}, {"replacement", ""}})},
    {"a flag that is a number", "invert", set("/pre_tokenizer/invert", 1)},
    {"an added token without id", "id is missing", drop("/added_tokens/0", "id")},
    {"an added token far away", "id 99999", set("/added_tokens/0/id", 99999)},
    {"added tokens that are none", "added_tokens is no list", set("/added_tokens", 7)},
    {"a decoder for a whole text", "only a whole text has",
     set("/decoder", Json::parse(R"({"type": "Sequence", "decoders": [{"type": "Fuse"},
         {"type": "Strip", "content": " ", "start": 0, "stop": 1}]})"))},
};

} // namespace

TEST_CASE("A tokenizer.json that lies is refused in one line", "[core.tokenizer]") {
    REQUIRE_NOTHROW(parseTokenizerJson(valid().dump(), "valid"));
    for (const Case& c : kCases) {
        Json json = valid();
        c.spoil(json);
        refused(c.what, json.dump(), c.expected);
    }
    Json deep = {{"type", "NFC"}};
    for (int i = 0; i < 20; ++i)
        deep = {{"type", "Sequence"}, {"normalizers", {deep}}};
    Json json = valid();
    json["normalizer"] = deep;
    refused("sequences in sequences", json.dump(), "nests too deep");
    refused("no JSON", "{\"model\"", "not a JSON object");
    refused("a list", "[]", "not a JSON object");
    refused("bytes", std::string(1000, '\xff'), "not a JSON object");
    refused("a deep one", std::string(100'000, '['), "not a JSON object");
    const std::string whole = valid().dump();
    for (std::size_t size = 0; size < whole.size(); ++size)
        CHECK_THROWS_AS(parseTokenizerJson(whole.substr(0, size), "cut"), CheckpointError);
}

TEST_CASE("A Unigram tokenizer.json that lies is refused in one line", "[core.tokenizer]") {
    REQUIRE_NOTHROW(parseTokenizerJson(unigram().dump(), "valid"));
    const Case cases[] = {{"unknown outside", "unk_id", set("/model/unk_id", 3)},
                          {"a piece without score", "vocab[1]", set("/model/vocab/1", {"a"})},
                          {"a score that is text", "vocab[2]", set("/model/vocab/2/1", "x")},
                          {"an empty vocabulary", "is empty", set("/model/vocab", Json::array())},
                          {"a vocabulary by name", "no list", set("/model/vocab", Json::object())}};
    for (const Case& c : cases) {
        Json json = unigram();
        c.spoil(json);
        refused(c.what, json.dump(), c.expected);
    }
}

TEST_CASE("A hostile pattern ends with one line, not with the day", "[core.tokenizer]") {
    Json json = valid();
    json["pre_tokenizer"]["pattern"]["Regex"] = "(a+)+(b+)+$";
    const auto tokenizer = parseTokenizerJson(json.dump(), "valid");
    CHECK_THROWS_WITH(tokenizer->encode(std::string(60, 'a') + "c", false),
                      Catch::Contains("takes too long"));
}

TEST_CASE("The files beside a tokenizer.json say which tokens begin and end a text", "[core.tokenizer]") {
    const TemporaryFolder folder;
    Json json = valid();
    json["added_tokens"] = Json::parse(R"([{"id": 5, "content": "<|im_end|>", "special": true},
        {"id": 6, "content": "<start>", "special": true}, {"id": 7, "content": "<stop>", "special": true}])");
    putContent(folder / "tokenizer.json", json.dump());
    const auto load = [&] { return readTokenizerJson(folder / "tokenizer.json"); };
    CHECK(load()->bos() == -1);
    CHECK(load()->ends() == std::vector<int>{5}); // known by its name
    CHECK(load()->encode("ab", true) == std::vector<int>{3});

    putContent(folder / "tokenizer_config.json",
               R"({"bos_token": {"content": "<start>"}, "eos_token": "<stop>", "add_bos_token": true})");
    putContent(folder / "generation_config.json", R"({"eos_token_id": [7, 4, 5000]})");
    const auto tokenizer = load();
    CHECK(tokenizer->bos() == 6);
    CHECK(tokenizer->eos() == 7);
    CHECK(tokenizer->ends() == std::vector<int>{7, 4, 5}); // 5000 is no token of this vocabulary
    CHECK(tokenizer->encode("ab", true) == std::vector<int>{6, 3});
    CHECK(tokenizer->encode("ab<start>", false, true) == std::vector<int>{3, 6});
    CHECK(tokenizer->encode("ab<start>", false, false).size() > 2);

    // What a template puts in front is BOS, whatever else is said.
    json["post_processor"] = Json::parse(R"({"type": "TemplateProcessing", "pair": [], "special_tokens": {},
        "single": [{"SpecialToken": {"id": "<stop>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]})");
    putContent(folder / "tokenizer.json", json.dump());
    CHECK(load()->encode("ab", true) == std::vector<int>{7, 3});
    putContent(folder / "tokenizer_config.json", "{");
    CHECK_THROWS_WITH(load(), Catch::Contains("tokenizer_config.json: not a JSON object"));
}
