// The reference program's own output on a public checkpoint, where the data folder is there.

#include <ATen/Parallel.h>

#include "core/model/forward.h"
#include "core/tasks/next_token.h"
#include "core/tokenizer/tokenizer.h"
#include "small_checkpoint.h"

// After everything of libtorch, whose logging defines a CHECK of its own.
#include <catch2/catch.hpp>

using namespace fovea;

namespace {

const std::filesystem::path kFolder = FOVEA_SOURCE_DIR "/../shared/data/stories260K";

bool absent() {
    if (std::filesystem::exists(kFolder / "stories260K.bin"))
        return false;
    WARN("skipped: no " << kFolder.string());
    return true;
}

// As the reference counts: `positions` steps, prompt included, ended by BOS.
std::string greedy(const Model& model, const Tokenizer& tokenizer, const std::string& prompt,
                   std::size_t positions) {
    const int threads = at::get_num_threads();
    at::set_num_threads(1); // each step is so small that two would only wait for each other
    std::vector<int> tokens = tokenizer.encode(prompt, true);
    while (tokens.size() <= positions) {
        const int next = static_cast<int>(mostLikelyNext(model, tokens).back());
        if (next == tokenizer.bos())
            break;
        tokens.push_back(next);
    }
    at::set_num_threads(threads);
    return tokenizer.decode(tokens);
}

std::string withoutFinalNewline(std::string text) {
    while (text.ends_with('\n'))
        text.pop_back();
    return text;
}

} // namespace

TEST_CASE("Greedy text of stories260K is the reference's byte for byte", "[core.model]") {
    if (absent())
        return;
    const auto model = loadModel(kFolder / "stories260K.bin");
    const auto tokenizer = loadTokenizer(kFolder / "stories260K.bin", {}, model->spec.vocabulary);
    CHECK(model->spec.width == 64);
    CHECK(model->spec.layers == 5);
    CHECK(model->spec.queryHeads == 8);
    CHECK(model->spec.kvHeads == 4);
    CHECK(model->spec.vocabulary == 512);
    CHECK(withoutFinalNewline(greedy(*model, *tokenizer, "Tom had a big red ball", 128)) ==
          withoutFinalNewline(test::readAll(kFolder / "greedy_tom_128.txt")));
    CHECK(withoutFinalNewline(greedy(*model, *tokenizer, "", 256)) ==
          withoutFinalNewline(test::readAll(kFolder / "greedy_256.txt")));
}

TEST_CASE("The tokenizer of stories260K gives back what it was given", "[core.model]") {
    if (absent())
        return;
    const auto tokenizer = loadTokenizer(kFolder / "stories260K.bin", {}, 512);
    for (const std::string text :
         {"Once upon a time", "Tom said, \"No!\"", "naïve \t tab\nline", "日本語", "  two spaces "})
        CHECK(tokenizer->decode(tokenizer->encode(text, true)) == text);
}
