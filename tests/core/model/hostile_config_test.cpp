// config.json: fields that lie, and fields that ask for other mathematics.

#include <filesystem>

#include "hostile.h"
#include "small_checkpoint.h"

using namespace fovea;
using test::Hostile;
using test::refused;
using test::set;
using test::without;
using Json = nlohmann::ordered_json;

namespace {

// A copy of a golden checkpoint, to be spoilt.
class GoldenCopy {
public:
    explicit GoldenCopy(const char* name) {
        const auto from = std::filesystem::path(FOVEA_SOURCE_DIR) / "tests/golden/checkpoints" / name;
        std::filesystem::copy(from, m_scratch.path() / name);
        m_folder = m_scratch.path() / name;
        m_config = test::readAll(m_folder / "config.json");
    }
    void accepts(const char* what, const std::function<std::string(const std::string&)>& change) {
        INFO(what);
        test::writeAll(m_folder / "config.json", change(m_config));
        CHECK_NOTHROW(loadModel(m_folder));
    }
    void refuses(const char* what, const char* expected,
                 const std::function<std::string(const std::string&)>& change) {
        test::writeAll(m_folder / "config.json", change(m_config));
        refused(what, m_folder / "config.json", expected, [&] { loadModel(m_folder); });
    }

private:
    test::ScratchFolder m_scratch;
    std::filesystem::path m_folder;
    std::string m_config;
};

auto ropeScaling(Json value) {
    return set("rope_scaling", std::move(value));
}

} // namespace

TEST_CASE("A config.json that lies, or asks for other mathematics, is refused in one line", "[core.model]") {
    const std::vector<Hostile> cases = {
        {"empty", "not a JSON object", [](auto&) { return std::string(); }},
        {"truncated", "not a JSON object", [](auto& f) { return f.substr(0, f.size() / 2); }},
        {"a list", "not a JSON object", [](auto&) { return std::string("[]"); }},
        {"another architecture", "GPT2LMHeadModel", set("architectures", {"GPT2LMHeadModel"})},
        {"two architectures", "not supported",
         set("architectures", {"LlamaForCausalLM", "MistralForCausalLM"})},
        {"no architecture", "(none)", without("architectures")},
        {"another model type", "model_type", set("model_type", "mistral")},
        {"another activation", "hidden_act", set("hidden_act", "quick_gelu")},
        {"activation a number", "hidden_act", set("hidden_act", 3)},
        {"attention bias as text", "attention_bias", set("attention_bias", "yes")},
        {"part of a head turned", "partial_rotary_factor", set("partial_rotary_factor", 0.5)},
        {"no width", "hidden_size", without("hidden_size")},
        {"width as text", "hidden_size", set("hidden_size", "32")},
        {"zero layers", "layers of 0", set("num_hidden_layers", 0)},
        {"negative heads", "query heads of -4", set("num_attention_heads", -4)},
        {"negative KV heads", "KV heads of -2", set("num_key_value_heads", -2)},
        {"KV heads that do not divide", "cannot share", set("num_key_value_heads", 3)},
        {"width beyond an int", "makes no sense", set("hidden_size", std::uint64_t{1} << 40)},
        {"layers that would not fit memory", "make sense", set("num_hidden_layers", 2000000000)},
        {"vocabulary that would not fit memory", "make sense", set("vocab_size", 2147483647)},
        {"odd head width", "RoPE", set("head_dim", 7)},
        {"epsilon zero", "epsilon", set("rms_norm_eps", 0.0)},
        {"epsilon beyond float", "epsilon", set("rms_norm_eps", 1e300)},
        {"theta negative", "RoPE base", set("rope_theta", -5.0)},
        {"theta as text", "rope_theta", set("rope_theta", "big")},
        {"tie as text", "tie_word_embeddings", set("tie_word_embeddings", "yes")},
        {"context zero", "context of 0", set("max_position_embeddings", 0)},
    };
    const test::ScratchFolder scratch;
    test::writeSmallFolder(scratch.path());
    const auto file = scratch.path() / "config.json";
    const std::string valid = test::readAll(file);
    for (const Hostile& c : cases) {
        test::writeAll(file, c.spoil(valid));
        refused(c.what, file, c.expected, [&] { loadModel(scratch.path()); });
    }
    // What the weights contradict is told of the weights.
    test::writeAll(file, set("num_hidden_layers", 3)(valid));
    refused("a layer too many", "model.safetensors", "layers.2", [&] { loadModel(scratch.path()); });
    test::writeAll(file, set("num_hidden_layers", 1)(valid));
    refused("a layer too few", "model.safetensors", "not part of the model",
            [&] { loadModel(scratch.path()); });
    test::writeAll(file, set("intermediate_size", 64)(valid));
    refused("another FFN", "model.safetensors", "where config.json says", [&] { loadModel(scratch.path()); });
    test::writeAll(file, set("tie_word_embeddings", false)(valid));
    refused("a head that is not there", "model.safetensors", "lm_head", [&] { loadModel(scratch.path()); });
}

TEST_CASE("An unknown architecture is refused with the known ones", "[core.model]") {
    GoldenCopy("llama").refuses("falcon", "LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM",
                                set("architectures", {"FalconForCausalLM"}));
    GoldenCopy("llama").refuses("a name with a newline", "'Llama?ForCausalLM'",
                                set("architectures", {"Llama\nForCausalLM"}));
    GoldenCopy("llama").refuses("no list", "architectures", set("architectures", "LlamaForCausalLM"));
    GoldenCopy("llama").refuses("numbers", "architectures", set("architectures", {1}));
}

TEST_CASE("Fields nobody asked for are refused where they may change the mathematics", "[core.model]") {
    GoldenCopy llama("llama");
    const char* const unknown[] = {"sliding_window",
                                   "quantization_config",
                                   "attn_logit_softcapping",
                                   "residual_multiplier",
                                   "num_local_experts",
                                   "layer_types",
                                   "query_pre_attn_scalar",
                                   "alibi",
                                   "no_rope_layers",
                                   "clip_qkv",
                                   "logit_scale",
                                   "use_bidirectional_attention"};
    for (const char* key : unknown)
        llama.refuses(key, key, set(key, 7));
    llama.refuses("quantisation", "quantization_config",
                  set("quantization_config", {{"quant_method", "gptq"}}));
    llama.refuses("a long value", "…", set("embedding_multiplier", std::string(1000, 'x')));
    // What is off, and what has nothing to do with it.
    llama.accepts("off", set("attn_logit_softcapping", nullptr));
    llama.accepts("off", set("use_qk_norm", false));
    llama.accepts("none", set("num_local_experts", 0));
    llama.accepts("training", set("attention_dropout", 0.1));
    llama.accepts("training", set("initializer_range", 0.02));
    llama.accepts("told by a program", set("transformers_version", "4.57.6"));
    llama.accepts("told by a program", set("_attn_implementation", "eager"));
}

TEST_CASE("RoPE scaling is understood whole or refused by its name", "[core.model]") {
    GoldenCopy llama("llama");
    llama.accepts("none", ropeScaling(nullptr));
    llama.accepts("default", ropeScaling({{"rope_type", "default"}}));
    llama.accepts("linear", ropeScaling({{"type", "linear"}, {"factor", 2.0}}));
    llama.refuses("unknown", "longrope", ropeScaling({{"rope_type", "longrope"}, {"factor", 2.0}}));
    llama.refuses("two types", "rope_scaling.type",
                  ropeScaling({{"rope_type", "linear"}, {"type", "yarn"}, {"factor", 2}}));
    llama.refuses("no object", "rope_scaling", ropeScaling("linear"));
    llama.refuses("no factor", "rope_scaling.factor", ropeScaling({{"rope_type", "linear"}}));
    llama.refuses("factor below 1", "rope_scaling.factor",
                  ropeScaling({{"rope_type", "linear"}, {"factor", 0.5}}));
    llama.refuses("factor as text", "rope_scaling.factor",
                  ropeScaling({{"rope_type", "linear"}, {"factor", "2"}}));
    llama.refuses("more than linear", "long_factor",
                  ropeScaling({{"rope_type", "linear"}, {"factor", 2.0}, {"long_factor", {1.0, 2.0}}}));
    llama.refuses(
        "another original context", "original_max_position_embeddings",
        ropeScaling({{"rope_type", "dynamic"}, {"factor", 2.0}, {"original_max_position_embeddings", 7}}));
    const Json llama3 = {{"rope_type", "llama3"},
                         {"factor", 8.0},
                         {"low_freq_factor", 1.0},
                         {"high_freq_factor", 4.0},
                         {"original_max_position_embeddings", 32}};
    llama.accepts("llama3", ropeScaling(llama3));
    for (const auto& [key, value] : llama3.items()) {
        Json less = llama3;
        less.erase(key);
        llama.refuses(key.c_str(), key == "rope_type" ? "is not understood" : key.c_str(), ropeScaling(less));
    }
    Json crossed = llama3;
    crossed["low_freq_factor"] = 9.0;
    llama.refuses("frequencies crossed", "low_freq_factor", ropeScaling(crossed));
    Json yarn = {{"rope_type", "yarn"}, {"factor", 4.0}, {"beta_fast", 0.0}};
    llama.refuses("no fast frequency", "beta_fast", ropeScaling(yarn));
    yarn["beta_fast"] = 32;
    yarn["attention_factor"] = -1;
    llama.refuses("negative attention factor", "RoPE scaling", ropeScaling(yarn));
    llama.refuses("both forms", "rope_parameters and rope_scaling", [&](const std::string& file) {
        return set("rope_parameters", llama3)(ropeScaling(llama3)(file));
    });
    llama.refuses("unknown in the newer form", "rope_parameters.rope_type",
                  set("rope_parameters", {{"rope_type", "su"}, {"factor", 2.0}}));
}

TEST_CASE("Each architecture refuses what it does not support by its name", "[core.model]") {
    GoldenCopy opt("opt");
    opt.refuses("OPT 350m", "do_layer_norm_before", set("do_layer_norm_before", false));
    opt.refuses("OPT 350m", "word_embed_proj_dim", set("word_embed_proj_dim", 16));
    opt.refuses("no last norm", "_remove_final_layer_norm", set("_remove_final_layer_norm", true));
    opt.refuses("norms without gains", "layer_norm_elementwise_affine",
                set("layer_norm_elementwise_affine", false));
    opt.refuses("unknown activation", "activation_function", set("activation_function", "mish"));

    GoldenCopy neox("gpt_neox");
    neox.refuses("nothing turns", "rotary_pct", set("rotary_pct", 0.0));
    neox.refuses("more than a head turns", "rotary_pct", set("rotary_pct", 2.0));
    neox.refuses("an odd part turns", "rotate", set("rotary_pct", 0.2));
    neox.refuses("shared KV heads", "num_key_value_heads", set("num_key_value_heads", 1));

    GoldenCopy mistral("mistral");
    mistral.refuses("no window", "sliding_window", set("sliding_window", 0));
    mistral.refuses("window of all sizes", "layer_types",
                    set("layer_types", {"sliding_attention", "chunked_attention"}));
    mistral.refuses("layers left out", "layer_types", set("layer_types", {"sliding_attention"}));
    mistral.accepts("some layers", set("layer_types", {"full_attention", "sliding_attention"}));

    GoldenCopy gemma2("gemma2");
    gemma2.refuses("soft-cap of 0", "attn_logit_softcapping", set("attn_logit_softcapping", 0.0));
    gemma2.refuses("soft-cap as text", "final_logit_softcapping", set("final_logit_softcapping", "30"));
    gemma2.refuses("scale of 0", "query_pre_attn_scalar", set("query_pre_attn_scalar", 0));
    gemma2.refuses("two activations", "hidden_act and hidden_activation", set("hidden_act", "silu"));
    gemma2.accepts("no soft-cap", set("attn_logit_softcapping", nullptr));

    GoldenCopy gemma3("gemma3");
    gemma3.refuses("both directions", "use_bidirectional_attention",
                   set("use_bidirectional_attention", true));
    gemma3.refuses("no pattern", "sliding_window_pattern", set("sliding_window_pattern", 0));
    gemma3.refuses("local base", "RoPE base", set("rope_local_base_freq", 0.5));

    GoldenCopy qwen("qwen2");
    qwen.refuses("mrope", "use_mrope", set("use_mrope", true));
    qwen.refuses("a sliding layer without a window", "layer_types",
                 set("layer_types", {"full_attention", "sliding_attention"}));
}
