#pragma once
// A training of forty steps that takes a second.

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include "core/tasks/random.h"
#include "core/train/train.h"
#include "tests/core/model/small_checkpoint.h"

namespace fovea::test {

// A language of nine words, each followed by one of two: soon learnt.
inline std::string smallText() {
    const std::vector<std::string> words = {"the",   "tree",  "stands", "near", "a",
                                            "river", "under", "bright", "light"};
    Random random(3);
    std::string text;
    std::size_t at = 0;
    for (int i = 0; i < 6000; ++i) {
        text += words[at] + (i % 12 == 11 ? "\n" : " ");
        at = (at * 2 + static_cast<std::size_t>(random.below(2))) % words.size();
    }
    return text;
}

inline TrainOptions smallOptions(const std::filesystem::path& folder) {
    writeAll(folder / "text.txt", smallText());
    TrainOptions options;
    options.text = {folder / "text.txt"};
    options.out = folder / "tiny";
    options.tokens = 40 * 512;
    options.vocabulary = 420;
    options.width = 32;
    options.layers = 1;
    options.heads = 2;
    options.kvHeads = 1;
    options.ffn = 64;
    options.context = 64;
    options.batchTokens = 512;
    options.saveSeconds = 1e6;
    options.validateEvery = 0;
    options.learningRate = 1e-2; // forty steps must show it
    options.threads = 1;         // so small that two would only wait for each other
    options.evaluateTokens = 500;
    return options;
}

inline const std::atomic<bool> kGoOn = false;

} // namespace fovea::test
