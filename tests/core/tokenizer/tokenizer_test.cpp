#include "core/tokenizer/tokenizer.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/tasks/random.h"
#include "core/tokenizer/sentencepiece_tokenizer.h"
#include "core/train/sentencepiece_process.h"
#include "tests/core/model/small_checkpoint.h"

// After everything of libtorch, whose logging defines a CHECK of its own.
#include <catch2/catch.hpp>

using namespace fovea;

namespace {

const std::vector<std::string> kTexts = {"the tree",
                                         "the tree the tree",
                                         "a",
                                         "The Tree?!",
                                         "two  spaces   three",
                                         " leading and trailing ",
                                         "naïve café — “quoted” …",
                                         "日本語のテキスト",
                                         "emoji 🌲🌳",
                                         "oak 57 . elm 44 .",
                                         "tttttheheheheree",
                                         "tab\tand \x01 control"};

std::string somewhatEnglish() {
    // Lines for the tokenizer's trainer: our own evaluation prose where it is, and lists.
    std::ifstream in(FOVEA_SOURCE_DIR "/assets/texts/evaluation.txt");
    REQUIRE(in);
    std::stringstream text;
    text << in.rdbuf();
    Random random(3);
    const std::vector<std::string> words = {"the",   "tree",  "stands", "here", "there",
                                            "under", "stone", "river",  "light"};
    for (int i = 0; i < 400; ++i) {
        for (int j = 0; j < 12; ++j)
            text << random.pick(std::span<const std::string>(words)) << (j == 11 ? "\n" : " ");
    }
    return text.str();
}

} // namespace

TEST_CASE("Decoding gives back what was encoded", "[core.tokenizer]") {
    const auto tokenizer = parseSentencepiece(test::smallSentencepiece(), "small");
    REQUIRE(tokenizer->vocabulary() == 300);
    for (const std::string& text : kTexts) {
        CHECK(tokenizer->decode(tokenizer->encode(text, true)) == text);
        CHECK(tokenizer->decode(tokenizer->encode(text, false)) == text);
    }
    CHECK(tokenizer->encode("", true) == std::vector<int>{1});
    CHECK(tokenizer->encode("", false).empty());
}

TEST_CASE("Pieces join best score first", "[core.tokenizer]") {
    const auto tokenizer = parseSentencepiece(test::smallSentencepiece(), "small");
    // " tree" comes about as " t", " tr", " tre", though "re" and "ee" are pieces too: they score less.
    CHECK(tokenizer->encode("the tree", false) == std::vector{261, 264});
    CHECK(tokenizer->piece(1, 261) == "the");
    CHECK(tokenizer->piece(264, 261) == " the");
    CHECK(tokenizer->piece(-1, 1) == "");
    CHECK(tokenizer->piece(5, 3 + 0xe6) == "\xe6");
    CHECK(tokenizer->piece(5, 3000) == "");
    CHECK(tokenizer->piece(5, -3) == "");
}

TEST_CASE("llama2.c's vocabulary is found beside the model and gives back the text", "[core.tokenizer]") {
    const test::ScratchFolder scratch;
    test::writeAll(scratch.path() / "tok300.bin", test::smallLlama2cTokenizer());
    test::writeAll(scratch.path() / "tok1.bin", "not one at all");
    const auto tokenizer = loadTokenizer(scratch.path() / "m.bin", {}, 300);
    for (const std::string& text : kTexts)
        CHECK(tokenizer->decode(tokenizer->encode(text, true)) == text);
    CHECK(tokenizer->encode("the tree", true) == std::vector<int>{1, 261, 264});
}

namespace {

// Ours on the left, sentencepiece's on the right, for each line.
void checkAgainstLibrary(const std::filesystem::path& file, const std::vector<std::string>& lines) {
    const auto tokenizer = readSentencepiece(file);
    std::string input;
    for (const std::string& line : lines)
        input += line + '\n';
    std::istringstream expected(runSentencepiece({"encode", file.string()}, input));
    for (const std::string& line : lines) {
        std::string theirs, ours;
        std::getline(expected, theirs);
        for (const int id : tokenizer->encode(line, false))
            ours += std::to_string(id) + ' ';
        INFO(line);
        CHECK(ours == theirs);
    }
}

// kTexts, letters of the vocabulary at random, and the goldens' nasty strings that are one line each.
std::vector<std::string> manyLines() {
    std::vector<std::string> lines = kTexts;
    Random random(11);
    const std::string letters = "aehinorst dlu. ";
    for (int i = 0; i < 300; ++i) {
        std::string line(static_cast<std::size_t>(random.between(1, 60)), ' ');
        for (char& c : line)
            c = letters[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(letters.size())))];
        lines.push_back(line);
    }
    std::ifstream in(FOVEA_SOURCE_DIR "/tests/golden/tokens/strings.json");
    for (const auto& text : nlohmann::json::parse(in).at("strings")) {
        std::string line = text;
        std::erase(line, '\n');
        lines.push_back(line);
    }
    for (const char* broken :
         {"a\xff\xfe", "\xe6\x97", "\xf0\x9f\x8c x", "\xc0\xaf", "\xed\xa0\x80", "the \x80 tree"})
        lines.emplace_back(broken);
    return lines;
}

} // namespace

TEST_CASE("Our encoder gives the ids that sentencepiece's own does", "[core.tokenizer]") {
    const test::ScratchFolder scratch;
    const auto file = scratch.path() / "tokenizer.model";
    // Llama's switches; then every other one that changes ids.
    const std::vector<std::vector<std::string>> kinds = {
        {},
        {"model_type=unigram", "hard_vocab_limit=false"},
        {"model_type=unigram", "normalization_rule_name=nmt_nfkc", "remove_extra_whitespaces=true",
         "hard_vocab_limit=false"},
        {"normalization_rule_name=nmt_nfkc_cf", "user_defined_symbols=the,<sep>,tt"},
        {"model_type=unigram", "user_defined_symbols=the,<sep>,tt", "byte_fallback=false",
         "hard_vocab_limit=false"},
        {"add_dummy_prefix=false", "byte_fallback=false", "control_symbols=<x>"}};
    const std::vector<std::string> lines = manyLines();
    for (const auto& kind : kinds) {
        std::vector<std::string> arguments = {"train", "420"};
        arguments.insert(arguments.end(), kind.begin(), kind.end());
        test::writeAll(file, runSentencepiece(arguments, somewhatEnglish()));
        const auto tokenizer = readSentencepiece(file);
        INFO((kind.empty() ? "as Llama" : kind.front() + " …"));
        CHECK(tokenizer->vocabulary() > 100);
        CHECK(tokenizer->bos() == 1);
        CHECK(tokenizer->eos() == 2);
        checkAgainstLibrary(file, lines);
    }
    CHECK_THROWS_WITH(runSentencepiece({"encode", "/no/such/file"}, "x"), Catch::Contains("sentencepiece:"));
}

TEST_CASE("A space in front, squeezed spaces and rules cover the text they came from", "[core.tokenizer]") {
    const test::ScratchFolder scratch;
    const auto file = scratch.path() / "tokenizer.model";
    test::writeAll(file, runSentencepiece({"train", "420", "normalization_rule_name=nmt_nfkc",
                                           "remove_extra_whitespaces=true"},
                                          somewhatEnglish()));
    const auto tokenizer = readSentencepiece(file);
    const std::string text = "  the   ﬁr \xe3\x8c\xa7 tree "; // a ligature, and a square that is many letters
    const Encoding encoding = tokenizer->encodeWithSpans(text, true, false);
    REQUIRE(encoding.spans.size() == encoding.ids.size());
    CHECK(encoding.spans.front() == TextSpan{0, 0}); // BOS
    std::uint32_t at = 0;
    for (const TextSpan& span : encoding.spans) {
        CHECK(span.begin <= span.end);
        CHECK(span.end <= text.size());
        CHECK(span.end >= at);
        at = span.end;
    }
    CHECK(at == text.size() - 1); // all but the blank at the end
    CHECK(tokenizer->decode(encoding.ids) == "the fir トン tree");
}
