// Each normalizer and pre-tokenizer against Python `tokenizers`; tests/golden/make_step_goldens.py made the
// goldens.

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/model/checked_file.h"
#include "core/tokenizer/tokenizer_json_steps.h"

using namespace fovea;
using Json = nlohmann::json;

namespace {

Json goldens() {
    return Json::parse(readFile(FOVEA_SOURCE_DIR "/tests/golden/tokens/steps.json", 16u << 20));
}

} // namespace

TEST_CASE("Each normalizer makes of a text what the peer makes", "[core.tokenizer]") {
    const Json golden = goldens();
    REQUIRE(golden.at("normalizers").size() > 10);
    for (const Json& entry : golden.at("normalizers")) {
        const Json file = {{"normalizer", entry[0]}};
        INFO(entry[0]);
        const Normalizer steps = readNormalizer(JsonPlace(file, "golden:"));
        for (std::size_t i = 0; i < golden.at("strings").size(); ++i) {
            const std::string text = golden.at("strings")[i];
            INFO(text);
            CHECK(normalize(steps, AlignedText::repaired(text)).text() == entry[1][i].get<std::string>());
        }
    }
}

TEST_CASE("Each pre-tokenizer cuts a text where the peer cuts it", "[core.tokenizer]") {
    const Json golden = goldens();
    REQUIRE(golden.at("pre_tokenizers").size() > 30);
    for (const Json& entry : golden.at("pre_tokenizers")) {
        const Json file = {{"pre_tokenizer", entry[0]}};
        INFO(entry[0]);
        const PreTokenizer steps = readPreTokenizer(JsonPlace(file, "golden:"));
        for (std::size_t i = 0; i < golden.at("strings").size(); ++i) {
            const std::string text = golden.at("strings")[i];
            INFO(text);
            const CutText cut = preTokenize(steps, AlignedText::repaired(text));
            std::vector<std::string> pieces;
            for (const Range& piece : cut.pieces)
                pieces.emplace_back(cut.text.view(piece.begin, piece.end));
            CHECK(pieces == entry[1][i].get<std::vector<std::string>>());
        }
    }
}
