#include "app/window/token_texts.h"

#include <catch2/catch.hpp>

#include "core/tokenizer/tokenizer_json.h"

using namespace fovea;

TEST_CASE("A chip and its tip say what a token is and covers", "[window]") {
    // Letters of GPT-2's for the bytes f0 9f a6 99 of a llama.
    const auto tokenizer = parseTokenizerJson(R"({"decoder": {"type": "ByteLevel"},
        "added_tokens": [{"id": 5, "content": "<|im_end|>", "special": true}],
        "model": {"type": "BPE", "vocab": {"Ġa": 0, "ð": 1, "Ł": 2, "¦": 3, "Ļb": 4}, "merges": []}})",
                                              "made");
    const std::vector<int> tokens = {0, 1, 2, 3, 4, 5, 9, 1};
    CHECK(tokenTexts(*tokenizer, tokens) ==
          std::vector<QString>{" a", "<F0>", "<9F>", "<A6>", "<99><62>", "<|im_end|>", "<9>", "<F0>"});
    const auto detail = [&](std::size_t i) { return tokenDetail(*tokenizer, tokens, i); };
    CHECK(detail(0) == "id 0, Ġa");
    CHECK(detail(1) == "id 1, ð, a part of 🦙");
    CHECK(detail(3) == "id 3, ¦, a part of 🦙");
    CHECK(detail(4) == "id 4, Ļb, a part of 🦙b");
    CHECK(detail(5) == "id 5, <|im_end|>");
    CHECK(detail(6) == "id 9, no token");
    CHECK(detail(7) == "id 1, ð"); // the character never came to its end
}
