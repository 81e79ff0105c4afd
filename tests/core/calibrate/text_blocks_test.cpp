// Blocks of a text: as many and as long as asked, of the text's own tokens, and the same for the same seed.

#include "core/calibrate/text_blocks.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>

#include <algorithm>
#include <vector>

#include "core/model/model_spec.h"
#include "core/tokenizer/tokenizer.h"

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

std::shared_ptr<const Tokenizer> starter() {
    return loadTokenizer(FOVEA_SOURCE_DIR "/assets/models/fovea-starter", {}, 1024);
}

std::string someText() {
    std::string text;
    for (int i = 0; i < 60; ++i)
        text += "Line " + std::to_string(i * 37 % 100) + " of it. ";
    return text;
}

} // namespace

TEST_CASE("Blocks are runs of the text after BOS", "[core.calibrate]") {
    const auto tokenizer = starter();
    const std::vector<int> tokens = tokenizer->encode(someText(), false);
    const at::Tensor blocks = textBlocks(*tokenizer, someText(), {.blocks = 9, .length = 24});
    REQUIRE(blocks.sizes() == at::IntArrayRef({9, 24}));
    bool differ = false;
    for (int block = 0; block < 9; ++block) {
        const auto* row = blocks.data_ptr<std::int64_t>() + block * 24;
        CHECK(row[0] == tokenizer->bos());
        CHECK(std::search(tokens.begin(), tokens.end(), row + 1, row + 24) != tokens.end());
        differ = differ || !std::equal(row, row + 24, blocks.data_ptr<std::int64_t>());
    }
    CHECK(differ);
    CHECK(at::equal(blocks, textBlocks(*tokenizer, someText(), {.blocks = 9, .length = 24})));
    CHECK_FALSE(
        at::equal(blocks, textBlocks(*tokenizer, someText(), {.blocks = 9, .length = 24, .seed = 2})));
}

TEST_CASE("A text that is just a block long is that block", "[core.calibrate]") {
    const auto tokenizer = starter();
    const auto length = std::ssize(tokenizer->encode(someText(), false)) + 1;
    CHECK(textBlocks(*tokenizer, someText(), {.blocks = 2, .length = length}).size(1) == length);
    CHECK_THROWS_WITH(textBlocks(*tokenizer, someText(), {.blocks = 2, .length = length + 1}),
                      Catch::Contains("fewer than a block of " + std::to_string(length + 1)));
    CHECK_THROWS_WITH(textBlocks(*tokenizer, someText(), {.blocks = 0}),
                      Catch::Contains("at least one block"));
}

TEST_CASE("Blocks that must overlap are said to", "[core.calibrate]") {
    CHECK_FALSE(overlapNote(1000, {.blocks = 10, .length = 100}));
    const auto note = overlapNote(999, {.blocks = 10, .length = 100});
    REQUIRE(note);
    CHECK(note->find("999 tokens, too few for 10 blocks of 100") != std::string::npos);
    CHECK(overlapNote(1000, {.blocks = std::int64_t{1} << 60, .length = 100}));
}

TEST_CASE("Blocks are no longer than the context", "[core.calibrate]") {
    ModelSpec spec;
    spec.context = 100;
    CHECK(fittingBlocks({}, spec).length == 100);
    spec.context = 4096;
    CHECK(fittingBlocks({}, spec).length == 512);
}
