// Against tests/golden/gguf_blocks.json, which make_block_goldens.py wrote.

#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/model/gguf_blocks.h"

using namespace fovea;

namespace {

using Block = std::vector<std::uint8_t>;

Block fromHex(const std::string& text) {
    Block bytes(text.size() / 2);
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::uint8_t>(std::stoi(text.substr(2 * i, 2), nullptr, 16));
    return bytes;
}

std::vector<float> floatsFromHex(const std::string& text) {
    const Block bytes = fromHex(text);
    std::vector<float> values(bytes.size() / 4);
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
}

nlohmann::json golden() {
    std::ifstream in(FOVEA_SOURCE_DIR "/tests/golden/gguf_blocks.json");
    return nlohmann::json::parse(in);
}

BlockType named(const std::string& name) {
    for (const BlockType type : kBlockTypes) {
        if (blockShape(type).name == name)
            return type;
    }
    return BlockType::None;
}

} // namespace

TEST_CASE("Random blocks decode as Python's gguf decodes them", "[core.gguf]") {
    const auto all = golden()["decoded"];
    CHECK(all.size() == std::size(kBlockTypes));
    for (const auto& [name, entry] : all.items()) {
        INFO(name);
        REQUIRE(named(name) != BlockType::None);
        const auto expected = floatsFromHex(entry["values"]);
        const Block blocks = fromHex(entry["blocks"]);
        std::vector<float> values(expected.size());
        REQUIRE(std::ssize(blocks) == blockRowBytes(named(name), std::ssize(values)));
        decodeBlocks(named(name), blocks.data(), values.data(), std::ssize(values));
        // Bit for bit, but for a compiler that fuses the last product and sum.
        for (std::size_t i = 0; i < values.size(); ++i)
            REQUIRE(values[i] == Approx(expected[i]).epsilon(1e-6).margin(1e-6));
    }
}

TEST_CASE("Weights encode as Python's gguf encodes them", "[core.gguf]") {
    const auto all = golden();
    const auto weights = floatsFromHex(all["weights"]);
    CHECK(all["encoded"].size() == 5);
    for (const auto& [name, bytes] : all["encoded"].items()) {
        INFO(name);
        Block blocks(static_cast<std::size_t>(blockRowBytes(named(name), std::ssize(weights))));
        encodeBlocks(named(name), weights.data(), blocks.data(), std::ssize(weights));
        CHECK(blocks == fromHex(bytes));
    }
}
