// A GGUF file with its tokenizer inside, from the command line. Its weights are random Q8_0 and f32.

#include <catch2/catch.hpp>

#include <cmath>
#include <random>

#include "tests/app/commands/program.h"
#include "tests/support/gguf_bytes.h"
#include "tests/support/temporary_folder.h"

using namespace fovea;
using fovea::test::GgufBytes;
using fovea::test::rawBytes;
using nlohmann::json;

namespace {

constexpr std::uint32_t kF32 = 0, kQ8_0 = 8;
constexpr int kWidth = 32, kFfn = 64, kKvWidth = 16;

class Weights {
public:
    std::string floats(int n) {
        std::string out;
        for (int i = 0; i < n; ++i)
            out += rawBytes(static_cast<float>(m_random() / 4294967296. - .5) * .6f);
        return out;
    }
    // Blocks of a scale of 2^-8 and 32 codes.
    std::string blocks(int n) {
        std::string out;
        for (int block = 0; block < n / 32; ++block) {
            out += rawBytes(std::uint16_t{0x1c00});
            for (int i = 0; i < 32; ++i)
                out += static_cast<char>(m_random() % 160 - 80);
        }
        return out;
    }

private:
    std::mt19937 m_random{5};
};

// <unk>, <s>, </s>, the 256 bytes, a space and the capitals.
int addTokenizer(GgufBytes& file) {
    std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
    std::string types = rawBytes(2) + rawBytes(3) + rawBytes(3); // unknown, control, control
    for (int byte = 0; byte < 256; ++byte) {
        char name[8];
        std::snprintf(name, sizeof name, "<0x%02X>", byte);
        tokens.push_back(name);
        types += rawBytes(6); // byte
    }
    tokens.push_back("▁");
    types += rawBytes(1);
    for (char letter = 'A'; letter <= 'Z'; ++letter) {
        tokens.push_back(std::string(1, letter));
        types += rawBytes(1); // normal
    }
    std::string scores;
    for (std::size_t i = 0; i < tokens.size(); ++i)
        scores += rawBytes(-static_cast<float>(i));
    file.pair("tokenizer.ggml.model", "llama").array("tokenizer.ggml.tokens", tokens);
    file.array("tokenizer.ggml.scores", GgufValueType::Float32, tokens.size(), scores);
    file.array("tokenizer.ggml.token_type", GgufValueType::Int32, tokens.size(), types);
    file.pair("tokenizer.ggml.bos_token_id", 1u).pair("tokenizer.ggml.eos_token_id", 2u);
    return static_cast<int>(tokens.size());
}

std::string writeModel(const TemporaryFolder& folder) {
    GgufBytes file;
    Weights weights;
    file.pair("general.architecture", "llama")
        .pair("llama.block_count", 1u)
        .pair("llama.context_length", 40u);
    file.pair("llama.embedding_length", static_cast<std::uint32_t>(kWidth));
    file.pair("llama.feed_forward_length", static_cast<std::uint32_t>(kFfn));
    file.pair("llama.attention.head_count", 4u).pair("llama.attention.head_count_kv", 2u);
    file.pair("llama.attention.layer_norm_rms_epsilon", 1e-5f);
    const int vocabulary = addTokenizer(file);
    const auto add = [&](const std::string& name, int rows, int columns, std::uint32_t type) {
        std::vector<std::uint64_t> shape = {static_cast<std::uint64_t>(columns)};
        if (rows > 1)
            shape.push_back(static_cast<std::uint64_t>(rows));
        const int n = rows * columns;
        file.tensors.push_back(
            {name + ".weight", shape, type, type == kF32 ? weights.floats(n) : weights.blocks(n), {}});
    };
    add("token_embd", vocabulary, kWidth, kQ8_0);
    add("output_norm", 1, kWidth, kF32);
    add("blk.0.attn_norm", 1, kWidth, kF32);
    add("blk.0.ffn_norm", 1, kWidth, kF32);
    add("blk.0.attn_q", kWidth, kWidth, kQ8_0);
    add("blk.0.attn_k", kKvWidth, kWidth, kQ8_0);
    add("blk.0.attn_v", kKvWidth, kWidth, kF32);
    add("blk.0.attn_output", kWidth, kWidth, kQ8_0);
    add("blk.0.ffn_gate", kFfn, kWidth, kQ8_0);
    add("blk.0.ffn_up", kFfn, kWidth, kQ8_0);
    add("blk.0.ffn_down", kWidth, kFfn, kQ8_0);
    putContent(folder / "small.gguf", file.whole());
    return (folder / "small.gguf").string();
}

} // namespace

TEST_CASE("generate runs a GGUF file with the tokenizer inside it", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeModel(folder);
    std::vector<std::string> arguments = {"generate", "--model", model,          "--prompt", "AB",
                                          "--tokens", "12",      "--ignore-eos", "--json"};
    const ProcessResult r = fovea::fovea(arguments);
    INFO(r.err);
    REQUIRE(r.status == 0);
    const json j = json::parse(r.out);
    CHECK(j.at("text").get<std::string>().find("AB") != std::string::npos);
    REQUIRE(j.at("steps").size() == 12);
    for (const json& step : j.at("steps"))
        CHECK(step.at("bytes").at("formula") == step.at("bytes").at("counted"));
    arguments.insert(arguments.end(), {"--backend", "reference"});
    const ProcessResult reference = fovea::fovea(arguments);
    REQUIRE(reference.status == 0);
    CHECK(json::parse(reference.out).at("tokens") == j.at("tokens"));
}

TEST_CASE("info sums a GGUF file's bytes type by type", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeModel(folder);
    const ProcessResult r = fovea::fovea({"info", model, "--json"});
    INFO(r.err);
    REQUIRE(r.status == 0);
    const json j = json::parse(r.out);
    CHECK(j.at("tokenizer").at("vocabulary") == 3 + 256 + 27);
    // Q8_0: the embedding, query, key, output, gate, up, down; f32: value and three norms
    const int blocks = 286 * 32 + 32 * 32 + 16 * 32 + 32 * 32 + 3 * 64 * 32, floats = 16 * 32 + 3 * 32;
    const json& types = j.at("weights").at("types");
    REQUIRE(types.size() == 2);
    CHECK(types.at(0) ==
          json({{"type", "Q8_0"}, {"tensors", 7}, {"weights", blocks}, {"bytes", blocks / 32 * 34}}));
    CHECK(types.at(1) == json({{"type", "f32"}, {"tensors", 4}, {"weights", floats}, {"bytes", floats * 4}}));
    CHECK(j.at("parameters") == blocks + floats);
    CHECK(j.at("memory").at("weights_bytes") == blocks / 32 * 34 + floats * 4);
    CHECK(j.at("weights").at("bits_per_weight") ==
          Approx(8. * (blocks / 32 * 34 + floats * 4) / (blocks + floats)));
    const ProcessResult text = fovea::fovea({"info", model});
    INFO(text.out);
    CHECK(text.out.find("Q8_0 19.0 kB in 7 tensors, f32 2.43 kB in 4 tensors") != std::string::npos);
}
