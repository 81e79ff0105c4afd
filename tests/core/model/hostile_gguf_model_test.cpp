// Whole GGUF containers that are no model Fovea can run. Each is a small valid one, changed in one place, and
// must be refused in one line that names what.

#include <cmath>
#include <limits>

#include "core/model/model.h"
#include "gguf_conversion.h"
#include "tests/support/temporary_folder.h"

// After everything of libtorch, whose logging defines a CHECK of its own.
#include <catch2/catch.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

using T = GgufValueType;

GgufBytes valid() {
    return randomGguf({.layers = 2, .width = 32, .queryHeads = 4, .kvHeads = 2, .ffn = 40, .vocabulary = 16},
                      [](const std::string&, std::int64_t) { return kF32; });
}

void refused(const std::string& what, const std::string& expected, const GgufBytes& bytes) {
    const TemporaryFolder folder;
    const std::filesystem::path path = folder / "broken.gguf";
    putContent(path, bytes.whole());
    INFO(what);
    try {
        loadModel(path);
        FAIL_CHECK("accepted");
    } catch (const CheckpointError& error) {
        const std::string line = error.what();
        INFO(line);
        CHECK(line.find('\n') == std::string::npos);
        CHECK(line.starts_with(path.string() + ": "));
        CHECK(line.find(expected) != std::string::npos);
        CHECK(line.size() < 400);
    }
}

struct Case {
    const char* what;
    const char* expected;
    void (*spoil)(GgufBytes& file);
};

void set(GgufBytes& file, const char* key, std::uint32_t value) {
    file.without(key).pair(key, value);
}
void setNumber(GgufBytes& file, const char* key, float value) {
    file.without(key).pair(key, value);
}
void addTensor(GgufBytes& file, const char* name, std::vector<std::uint64_t> shape,
               const std::vector<float>& values) {
    file.tensors.push_back({name, std::move(shape), kF32, encodedAs(kF32, values), {}});
}

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

const Case kCases[] = {
    {"no architecture", "'general.architecture' is missing",
     [](GgufBytes& f) { f.without("general.architecture"); }},
    {"an architecture in numbers", "'general.architecture' is missing",
     [](GgufBytes& f) { set(f, "general.architecture", 3); }},
    {"an unknown architecture", "'mamba' is not supported; llama, qwen2, qwen3, gemma2, gemma3, gptneox are",
     [](GgufBytes& f) { f.without("general.architecture").pair("general.architecture", "mamba"); }},
    {"an adapter", "'general.type'", [](GgufBytes& f) { f.pair("general.type", "adapter"); }},
    {"a part of a model", "'split.count'",
     [](GgufBytes& f) { f.pair("split.count", T::Uint16, rawBytes(std::uint16_t{3})); }},
    {"no layers", "layers of 0", [](GgufBytes& f) { set(f, "llama.block_count", 0); }},
    {"more layers than there are", "'blk.2.attn_norm.weight' is missing",
     [](GgufBytes& f) { set(f, "llama.block_count", 3); }},
    {"fewer layers than there are", "'blk.1.", [](GgufBytes& f) { set(f, "llama.block_count", 1); }},
    {"more layers than make sense", "layers of 5000",
     [](GgufBytes& f) { set(f, "llama.block_count", 5000); }},
    {"layers in letters", "'llama.block_count' is no whole number",
     [](GgufBytes& f) { f.without("llama.block_count").pair("llama.block_count", "2"); }},
    {"layers below zero", "'llama.block_count' is no whole number",
     [](GgufBytes& f) { f.without("llama.block_count").pair("llama.block_count", T::Int32, rawBytes(-2)); }},
    {"layers beyond an int", "'llama.block_count' is no whole number",
     [](GgufBytes& f) { set(f, "llama.block_count", 0x80000000u); }},
    {"a width of blocks' own", "where the metadata say",
     [](GgufBytes& f) { set(f, "llama.embedding_length", 64); }},
    {"no heads", "'llama.attention.head_count'",
     [](GgufBytes& f) { set(f, "llama.attention.head_count", 0); }},
    {"heads that do not divide the width", "does not divide",
     [](GgufBytes& f) { set(f, "llama.attention.head_count", 3); }},
    {"KV heads that do not divide the heads", "cannot share",
     [](GgufBytes& f) { set(f, "llama.attention.head_count_kv", 3); }},
    {"heads that differ by layer", "differs from layer to layer",
     [](GgufBytes& f) {
         f.without("llama.attention.head_count_kv");
         f.array("llama.attention.head_count_kv", T::Uint32, 2, rawBytes(1u) + rawBytes(2u));
     }},
    {"heads that differ by no layer", "is no whole number",
     [](GgufBytes& f) {
         f.without("llama.attention.head_count_kv").array("llama.attention.head_count_kv", T::Uint32, 0, "");
     }},
    {"values of another width than keys", "'llama.attention.value_length' is 4; only 8",
     [](GgufBytes& f) { f.pair("llama.attention.value_length", 4u); }},
    {"another vocabulary than the embedding's", "'llama.vocab_size' is 17; only 16",
     [](GgufBytes& f) { f.pair("llama.vocab_size", 17u); }},
    {"another vocabulary than the tokenizer's", "has 1 tokens for an embedding of 16",
     [](GgufBytes& f) { f.array("tokenizer.ggml.tokens", {"a"}); }},
    {"experts", "'llama.expert_count' is 8; only 0", [](GgufBytes& f) { f.pair("llama.expert_count", 8u); }},
    {"attention to both sides", "'llama.attention.causal'",
     [](GgufBytes& f) { f.pair("llama.attention.causal", false); }},
    {"an unknown key of the architecture", "'llama.attention.clamp_kqv' is not understood",
     [](GgufBytes& f) { f.pair("llama.attention.clamp_kqv", 8.f); }},
    {"no context", "context of 0", [](GgufBytes& f) { set(f, "llama.context_length", 0); }},
    {"a norm epsilon of 0", "norm epsilon",
     [](GgufBytes& f) { setNumber(f, "llama.attention.layer_norm_rms_epsilon", 0); }},
    {"a norm epsilon of NaN", "is no finite number",
     [](GgufBytes& f) { setNumber(f, "llama.attention.layer_norm_rms_epsilon", kNaN); }},
    {"a RoPE base of 0", "RoPE base", [](GgufBytes& f) { setNumber(f, "llama.rope.freq_base", 0); }},
    {"an odd share of RoPE", "'llama.rope.dimension_count'",
     [](GgufBytes& f) { f.pair("llama.rope.dimension_count", 7u); }},
    {"more RoPE than a head", "'llama.rope.dimension_count'",
     [](GgufBytes& f) { f.pair("llama.rope.dimension_count", 10u); }},
    {"a RoPE scaling that is not known", "is 'longrope'; none, linear and yarn",
     [](GgufBytes& f) { f.pair("llama.rope.scaling.type", "longrope"); }},
    {"a RoPE scaling of 0", "'llama.rope.scaling.factor' is not above 0",
     [](GgufBytes& f) { f.pair("llama.rope.scaling.factor", 0.f); }},
    {"half a YaRN", "'llama.rope.scaling.yarn_ext_factor' is 0.5; only 1",
     [](GgufBytes& f) {
         f.pair("llama.rope.scaling.type", "yarn").pair("llama.rope.scaling.yarn_ext_factor", .5f);
     }},
    {"RoPE factors of no Llama 3", "not those of a Llama 3",
     [](GgufBytes& f) {
         addTensor(f, "rope_freqs.weight", {4}, {1, 2, 3, 5});
     }},
    {"RoPE factors that are no numbers", "not those of a Llama 3",
     [](GgufBytes& f) {
         addTensor(f, "rope_freqs.weight", {4}, {1, kNaN, 8, 8});
     }},
    {"RoPE factors of another width", "is not 4 numbers",
     [](GgufBytes& f) {
         addTensor(f, "rope_freqs.weight", {5}, {1, 1, 8, 8, 8});
     }},
    {"a window's pattern for other layers", "one bool for each layer",
     [](GgufBytes& f) {
         f.pair("llama.attention.sliding_window", 8u);
         f.array("llama.attention.sliding_window_pattern", T::Bool, 3, std::string("\1\0\1", 3));
     }},
    {"another order of rows", "'llama.tensor_data_layout'",
     [](GgufBytes& f) { f.pair("llama.tensor_data_layout", "other"); }},
    {"no embedding", "'token_embd.weight' is missing",
     [](GgufBytes& f) { f.tensor("token_embd.weight").name = "x"; }},
    {"an embedding that is a vector", "'token_embd.weight' is missing or no matrix",
     [](GgufBytes& f) { f.tensor("token_embd.weight").shape = {512}; }},
    {"a tensor too few", "'blk.1.ffn_up.weight' is missing",
     [](GgufBytes& f) {
         f.tensors.erase(&f.tensor("blk.1.ffn_up.weight") - f.tensors.data() + f.tensors.begin());
     }},
    {"a tensor too many", "'blk.0.ffn_gate_inp.weight' is not part",
     [](GgufBytes& f) {
         addTensor(f, "blk.0.ffn_gate_inp.weight", {2}, {0, 0});
     }},
    {"a tensor of another shape", "'blk.1.ffn_down.weight' is 40x32 where the metadata say 32x40",
     [](GgufBytes& f) {
         f.tensor("blk.1.ffn_down.weight").shape = {32, 40};
     }},
    {"a norm of another length", "'output_norm.weight' is 16 where",
     [](GgufBytes& f) { f.tensor("output_norm.weight").shape = {16}; }},
    {"a norm of blocks", "'output_norm.weight' is of blocks",
     [](GgufBytes& f) { f.tensor("output_norm.weight").type = kQ8_0; }},
    {"a bias of the query alone", "'blk.0.attn_k.bias' is missing",
     [](GgufBytes& f) { addTensor(f, "blk.0.attn_q.bias", {32}, std::vector<float>(32)); }},
    {"a bias in the other layer alone", "'blk.1.attn_q.bias' is not part",
     [](GgufBytes& f) { addTensor(f, "blk.1.attn_q.bias", {32}, std::vector<float>(32)); }},
};

} // namespace

TEST_CASE("The GGUF model that the broken ones are made from loads", "[core.gguf]") {
    const TemporaryFolder folder;
    putContent(folder / "blob", valid().whole()); // by its first bytes, not its name
    const auto model = loadModel(folder / "blob");
    CHECK(model->spec.name == "blob");
    CHECK(model->spec.headDim == 8);
    CHECK(model->spec.vocabulary == 16);
}

TEST_CASE("A GGUF model that cannot be run is refused in one line", "[core.gguf]") {
    for (const Case& broken : kCases) {
        GgufBytes file = valid();
        broken.spoil(file);
        refused(broken.what, broken.expected, file);
    }
}

TEST_CASE("A GGUF model lacks no key unnoticed", "[core.gguf]") {
    for (const char* key : {"block_count", "context_length", "embedding_length", "feed_forward_length",
                            "attention.head_count", "attention.layer_norm_rms_epsilon"}) {
        GgufBytes file = valid();
        file.without(std::string("llama.") + key);
        refused(key, "'llama." + std::string(key) + "' is missing", file);
    }
}

TEST_CASE("A Gemma 2 file from before its windows and caps is refused", "[core.gguf]") {
    const auto folder = std::filesystem::path(FOVEA_SOURCE_DIR) / "tests/golden/checkpoints/gemma2";
    for (const char* key :
         {"attention.sliding_window", "attn_logit_softcapping", "final_logit_softcapping"}) {
        GgufBytes file = asGguf(folder, [](const std::string&, std::int64_t) { return kF32; });
        file.without(std::string("gemma2.") + key);
        refused(key, "'gemma2." + std::string(key) + "' is missing", file);
    }
}
