#include "small_checkpoint.h"

#include <stdlib.h>

#include <ATen/core/grad_mode.h>

#include <bit>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

#include "core/train/folder.h"
#include "core/train/initialise.h"

namespace fovea::test {

namespace {

std::string varint(std::uint64_t value) {
    std::string out;
    for (; value >= 0x80; value >>= 7)
        out += static_cast<char>((value & 0x7f) | 0x80);
    return out + static_cast<char>(value);
}

std::string number(int field, std::uint64_t value) {
    return varint(static_cast<std::uint64_t>(field) << 3) + varint(value);
}
std::string bytesField(int field, const std::string& bytes) {
    return varint(static_cast<std::uint64_t>(field) << 3 | 2) + varint(bytes.size()) + bytes;
}
std::string raw(const void* data, std::size_t size) {
    return {static_cast<const char*>(data), size};
}
template <typename T>
std::string raw(T value) {
    return raw(&value, sizeof value);
}

std::string piece(const std::string& text, float score, int type) {
    return bytesField(1, bytesField(1, text) + varint(2 << 3 | 5) + raw(score) +
                             number(3, static_cast<std::uint64_t>(type)));
}

std::string byteName(int byte) {
    char name[8];
    std::snprintf(name, sizeof name, "<0x%02X>", static_cast<unsigned>(byte));
    return name;
}

// What a vocabulary of 300 spells beyond bytes; `space` is how it writes one.
std::vector<std::string> spellings(const std::string& space) {
    std::vector<std::string> pieces = {space + "t",   "he",           space + "the", space + "tr",
                                       space + "tre", space + "tree", "re",          "ee"};
    for (const char c : std::string("etaoinshrdlucmfwypvbgkjqxz.,"))
        pieces.emplace_back(1, c);
    pieces.push_back(space);
    while (pieces.size() < 41)
        pieces.push_back("zz" + std::string(pieces.size() - 30, 'z'));
    return pieces;
}

} // namespace

ScratchFolder::ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "fovea-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
        throw std::runtime_error("no temporary folder");
    m_path = name;
}

ScratchFolder::~ScratchFolder() {
    std::error_code error;
    std::filesystem::remove_all(m_path, error);
}

std::string readAll(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void writeAll(const std::filesystem::path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary) << bytes;
}

Model smallModel(std::uint64_t seed) {
    ModelSpec spec;
    spec.name = "small";
    spec.architecture = "llama";
    spec.layers = 2;
    spec.width = 32;
    spec.queryHeads = 4;
    spec.kvHeads = 2;
    spec.headDim = 8;
    spec.ffn = 48;
    spec.vocabulary = 300;
    spec.context = 64;
    spec.tiedEmbedding = true;
    Model model = initialModel(spec, seed);
    for (auto tensors : {matrices(model), vectors(model)})
        for (at::Tensor& tensor : tensors)
            tensor.requires_grad_(false);
    return model;
}

std::string smallSentencepiece(int vocabulary) {
    std::string file = piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3);
    for (int byte = 0; byte < 256; ++byte)
        file += piece(byteName(byte), 0, 6);
    float score = 0;
    int count = 259;
    for (const std::string& text : spellings("\xe2\x96\x81"))
        if (count++ < vocabulary)
            file += piece(text, score--, 1);
    // trainer_spec: BPE; normalizer_spec: spaces kept as they are.
    return file + bytesField(2, number(3, 2)) + bytesField(3, bytesField(1, "identity") + number(4, 0));
}

void writeSmallFolder(const std::filesystem::path& folder) {
    writeModelFolder(folder, smallModel(), smallSentencepiece(), {});
}

std::string smallLlama2c(const Model& model, bool tied) {
    const ModelSpec& s = model.spec;
    std::string file;
    for (const int value :
         {s.width, s.ffn, s.layers, s.queryHeads, s.kvHeads, tied ? s.vocabulary : -s.vocabulary, s.context})
        file += raw(static_cast<std::int32_t>(value));
    const auto add = [&](const at::Tensor& tensor) {
        const at::Tensor whole = tensor.to(at::kFloat).contiguous();
        file += raw(whole.data_ptr(), whole.nbytes());
    };
    const auto interleaved = [&](const at::Tensor& rows, int heads) {
        return rows.view({heads, 2, s.headDim / 2, s.width})
            .transpose(1, 2)
            .reshape({heads * s.headDim, s.width});
    };
    const auto each = [&](auto what) {
        for (const LayerWeights& w : model.layers)
            add(what(w));
    };
    add(model.embedding.stored());
    each([](const LayerWeights& w) { return w.attentionNorm.gain; });
    each([&](const LayerWeights& w) { return interleaved(w.query.weight.stored(), s.queryHeads); });
    each([&](const LayerWeights& w) { return interleaved(w.key.weight.stored(), s.kvHeads); });
    each([](const LayerWeights& w) { return w.value.weight.stored(); });
    each([](const LayerWeights& w) { return w.output.weight.stored(); });
    each([](const LayerWeights& w) { return w.ffnNorm.gain; });
    each([](const LayerWeights& w) { return w.gate.weight.stored(); });
    each([](const LayerWeights& w) { return w.down.weight.stored(); });
    each([](const LayerWeights& w) { return w.up.weight.stored(); });
    add(model.finalNorm.gain);
    file.append(static_cast<std::size_t>(s.context * s.headDim) * 4, '\0');
    if (!tied)
        add(model.head.stored());
    return file;
}

std::string smallLlama2cTokenizer() {
    std::string file = raw(std::uint32_t{32});
    const auto add = [&](const std::string& text, float score) {
        file += raw(score) + raw(static_cast<std::int32_t>(text.size())) + text;
    };
    for (const char* text : {"<unk>", "\n<s>\n", "\n</s>\n"})
        add(text, 0);
    for (int byte = 0; byte < 256; ++byte)
        add(byteName(byte), 0);
    float score = 0;
    for (const std::string& text : spellings(" "))
        add(text, score--);
    return file;
}

} // namespace fovea::test
