// What the bundled model promises.

#include <cctype>
#include <filesystem>

#include "../model/small_checkpoint.h"
#include "core/tasks/next_token.h"
#include "core/tasks/recall.h"
#include "core/tokenizer/tokenizer.h"

// After everything of libtorch, whose logging defines a CHECK of its own.
#include <catch2/catch.hpp>

using namespace fovea;

namespace {

const std::filesystem::path kAssets = FOVEA_SOURCE_DIR "/assets";

struct Starter {
    std::shared_ptr<const Model> model = loadModel(kAssets / "models/fovea-starter");
    std::shared_ptr<const Tokenizer> tokenizer =
        loadTokenizer(kAssets / "models/fovea-starter", {}, model->spec.vocabulary);
};

std::string withoutFinalNewline(std::string text) {
    while (!text.empty() && text.back() == '\n')
        text.pop_back();
    return text;
}

} // namespace

TEST_CASE("The starter model recalls 16 listed pairs at 512 tokens", "[core.tasks]") {
    const Starter starter;
    const std::vector<int> filler =
        starter.tokenizer->encode(test::readAll(kAssets / "texts/evaluation.txt"), false);
    const RecallScore score = scoreRecall(*starter.model, *starter.tokenizer, filler, {16, 512}, 6, 1);
    CHECK(score.answers > 200);
    CHECK(score.aboveChance >= 0.95);
}

TEST_CASE("The starter model spends little on a text it has not seen", "[core.tasks]") {
    const Starter starter;
    const std::vector<int> text =
        starter.tokenizer->encode(test::readAll(kAssets / "texts/evaluation.txt"), false);
    const double bits = bitsPerCharacter(*starter.model, *starter.tokenizer, text, 512);
    CHECK(bits < 2.2); // a text of uniform letters would cost 4.7
    CHECK(bits > 1);
}

TEST_CASE("The starter model answers the bundled prompts", "[core.tasks]") {
    const Starter starter;
    const std::pair<const char*, const char*> prompts[] = {{"recall.txt", " 72"}};
    for (const auto& [file, answer] : prompts) {
        const std::string prompt = withoutFinalNewline(test::readAll(kAssets / "prompts" / file));
        REQUIRE(prompt.size() > 500);
        std::vector<int> tokens = starter.tokenizer->encode(prompt, true);
        CHECK(tokens.size() > 300);
        CHECK(tokens.size() < 500);
        const std::size_t asked = tokens.size();
        while (tokens.size() < asked + 3)
            tokens.push_back(static_cast<int>(mostLikelyNext(*starter.model, tokens).back()));
        const std::string said = starter.tokenizer->decode(tokens).substr(prompt.size());
        INFO(file << ": " << said);
        CHECK(said.starts_with(answer));
        CHECK_FALSE(std::isdigit(static_cast<unsigned char>(said[std::string(answer).size()])));
    }
}
