#pragma once
// A llama2.c model small enough to write in a test: random weights, a tokenizer of single characters. It says
// nothing, but the window runs it like any other.

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

namespace fovea::test {

struct TinyShape {
    std::int32_t width = 32, ffn = 48, layers = 2, heads = 4, kvHeads = 2, vocabulary = 100, context = 256;
};

// Three special tokens, then the printable characters from ' ' on: what follows is one token each.
inline void writeTinyTokenizer(const std::filesystem::path& path, std::int32_t vocabulary) {
    std::ofstream out(path, std::ios::binary);
    const auto put = [&](const auto& value) {
        out.write(reinterpret_cast<const char*>(&value), sizeof value);
    };
    put(std::int32_t{16}); // longest token
    for (std::int32_t id = 0; id < vocabulary; ++id) {
        std::string text = id == 0   ? "<unk>"
                           : id == 1 ? "\n<s>\n"
                           : id == 2 ? "\n</s>\n"
                                     : std::string(1, static_cast<char>(' ' + id - 3));
        put(0.f);
        put(static_cast<std::int32_t>(text.size()));
        out.write(text.data(), static_cast<std::streamsize>(text.size()));
    }
}

inline void writeTinyModel(const std::filesystem::path& folder, const TinyShape& shape = {}) {
    std::ofstream out(folder / "model.bin", std::ios::binary);
    const std::int32_t header[] = {shape.width,   shape.ffn,        shape.layers, shape.heads,
                                   shape.kvHeads, shape.vocabulary, shape.context};
    out.write(reinterpret_cast<const char*>(header), sizeof header);
    std::mt19937 random(7);
    const auto put = [&](std::int64_t count, float mean, float deviation) {
        std::normal_distribution<float> normal(mean, deviation);
        std::vector<float> values(static_cast<std::size_t>(count));
        for (float& value : values)
            value = normal(random);
        out.write(reinterpret_cast<const char*>(values.data()),
                  static_cast<std::streamsize>(values.size() * sizeof(float)));
    };
    const std::int64_t D = shape.width, F = shape.ffn, L = shape.layers, V = shape.vocabulary,
                       T = shape.context;
    const std::int64_t d = D / shape.heads, kv = d * shape.kvHeads;
    const auto scale = [](std::int64_t in) { return 1.5f / std::sqrt(static_cast<float>(in)); };
    put(V * D, 0, scale(D)); // embedding
    put(L * D, 1, 0.1f);     // attention norm
    put(L * D * D, 0, scale(D));
    put(L * D * kv, 0, scale(D));
    put(L * D * kv, 0, scale(D));
    put(L * D * D, 0, scale(D));
    put(L * D, 1, 0.1f); // feed-forward norm
    put(L * D * F, 0, scale(D));
    put(L * F * D, 0, scale(F));
    put(L * D * F, 0, scale(D));
    put(D, 1, 0.1f);  // final norm
    put(T * d, 0, 1); // the two RoPE tables of old files, not used: T·d/2 each
    writeTinyTokenizer(folder / "tokenizer.bin", shape.vocabulary);
}

} // namespace fovea::test
