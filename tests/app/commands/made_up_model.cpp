#include "tests/app/commands/made_up_model.h"

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <random>
#include <string>
#include <vector>

namespace fovea {

namespace {

constexpr int kWidth = 32, kFfn = 48, kLayers = 2, kHeads = 4, kKvHeads = 2, kVocabulary = 320;

template <class T>
void put(std::ofstream& out, T value) {
    out.write(reinterpret_cast<const char*>(&value), sizeof value);
}

class WeightWriter {
public:
    explicit WeightWriter(std::ofstream& out) : m_out(out) {}
    void constant(int n, float value) {
        for (int i = 0; i < n; ++i)
            put(m_out, value);
    }
    // (out, in), scaled so that activations keep their size
    void matrix(int rows, int columns) {
        for (int i = 0; i < rows * columns; ++i)
            put(m_out, static_cast<float>((uniform() * 2 - 1) * std::sqrt(3.0 / columns)));
    }

private:
    // mt19937's numbers are the same everywhere, its distributions are not
    double uniform() { return m_random() / 4294967296.0; }

    std::ofstream& m_out;
    std::mt19937 m_random{42};
};

// In the file's order: each kind for all layers, then the next.
void writeModel(const std::filesystem::path& path, int context) {
    std::ofstream out(path, std::ios::binary);
    for (const std::int32_t n : {kWidth, kFfn, kLayers, kHeads, kKvHeads, kVocabulary, context})
        put(out, n);
    WeightWriter w(out);
    const int kvWidth = kKvHeads * kMadeUpHeadDim;
    w.matrix(kVocabulary, kWidth);           // embedding, tied to the head
    w.constant(kLayers * kWidth, 1);         // attention norms
    w.matrix(kLayers * kWidth, kWidth);      // query
    w.matrix(kLayers * kvWidth, kWidth);     // key
    w.matrix(kLayers * kvWidth, kWidth);     // value
    w.matrix(kLayers * kWidth, kWidth);      // output
    w.constant(kLayers * kWidth, 1);         // FFN norms
    w.matrix(kLayers * kFfn, kWidth);        // gate
    w.matrix(kLayers * kWidth, kFfn);        // down
    w.matrix(kLayers * kFfn, kWidth);        // up
    w.constant(kWidth, 1);                   // final norm
    w.constant(context * kMadeUpHeadDim, 0); // RoPE tables that readers skip
}

void putPiece(std::ofstream& out, const std::string& piece, float score) {
    put(out, score);
    put(out, static_cast<std::int32_t>(piece.size()));
    out.write(piece.data(), static_cast<std::streamsize>(piece.size()));
}

// <unk>, BOS, EOS, the 256 bytes, a space and 60 letters.
void writeTokenizer(const std::filesystem::path& path) {
    std::ofstream out(path, std::ios::binary);
    put(out, std::int32_t{8});
    putPiece(out, "<unk>", 0);
    putPiece(out, "\n<s>\n", 0);
    putPiece(out, "\n</s>\n", 0);
    for (int byte = 0; byte < 256; ++byte) {
        char name[8];
        std::snprintf(name, sizeof name, "<0x%02X>", byte);
        putPiece(out, name, 0);
    }
    putPiece(out, " ", -1);
    for (int i = 260; i < kVocabulary; ++i)
        putPiece(out, std::string(1, static_cast<char>('A' + i - 260)), -static_cast<float>(i));
}

} // namespace

std::filesystem::path writeMadeUpModel(const std::filesystem::path& folder, bool withTokenizer, int context) {
    const auto model = folder / "model.bin";
    writeModel(model, context);
    if (withTokenizer)
        writeTokenizer(folder / "tokenizer.bin");
    return model;
}

} // namespace fovea
