#pragma once
// A text to train on, and a training of it that takes seconds.

#include <string>
#include <vector>

namespace fovea {

// A language of nine words, each followed by one of two.
inline std::string smallTrainingText() {
    const char* words[] = {"the", "tree", "stands", "near", "a", "river", "under", "bright", "light"};
    std::string text;
    unsigned at = 0, random = 1;
    for (int i = 0; i < 6000; ++i) {
        text += words[at];
        text += i % 12 == 11 ? '\n' : ' ';
        random = random * 1664525u + 1013904223u;
        at = (at * 2 + (random >> 30 & 1u)) % 9;
    }
    return text;
}

// `steps` steps of 512 tokens on one thread; the tokens may be left out when it is resumed.
inline std::vector<std::string> smallTraining(const std::string& text, const std::string& out, int steps,
                                              int width = 32) {
    return {"train",
            "--text",
            text,
            "--out",
            out,
            "--tokens",
            std::to_string(steps * 512),
            "--vocabulary",
            "420",
            "--width",
            std::to_string(width),
            "--layers",
            "1",
            "--heads",
            "2",
            "--kv-heads",
            "1",
            "--ffn",
            "64",
            "--context",
            "64",
            "--batch-tokens",
            "512",
            "--rate",
            "0.01",
            "--threads",
            "1",
            "--validate-every",
            "10"};
}

} // namespace fovea
