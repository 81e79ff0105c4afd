#include "core/tokenizer/tokenizer.h"

#include <algorithm>
#include <fstream>
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

TEST_CASE("Our encoder gives the ids that sentencepiece's own does", "[core.tokenizer]") {
    const test::ScratchFolder scratch;
    const auto file = scratch.path() / "tokenizer.model";
    test::writeAll(file, runSentencepiece({"train", "420"}, somewhatEnglish()));
    const auto tokenizer = readSentencepiece(file);
    CHECK(tokenizer->vocabulary() == 420);
    CHECK(tokenizer->bos() == 1);
    CHECK(tokenizer->eos() == 2);

    std::vector<std::string> lines = kTexts;
    Random random(11);
    const std::string letters = "aehinorst dlu. ";
    for (int i = 0; i < 300; ++i) {
        std::string line(static_cast<std::size_t>(random.between(1, 60)), ' ');
        for (char& c : line)
            c = letters[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(letters.size())))];
        lines.push_back(line);
    }
    std::string input, ours;
    for (const std::string& line : lines) {
        input += line + '\n';
        for (const int id : tokenizer->encode(line, false))
            ours += std::to_string(id) + ' ';
        ours += '\n';
    }
    std::istringstream expected(runSentencepiece({"encode", file.string()}, input)), got(ours);
    for (const std::string& line : lines) {
        std::string a, b;
        std::getline(expected, a);
        std::getline(got, b);
        INFO(line);
        CHECK(a == b);
    }
    CHECK_THROWS_WITH(runSentencepiece({"encode", "/no/such/file"}, "x"), Catch::Contains("sentencepiece:"));
}
