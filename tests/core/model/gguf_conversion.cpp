#include "gguf_conversion.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numbers>
#include <random>

#include "core/model/gguf_blocks.h"
#include "core/model/safetensors.h"

namespace fovea::test {

namespace {

using Json = nlohmann::json;

BlockType blocksOf(GgufType type) {
    switch (type) {
    case kQ4_0:
        return BlockType::Q4_0;
    case kQ4_1:
        return BlockType::Q4_1;
    case kQ5_0:
        return BlockType::Q5_0;
    case kQ5_1:
        return BlockType::Q5_1;
    case kQ8_0:
        return BlockType::Q8_0;
    case kQ2_K:
        return BlockType::Q2_K;
    case kQ3_K:
        return BlockType::Q3_K;
    case kQ4_K:
        return BlockType::Q4_K;
    case kQ5_K:
        return BlockType::Q5_K;
    case kQ6_K:
        return BlockType::Q6_K;
    default:
        return BlockType::None;
    }
}

// HF name of a layer's part, and GGUF's. Of each, only what the folder has is written.
constexpr std::pair<const char*, const char*> kLayerParts[] = {
    {"input_layernorm", "attn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"},
    {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
    {"pre_feedforward_layernorm", "ffn_norm"}, // Gemma's; else post_attention_layernorm, see below
    {"post_feedforward_layernorm", "post_ffw_norm"},
    {"attention.query_key_value", "attn_qkv"},
    {"attention.dense", "attn_output"},
    {"mlp.dense_h_to_4h", "ffn_up"},
    {"mlp.dense_4h_to_h", "ffn_down"},
};

class Conversion {
public:
    Conversion(const std::filesystem::path& folder, const ChooseType& choose)
        : m_config(Json::parse(std::ifstream(folder / "config.json"))),
          m_weights(folder / "model.safetensors"), m_choose(choose),
          m_type(m_config["model_type"].get<std::string>()) {
        m_gemma = m_type.starts_with("gemma");
        m_neox = m_type == "gpt_neox";
        m_arch = m_neox                    ? "gptneox"
                 : m_type == "gemma3_text" ? "gemma3"
                 : m_type == "mistral"     ? "llama"
                                           : m_type;
        m_heads = m_config["num_attention_heads"];
        m_kvHeads = m_config.value("num_key_value_heads", m_heads);
        m_headDim = m_config.value("head_dim", m_config["hidden_size"].get<int>() / m_heads);
    }

    GgufBytes run() {
        m_out.pair("general.architecture", m_arch);
        metadata();
        ropeMetadata();
        const char* names[][2] = {{"model.embed_tokens", "token_embd"},
                                  {"model.norm", "output_norm"},
                                  {"lm_head", "output"},
                                  {"gpt_neox.embed_in", "token_embd"},
                                  {"embed_out", "output"},
                                  {"gpt_neox.final_layer_norm", "output_norm"}};
        for (const auto& [from, to] : names)
            copy(from, to);
        const std::string prefix = m_neox ? "gpt_neox.layers." : "model.layers.";
        for (int layer = 0; layer < m_config["num_hidden_layers"].get<int>(); ++layer) {
            const std::string from = prefix + std::to_string(layer) + ".",
                              to = "blk." + std::to_string(layer) + ".";
            for (const auto& [hf, gguf] : kLayerParts)
                copy(from + hf, to + gguf);
            copy(from + "post_attention_layernorm", to + (m_gemma ? "post_attention_norm" : "ffn_norm"));
        }
        return m_out;
    }

private:
    void integer(const char* key, std::int64_t value) {
        m_out.pair(m_arch + "." + key, static_cast<std::uint32_t>(value));
    }
    void number(const char* key, double value) { m_out.pair(m_arch + "." + key, static_cast<float>(value)); }

    void metadata() {
        integer("block_count", m_config["num_hidden_layers"]);
        integer("context_length", m_config["max_position_embeddings"]);
        integer("embedding_length", m_config["hidden_size"]);
        integer("feed_forward_length", m_config["intermediate_size"]);
        integer("attention.head_count", m_heads);
        integer("attention.head_count_kv", m_kvHeads);
        integer("attention.key_length", m_headDim);
        integer("attention.value_length", m_headDim);
        integer("vocab_size", m_config["vocab_size"]);
        if (m_neox) {
            number("attention.layer_norm_epsilon", m_config["layer_norm_eps"]);
            m_out.pair("gptneox.use_parallel_residual", m_config["use_parallel_residual"].get<bool>());
        } else {
            number("attention.layer_norm_rms_epsilon", m_config["rms_norm_eps"]);
        }
        for (const char* key : {"attn_logit_softcapping", "final_logit_softcapping"})
            if (m_config.contains(key) && !m_config[key].is_null())
                number(key, m_config[key]);
        if (m_gemma || m_type == "mistral")
            integer("attention.sliding_window", m_config["sliding_window"]);
        if (m_config.contains("sliding_window_pattern"))
            integer("attention.sliding_window_pattern", m_config["sliding_window_pattern"]);
    }

    void ropeMetadata() {
        const double theta = m_config.value("rope_theta", m_config.value("rotary_emb_base", 10000.));
        const int rotated = static_cast<int>(m_headDim * m_config.value("rotary_pct", 1.));
        integer("rope.dimension_count", rotated);
        number("rope.freq_base", theta);
        if (!m_config.contains("rope_scaling") || m_config["rope_scaling"].is_null())
            return;
        const Json& scaling = m_config["rope_scaling"];
        const std::string type = scaling.contains("rope_type") ? scaling["rope_type"] : scaling["type"];
        if (type == "llama3") {
            factors(scaling, theta);
            return;
        }
        m_out.pair(m_arch + ".rope.scaling.type", type);
        number("rope.scaling.factor", scaling["factor"]);
        if (scaling.contains("original_max_position_embeddings"))
            integer("rope.scaling.original_context_length", scaling["original_max_position_embeddings"]);
    }

    void factors(const Json& scaling, double theta) {
        std::vector<float> out;
        const double factor = scaling["factor"], low = scaling["low_freq_factor"],
                     high = scaling["high_freq_factor"];
        const double context = scaling["original_max_position_embeddings"];
        for (int i = 0; i < m_headDim; i += 2) {
            const double wavelength =
                2 * std::numbers::pi * std::pow(theta, static_cast<double>(i) / m_headDim);
            const double smooth = (context / wavelength - low) / (high - low);
            out.push_back(static_cast<float>(wavelength < context / high ? 1
                                             : wavelength > context / low
                                                 ? factor
                                                 : 1 / ((1 - smooth) / factor + smooth)));
        }
        m_out.tensors.push_back({"rope_freqs.weight", {out.size()}, kF32, encodedAs(kF32, out), {}});
    }

    void copy(const std::string& from, const std::string& to) {
        for (const char* end : {".weight", ".bias"})
            if (m_weights.entries().contains(from + end))
                add(to + end, changed(to, end, m_weights.read(from + end).to(at::kFloat)));
    }

    // What a converter does to a tensor on its way.
    at::Tensor changed(const std::string& to, const std::string& end, at::Tensor w) const {
        if (m_arch == "llama" && (to.ends_with("attn_q") || to.ends_with("attn_k"))) {
            // Each head's two halves become pairs of neighbours.
            const int heads = to.ends_with("attn_q") ? m_heads : m_kvHeads;
            const auto shape = w.sizes().vec();
            return w.reshape({heads, 2, m_headDim / 2, -1}).transpose(1, 2).reshape(shape).contiguous();
        }
        if (to.ends_with("attn_qkv")) {
            // (H, 3, d, …) to (3, H, d, …)
            const auto shape = w.sizes().vec();
            return w.reshape({m_heads, 3, m_headDim, -1}).transpose(0, 1).reshape(shape).contiguous();
        }
        if (m_gemma && to.ends_with("norm"))
            w = w + 1;
        // The format cannot say query_pre_attn_scalar: it goes into what makes the queries.
        if (m_config.contains("query_pre_attn_scalar") && end == ".weight" &&
            (m_type == "gemma2" ? to.ends_with("attn_q") : to.ends_with("attn_q_norm")))
            w = w * std::sqrt(m_headDim / m_config["query_pre_attn_scalar"].get<double>());
        return w.contiguous();
    }

    void add(const std::string& name, const at::Tensor& w) {
        std::vector<std::uint64_t> shape;
        for (std::int64_t i = w.dim() - 1; i >= 0; --i)
            shape.push_back(static_cast<std::uint64_t>(w.size(i)));
        const GgufType type = w.dim() == 1 ? kF32 : m_choose(name, w.size(1));
        const std::vector<float> values(w.data_ptr<float>(), w.data_ptr<float>() + w.numel());
        m_out.tensors.push_back({name, shape, type, encodedAs(type, values), {}});
    }

    Json m_config;
    SafetensorsFile m_weights;
    const ChooseType& m_choose;
    std::string m_type, m_arch;
    bool m_gemma = false, m_neox = false;
    int m_heads = 0, m_kvHeads = 0, m_headDim = 0;
    GgufBytes m_out;
};

} // namespace

std::string encodedAs(GgufType type, const std::vector<float>& weights) {
    if (const BlockType blocks = blocksOf(type); blocks != BlockType::None) {
        std::string out(static_cast<std::size_t>(blockRowBytes(blocks, std::ssize(weights))), '\0');
        encodeBlocks(blocks, weights.data(), out.data(), std::ssize(weights));
        return out;
    }
    const at::Tensor values = at::tensor(weights).to(type == kF16    ? at::kHalf
                                                     : type == kBF16 ? at::kBFloat16
                                                                     : at::kFloat);
    return {static_cast<const char*>(values.data_ptr()), values.nbytes()};
}

GgufBytes randomGguf(const RandomGguf& shape, const ChooseType& choose) {
    GgufBytes out;
    std::mt19937 random(11);
    const auto add = [&](const std::string& name, int rows, int columns, float spread) {
        std::normal_distribution<float> normal(rows == 1 ? 1.f : 0.f, spread);
        std::vector<float> values(static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns));
        for (float& value : values)
            value = normal(random);
        const GgufType type = rows == 1 ? kF32 : choose(name, columns);
        std::vector<std::uint64_t> dimensions = {static_cast<std::uint64_t>(columns)};
        if (rows > 1)
            dimensions.push_back(static_cast<std::uint64_t>(rows));
        out.tensors.push_back({name, dimensions, type, encodedAs(type, values), {}});
    };
    const auto matrix = [&](const std::string& name, int rows, int columns) {
        add(name + ".weight", rows, columns, 1.5f / std::sqrt(static_cast<float>(columns)));
    };
    const auto number = [&](const char* key, int value) {
        out.pair(std::string("llama.") + key, static_cast<std::uint32_t>(value));
    };
    const int D = shape.width, F = shape.ffn, kv = D / shape.queryHeads * shape.kvHeads;
    out.pair("general.architecture", "llama");
    number("block_count", shape.layers);
    number("context_length", shape.context);
    number("embedding_length", D);
    number("feed_forward_length", F);
    number("attention.head_count", shape.queryHeads);
    number("attention.head_count_kv", shape.kvHeads);
    out.pair("llama.attention.layer_norm_rms_epsilon", 1e-5f).pair("llama.rope.freq_base", 10000.f);
    matrix("token_embd", shape.vocabulary, D);
    add("output_norm.weight", 1, D, .1f);
    if (!shape.tied)
        matrix("output", shape.vocabulary, D);
    for (int layer = 0; layer < shape.layers; ++layer) {
        const std::string to = "blk." + std::to_string(layer) + ".";
        add(to + "attn_norm.weight", 1, D, .1f);
        add(to + "ffn_norm.weight", 1, D, .1f);
        matrix(to + "attn_q", D, D);
        matrix(to + "attn_k", kv, D);
        matrix(to + "attn_v", kv, D);
        matrix(to + "attn_output", D, D);
        matrix(to + "ffn_gate", F, D);
        matrix(to + "ffn_up", F, D);
        matrix(to + "ffn_down", D, F);
    }
    return out;
}

GgufBytes asGguf(const std::filesystem::path& folder, const ChooseType& choose) {
    return Conversion(folder, choose).run();
}

} // namespace fovea::test
