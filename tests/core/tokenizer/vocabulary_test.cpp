// What a vocabulary does with a text, on vocabularies small enough to work the answer out by hand.

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/model/checkpoint_error.h"
#include "core/tokenizer/gguf_vocabulary.h"
#include "core/tokenizer/ranked_bpe.h"
#include "core/tokenizer/text_stream.h"
#include "core/tokenizer/tokenizer_json.h"
#include "core/tokenizer/unigram.h"
#include "tests/support/gguf_bytes.h"
#include "tests/support/temporary_folder.h"

using namespace fovea;
using test::GgufBytes;
using test::rawBytes;

namespace {

using Ids = std::vector<int>;

Ids idsOf(const Segmentation& model, std::string_view text) {
    std::vector<Cut> cuts;
    model.cut(text, cuts);
    Ids ids;
    for (const Cut& cut : cuts)
        ids.push_back(cut.id);
    return ids;
}

std::vector<ScoredPiece> pieces(const std::vector<std::pair<std::string, double>>& scored) {
    std::vector<ScoredPiece> made;
    for (const auto& [text, score] : scored)
        made.push_back({.text = text, .score = score});
    return made;
}

ByteFallback noBytes(int unknown) {
    ByteFallback fallback;
    fallback.bytes.fill(-1);
    fallback.unknown = unknown;
    fallback.fuseUnknown = true;
    return fallback;
}

template <class T>
std::string list(const std::vector<T>& values) {
    std::string bytes;
    for (const T value : values)
        bytes += rawBytes(value);
    return bytes;
}

// <unk>, <s>, </s>, two bytes, ▁, a, ▁a, a marker.
GgufBytes scored() {
    GgufBytes file;
    file.pair("tokenizer.ggml.model", "llama");
    file.array("tokenizer.ggml.tokens",
               {"<unk>", "<s>", "</s>", "<0x62>", "<0x0A>", "▁", "a", "▁a", "<|eot_id|>"});
    file.array("tokenizer.ggml.scores", GgufValueType::Float32, 9,
               list<float>({0, 0, 0, 0, 0, -2, -3, -1, 0}));
    file.array("tokenizer.ggml.token_type", GgufValueType::Int32, 9,
               list<std::int32_t>({2, 3, 3, 6, 6, 1, 1, 1, 3}));
    return file;
}

GgufBytes ranked() {
    GgufBytes file;
    file.pair("tokenizer.ggml.model", "gpt2").pair("tokenizer.ggml.pre", "gpt-2");
    file.array("tokenizer.ggml.tokens", {"a", "b", "Ġ", "ab", "Ġab", "<|im_end|>", "1", "11", "111"});
    file.array("tokenizer.ggml.merges", {"a b", "Ġ ab", "1 1", "11 1"});
    file.array("tokenizer.ggml.token_type", GgufValueType::Int32, 9,
               list<std::int32_t>({1, 1, 1, 1, 1, 3, 1, 1, 1}));
    return file;
}

std::shared_ptr<const Tokenizer> tokenizerOf(const GgufBytes& file) {
    const std::string bytes = file.whole();
    return readGgufVocabulary(GgufFile("made.gguf", std::as_bytes(std::span<const char>(bytes))));
}

void refused(const GgufBytes& file, const std::string& expected) {
    INFO(expected);
    try {
        tokenizerOf(file);
        FAIL_CHECK("accepted");
    } catch (const CheckpointError& error) {
        const std::string line = error.what();
        INFO(line);
        CHECK(line.starts_with("made.gguf"));
        CHECK(line.find(expected) != line.npos);
        CHECK(line.find('\n') == line.npos);
    }
}

} // namespace

TEST_CASE("Merges join in the order of their list, the leftmost first", "[core.tokenizer]") {
    const std::vector<std::string> names = {"a", "b", "c", "ab", "bc", "abc", "aa"};
    const RankedBpe model(names, {{1, 2, 4}, {0, 1, 3}, {0, 4, 5}, {0, 0, 6}}, {});
    CHECK(idsOf(model, "abc") == Ids{5}); // bc, then a and bc
    CHECK(idsOf(model, "ab") == Ids{3});
    CHECK(idsOf(model, "aaa") == Ids{6, 0});      // the leftmost pair
    CHECK(idsOf(model, "aaaab") == Ids{6, 0, 3}); // a b stands before a a
    CHECK(idsOf(model, "axb") == Ids{3});         // nothing stands for x, so b is next to a
    CHECK(idsOf(model, "").empty());
}

TEST_CASE("What no piece spells is unknown, one or many, or spelt by bytes", "[core.tokenizer]") {
    const std::vector<std::string> names = {"?", "a", "<0xC3>", "<0xA9>"};
    CHECK(idsOf(RankedBpe(names, {}, {.unknown = 0}), "aééa") == Ids{1, 0, 0, 1});
    CHECK(idsOf(RankedBpe(names, {}, {.unknown = 0, .fuseUnknown = true}), "aééa") == Ids{1, 0, 1});
    CHECK(idsOf(RankedBpe(names, {}, {.unknown = 0, .byteFallback = true}), "aéü") == Ids{1, 2, 3, 0});
    CHECK(idsOf(RankedBpe({"a", "aa", "aaa"}, {{0, 0, 1}}, {.ignoreMerges = true}), "aaa") == Ids{2});
    CHECK(idsOf(RankedBpe({"a", "aa", "aaa"}, {{0, 0, 1}}, {}), "aaa") == Ids{1, 0});
}

TEST_CASE("Unigram takes the best sum, not the longest piece", "[core.tokenizer]") {
    const Unigram model(pieces({{"?", 0}, {"a", -1}, {"b", -1}, {"ab", -2.5}, {"abc", -9}, {"c", -1}}),
                        noBytes(0), Unigram::Precision::Double);
    CHECK(idsOf(model, "ab") == Ids{1, 2});      // −2 beats −2.5
    CHECK(idsOf(model, "abc") == Ids{1, 2, 5});  // −3 beats −9
    CHECK(idsOf(model, "axxb") == Ids{1, 0, 2}); // a run of unknown is one
    auto own = pieces({{"?", 0}, {"a", -1}, {"b", -1}, {"ab", -99}});
    own[3].whole = true; // user-defined: nothing beats it
    CHECK(idsOf(Unigram(own, noBytes(0), Unigram::Precision::Float), "ab") == Ids{3});
}

TEST_CASE("A long text of one letter takes no longer than it must", "[core.tokenizer]") {
    // Quadratic in 2^20 would be hours. Each answer is known: as many of the longest pieces as fit.
    const std::string text((1 << 20) + 1, 'a');
    const RankedBpe ranked({"a", "aa", "aaaa"}, {{0, 0, 1}, {1, 1, 2}}, {});
    CHECK(idsOf(ranked, text).size() == (1 << 18) + 1);
    const ScoredBpe scoredModel(pieces({{"a", -1}, {"aa", -2}, {"aaaa", -3}}), noBytes(0));
    CHECK(idsOf(scoredModel, text).size() == (1 << 18) + 1);
    const Unigram unigram(pieces({{"a", -3}, {"aa", -3}, {"aaaa", -3}}), noBytes(0),
                          Unigram::Precision::Double);
    CHECK(idsOf(unigram, text).size() == (1 << 18) + 1);
}

TEST_CASE("A GGUF vocabulary with scores speaks as sentencepiece", "[core.tokenizer]") {
    const auto tokenizer = tokenizerOf(scored());
    CHECK(tokenizer->vocabulary() == 9);
    CHECK(tokenizer->bos() == 1);
    CHECK(tokenizer->eos() == 2);
    CHECK(tokenizer->addsBos());
    CHECK(tokenizer->ends() == Ids{2, 8});
    CHECK(tokenizer->encode("a ba", true) == Ids{1, 7, 5, 3, 6});
    CHECK(tokenizer->encode("a<|eot_id|>a", false, true) == Ids{7, 8, 7});
    CHECK(tokenizer->decode({1, 7, 5, 3, 6, 8}) == "a ba");
    CHECK(tokenizer->name(8) == "<|eot_id|>");
    CHECK(tokenizer->special(8));
    CHECK(tokenizer->name(9).empty()); // a padded model's id
    CHECK(tokenizer->piece(1, 9).empty());
    const Encoding encoding = tokenizer->encodeWithSpans("a ba", true, false);
    CHECK((encoding.spans == std::vector<TextSpan>{{0, 0}, {0, 1}, {1, 2}, {2, 3}, {3, 4}})); // spans have no text

    const auto bare = tokenizerOf(
        scored().pair("tokenizer.ggml.add_space_prefix", false).pair("tokenizer.ggml.add_bos_token", false));
    CHECK(bare->encode("a", true) == Ids{6});
    CHECK(bare->decode({7}) == " a");
}

TEST_CASE("A GGUF vocabulary with merges cuts words as its file says", "[core.tokenizer]") {
    CHECK(tokenizerOf(ranked())->encode("ab ab111", false) == Ids{3, 4, 8});
    const auto smollm =
        tokenizerOf(ranked().without("tokenizer.ggml.pre").pair("tokenizer.ggml.pre", "smollm"));
    CHECK(smollm->encode("ab ab111", false) == Ids{3, 4, 6, 6, 6}); // each digit alone
    CHECK(smollm->ends() == Ids{5});
    CHECK(smollm->bos() == -1);
    CHECK(smollm->decode({3, 4, 5}) == "ab ab");
    CHECK(smollm->encode("<|im_end|>", false, true) == Ids{5});
    const auto llama = tokenizerOf(ranked()
                                       .without("tokenizer.ggml.pre")
                                       .pair("tokenizer.ggml.pre", "llama-bpe")
                                       .pair("tokenizer.ggml.bos_token_id", std::uint32_t{5}));
    CHECK(llama->encode("1111", true) == Ids{5, 8, 6}); // three digits at most, and BOS without being told
}

TEST_CASE("A GGUF vocabulary that is not known or lies is refused in one line", "[core.tokenizer]") {
    const auto with = [](GgufBytes file, const char* key, const std::string& value) {
        return file.without(key).pair(key, value);
    };
    refused(GgufBytes{}, "no vocabulary");
    refused(with(ranked(), "tokenizer.ggml.model", "bert"), "'bert'; llama and gpt2 are known");
    refused(with(ranked(), "tokenizer.ggml.pre", "gpt-9"), "'gpt-9'; known are default, gpt-2");
    refused(scored().without("tokenizer.ggml.tokens"), "tokenizer.ggml.tokens");
    refused(scored().without("tokenizer.ggml.scores"), "tokenizer.ggml.scores");
    refused(ranked().without("tokenizer.ggml.merges"), "tokenizer.ggml.merges");
    refused(ranked().without("tokenizer.ggml.merges").array("tokenizer.ggml.merges", {"ab"}), "no pair");
    refused(ranked().without("tokenizer.ggml.merges").array("tokenizer.ggml.merges", {"a x"}),
            "no token: 'a x'");
    refused(scored().pair("tokenizer.ggml.bos_token_id", std::uint32_t{9}), "9 of 9 tokens");
    refused(scored().pair("tokenizer.ggml.add_bos_token", "yes"), "neither true nor false");
    const auto typed = [](std::vector<std::int32_t> types) {
        return scored()
            .without("tokenizer.ggml.token_type")
            .array("tokenizer.ggml.token_type", GgufValueType::Int32, types.size(), list(types));
    };
    refused(typed({2, 3, 3}), "each token a type");
    refused(typed({2, 3, 3, 6, 6, 1, 1, 7, 3}), "token 7 the type 7");
    refused(typed({2, 3, 3, 6, 6, 1, 6, 1, 3}), "token 6 a byte");
    refused(scored()
                .without("tokenizer.ggml.scores")
                .array("tokenizer.ggml.scores", GgufValueType::Float32, 9,
                       list<float>({0, 0, 0, 0, 0, std::numeric_limits<float>::quiet_NaN(), 0, 0, 0})),
            "token 5 what is no number");
}

TEST_CASE("A character that comes in parts is shown when it is whole, markers never", "[core.tokenizer]") {
    const auto tokenizer = parseTokenizerJson(R"({"decoder": {"type": "ByteLevel"},
        "added_tokens": [{"id": 4, "content": "<x>", "special": true}],
        "model": {"type": "BPE", "vocab": {"Ġa": 0, "Ã": 1, "©": 2, "b": 3}, "merges": []}})",
                                              "made");
    TextStream stream(*tokenizer);
    CHECK(stream.add(0) == " a");
    CHECK(stream.add(1).empty());
    CHECK(stream.add(2) == "é");
    CHECK(stream.add(4).empty());
    CHECK(stream.add(99).empty());
    CHECK(stream.add(1).empty());
    CHECK(stream.add(3) == "\xc3"
                           "b"); // the é that never came
    CHECK(stream.add(1).empty());
    CHECK(stream.rest() == "\xc3");
}

TEST_CASE("A model's vocabulary may be padded, a little", "[core.tokenizer]") {
    const TemporaryFolder folder;
    putContent(folder / "m.gguf", scored().whole());
    for (const int vocabulary : {0, 9, 10, 12})
        CHECK(loadTokenizer(folder / "m.gguf", {}, vocabulary)->vocabulary() == 9);
    for (const int vocabulary : {8, 13, 2000})
        CHECK_THROWS_WITH(loadTokenizer(folder / "m.gguf", {}, vocabulary),
                          Catch::Contains("9 pieces where the model has " + std::to_string(vocabulary)));
    // A tokenizer is found by its folder, too.
    putContent(folder / "tokenizer.json", R"({"model": {"vocab": {"a": 0, "b": 1}, "merges": []}})");
    CHECK(loadTokenizer(folder.path(), {}, 2)->encode("ab", false) == Ids{0, 1});
    CHECK(loadTokenizer("elsewhere", folder.path(), 2)->vocabulary() == 2);
}

TEST_CASE("GPT-2's and OPT's two files amount to a tokenizer.json", "[core.tokenizer]") {
    const TemporaryFolder folder;
    CHECK_THROWS_WITH(loadTokenizer(folder.path(), {}, 0), Catch::Contains("no tokenizer.json"));
    putContent(folder / "vocab.json", R"({"</s>": 0, "a": 1, "Ġ": 2, "Ġa": 3, "Ġaa": 4})");
    putContent(folder / "merges.txt", "#version: 0.2\r\nĠ a\r\nĠa a\n");
    putContent(folder / "tokenizer_config.json",
               R"({"bos_token": {"content": "</s>"}, "eos_token": "</s>", "add_bos_token": true})");
    const auto tokenizer = loadTokenizer(folder.path(), {}, 5);
    CHECK(tokenizer->encode("a aa</s>", true) == std::vector<int>{0, 1, 4, 0});
    CHECK(tokenizer->ends() == std::vector<int>{0});
    CHECK(tokenizer->decode({0, 1, 4}) == "a aa");
    putContent(folder / "merges.txt", "a b c\n");
    CHECK_THROWS_WITH(loadTokenizer(folder.path(), {}, 5), Catch::Contains("no pair"));
}
