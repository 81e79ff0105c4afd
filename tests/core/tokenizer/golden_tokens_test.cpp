// Ids, places and texts against Python `tokenizers` and `sentencepiece`, and against the ids that come with
// three published vocabularies. tests/golden/README.md says how the goldens were made.

#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/model/checked_file.h"
#include "core/tokenizer/tokenizer.h"

using namespace fovea;
using Json = nlohmann::json;

namespace {

const std::filesystem::path kGoldens = FOVEA_SOURCE_DIR "/tests/golden/tokens";
const std::filesystem::path kVocabularies = FOVEA_SOURCE_DIR "/../shared/data/tokenizers";

Json read(const std::filesystem::path& file) {
    return Json::parse(readFile(file, 64u << 20));
}

std::vector<std::string> strings(const Json& json) {
    return json.get<std::vector<std::string>>();
}

// The strings that a vocabulary of our own was asked.
std::vector<std::string> askedOf(const Json& golden) {
    std::vector<std::string> texts = strings(read(kGoldens / "strings.json").at("strings"));
    const std::vector<std::string> extra = strings(golden.value("extra_strings", Json::array()));
    texts.resize(golden.at("ids").size() - extra.size());
    texts.insert(texts.end(), extra.begin(), extra.end());
    return texts;
}

void checkIds(const Tokenizer& tokenizer, const std::vector<std::string>& texts, const Json& ids,
              bool special, bool bos = false) {
    REQUIRE(ids.size() <= texts.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
        INFO("string " << i << ": " << texts[i]);
        CHECK(tokenizer.encode(texts[i], bos, special) == ids[i].get<std::vector<int>>());
    }
}

std::string fromHex(const std::string& hex) {
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2)
        bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return bytes;
}

bool within(char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

// The peer gives a part of a character all of it, and a space put in front the character behind it.
TextSpan asThePeer(TextSpan span, const std::string& text) {
    if (span.begin == span.end && span.end < text.size())
        ++span.end;
    while (span.begin > 0 && within(text[span.begin]))
        --span.begin;
    while (span.end < text.size() && within(text[span.end]))
        ++span.end;
    return span;
}

std::filesystem::path tokenizerOf(const std::filesystem::path& folder) {
    const auto json = folder / "tokenizer.json";
    return std::filesystem::exists(json) ? json : folder / "tokenizer.model";
}

std::vector<std::string> lines(const std::string& text, const std::string& separator) {
    std::vector<std::string> found;
    std::size_t begin = 0;
    for (std::size_t end; (end = text.find(separator, begin)) != text.npos; begin = end + separator.size())
        found.push_back(text.substr(begin, end - begin));
    return found;
}

} // namespace

TEST_CASE("Each family's tokenizer gives the peer's ids", "[core.tokenizer]") {
    std::size_t families = 0;
    for (const auto& entry : std::filesystem::directory_iterator(kGoldens / "own")) {
        INFO(entry.path().string());
        const Json golden = read(entry.path() / "goldens.json");
        const auto tokenizer = loadTokenizer({}, tokenizerOf(entry.path()), 0);
        const auto texts = askedOf(golden);
        checkIds(*tokenizer, texts, golden.at("ids"), tokenizer->parsesSpecialByDefault());
        if (golden.contains("ids_with_special"))
            checkIds(*tokenizer, texts, golden.at("ids_with_special"), true, true);
        ++families;
    }
    CHECK(families >= 11);
}

TEST_CASE("Each token covers what the peer says", "[core.tokenizer]") {
    // Those whose post-processor does not leave blanks out of the places.
    for (const char* family : {"llama3", "gemma", "metaspace", "metaspace_first"}) {
        INFO(family);
        const Json golden = read(kGoldens / "own" / family / "goldens.json");
        const auto tokenizer = loadTokenizer({}, kGoldens / "own" / family, 0);
        const auto texts = askedOf(golden);
        for (std::size_t i = 0; i < golden.at("ids").size(); ++i) {
            INFO("string " << i << ": " << texts[i]);
            const Encoding encoding = tokenizer->encodeWithSpans(texts[i], false, true);
            std::vector<std::uint32_t> places;
            for (const TextSpan& span : encoding.spans) {
                const TextSpan widened = asThePeer(span, texts[i]);
                places.insert(places.end(), {widened.begin, widened.end});
            }
            CHECK(places == golden.at("byte_offsets")[i].get<std::vector<std::uint32_t>>());
        }
    }
}

TEST_CASE("Ids decode to the text that the peer decodes them to", "[core.tokenizer]") {
    for (const auto& entry : std::filesystem::directory_iterator(kGoldens / "own")) {
        INFO(entry.path().string());
        const Json golden = read(entry.path() / "goldens.json");
        if (!golden.contains("extra_strings"))
            continue; // sentencepiece's
        const auto tokenizer = loadTokenizer({}, entry.path(), 0);
        const auto texts = askedOf(golden);
        const std::size_t plain = texts.size() - golden.at("extra_strings").size();
        for (std::size_t i = 0; i < plain; ++i) {
            const auto other = golden.at("decoded_otherwise").find(std::to_string(i));
            const auto ids = golden.at("ids")[i].get<std::vector<int>>();
            INFO("string " << i);
            CHECK(tokenizer->decode(ids) ==
                  (other == golden.at("decoded_otherwise").end() ? texts[i] : other->get<std::string>()));
        }
    }
}

TEST_CASE("GGUF vocabularies give the ids published with them and the peer's on nasty strings",
          "[core.tokenizer]") {
    const std::string name = GENERATE("gpt-2", "llama-spm", "phi-3");
    const std::filesystem::path file = kVocabularies / ("ggml-vocab-" + name + ".gguf");
    if (!std::filesystem::exists(file)) {
        WARN("skipped, there is no " + file.string());
        return;
    }
    const auto tokenizer = loadTokenizer({}, file, 0);
    const auto texts = lines(readFile(file.string() + ".inp", 1 << 20), "\n__ggml_vocab_test__\n");
    const auto expected = lines(readFile(file.string() + ".out", 1 << 20), "\n");
    REQUIRE(texts.size() == 46);
    REQUIRE(expected.size() == 46);
    for (std::size_t i = 0; i < texts.size(); ++i) {
        std::string got;
        for (const int id : tokenizer->encode(texts[i], false))
            got += ' ' + std::to_string(id);
        INFO(texts[i]);
        CHECK(got == expected[i]);
    }

    const Json strangers = read(kGoldens / "strings.json"),
               golden = read(kGoldens / "gguf" / (name + ".json"));
    REQUIRE(golden.at("ids").size() == 2000);
    checkIds(*tokenizer, strings(strangers.at("strings")), golden.at("ids"), false);
    std::vector<std::string> broken;
    for (const std::string& hex : strings(strangers.at("broken_hex")))
        broken.push_back(fromHex(hex));
    checkIds(*tokenizer, broken, golden.at("broken_ids"), false);
    checkIds(*tokenizer, strings(golden.at("special_strings")), golden.at("special_ids"), true);
}
