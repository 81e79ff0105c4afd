#include "core/tasks/recall.h"

#include <cmath>
#include <map>
#include <sstream>

#include "../model/small_checkpoint.h"
#include "core/tasks/next_token.h"
#include "core/tokenizer/sentencepiece_tokenizer.h"

// After everything of libtorch, whose logging defines a CHECK of its own.
#include <catch2/catch.hpp>

using namespace fovea;

TEST_CASE("A recall context is as long as asked and every answer stands in its list", "[core.tasks]") {
    const auto tokenizer = parseSentencepiece(test::smallSentencepiece(), "small");
    const std::vector<int> filler =
        tokenizer->encode("there is a tree here, and there is not the other tree at all", false);
    Random random(5);
    for (const int pairs : {1, 4, 16}) {
        const RecallExample example = makeRecall(*tokenizer, filler, {pairs, 512}, random);
        REQUIRE(example.tokens.size() == 512);
        CHECK(example.tokens.front() == tokenizer->bos());
        REQUIRE(example.answers.size() > 4);
        // Read the list back from the text it spells.
        const std::string text = tokenizer->decode(example.tokens);
        std::map<std::string, std::string> listed;
        std::istringstream words(text);
        std::string key, value, stop;
        for (int i = 0; i < pairs && words >> key >> value >> stop; ++i)
            listed[key] = value;
        CHECK(static_cast<int>(listed.size()) == pairs);
        for (const auto& answer : example.answers) {
            const auto at = example.tokens.begin() + answer.first;
            const std::string said = tokenizer->decode({at, at + answer.count});
            const std::string before = tokenizer->decode({example.tokens.begin(), at});
            const std::string asked = before.substr(before.find_last_of(' ') + 1);
            INFO(asked << " " << said);
            REQUIRE(listed.contains(asked));
            CHECK(listed[asked] == said);
            // As far back as it says stands the same value of the same key, and none of that key nearer.
            const auto nearest = at - answer.back;
            REQUIRE(nearest > example.tokens.begin());
            CHECK(tokenizer->decode({nearest, nearest + answer.count}) == said);
            const std::string since = ' ' + tokenizer->decode({nearest + answer.count, at}) + ' ';
            const std::size_t again = since.find(' ' + asked + ' ');
            CHECK(again == since.size() - asked.size() - 2);
        }
    }
    CHECK_THROWS_AS(makeRecall(*tokenizer, filler, {40, 64}, random), std::invalid_argument);
    CHECK_THROWS_AS(makeRecall(*tokenizer, filler, {1000, 512}, random), std::invalid_argument);
}

TEST_CASE("A model that has learnt nothing recalls nothing and copies nothing", "[core.tasks]") {
    const auto tokenizer = parseSentencepiece(test::smallSentencepiece(), "small");
    const Model model = test::smallModel();
    const std::vector<int> filler =
        tokenizer->encode("there is a tree here, and there is not the other tree", false);
    const RecallScore score = scoreRecall(model, *tokenizer, filler, {8, 256}, 3, 1);
    CHECK(score.answers > 10);
    CHECK(score.accuracy < 0.1);
    CHECK(score.aboveChance < 0);
    CHECK(copyAccuracy(model, 16, 64, 3, 1, 1) < 0.2);
}

TEST_CASE("Bits per character of a uniform model is what its vocabulary costs", "[core.tasks]") {
    const auto tokenizer = parseSentencepiece(test::smallSentencepiece(), "small");
    Model model = test::smallModel();
    model.head = model.head.stored().mul(0); // every token equally likely: log2(300) bits
    const std::string text = "the tree the tree";
    const std::vector<int> tokens = tokenizer->encode(text, false);
    // The first space is counted: within a text it would be one.
    const double expected =
        std::log2(300.0) * static_cast<double>(tokens.size()) / static_cast<double>(text.size() + 1);
    CHECK(bitsPerCharacter(model, *tokenizer, tokens, 3) == Approx(expected).epsilon(1e-5));
}
