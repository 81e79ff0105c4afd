#include "core/model/huggingface_config.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "core/model/checked_file.h"
#include "core/model/model.h"
#include "core/model/shape_limits.h"

namespace fovea {

namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kLargestConfig = 1 << 20;

class Config {
public:
    explicit Config(const std::filesystem::path& file)
        : m_file(file),
          m_json(Json::parse(readFile(file, kLargestConfig), nullptr, /*allow_exceptions=*/false)) {
        if (!m_json.is_object())
            refuse("not a JSON object; copy the model's config.json again");
    }

    [[noreturn]] void refuse(const std::string& what) const {
        throw CheckpointError(m_file.string() + ": " + what);
    }

    bool has(const char* key) const { return m_json.contains(key) && !m_json[key].is_null(); }
    const Json& operator[](const char* key) const { return m_json[key]; }

    int integer(const char* key) const {
        if (!has(key) || !m_json[key].is_number_integer())
            refuse(std::string(key) + " is missing or no whole number; copy the model's config.json again");
        const bool fits = m_json[key].is_number_unsigned()
                              ? m_json[key].get<std::uint64_t>() <= std::numeric_limits<int>::max()
                              : m_json[key].get<std::int64_t>() >= std::numeric_limits<int>::min();
        if (!fits)
            refuse(std::string(key) + " of " + m_json[key].dump() +
                   " makes no sense; copy the model's config.json again");
        return m_json[key].get<int>();
    }
    int integer(const char* key, int fallback) const { return has(key) ? integer(key) : fallback; }

    float number(const Json& json, const char* key, float fallback) const {
        if (!json.contains(key) || json[key].is_null())
            return fallback;
        if (!json[key].is_number())
            refuse(std::string(key) + " is no number; copy the model's config.json again");
        return json[key].get<float>();
    }
    float number(const char* key, float fallback) const { return number(m_json, key, fallback); }

    bool flag(const char* key, bool fallback) const {
        if (!has(key))
            return fallback;
        if (!m_json[key].is_boolean())
            refuse(std::string(key) + " is neither true nor false; copy the model's config.json again");
        return m_json[key].get<bool>();
    }

private:
    const std::filesystem::path& m_file;
    Json m_json;
};

// A word from the file, short enough for an error of one line.
std::string shown(const Json& json) {
    const std::string text = json.dump(-1, ' ', true, Json::error_handler_t::replace);
    return text.size() > 60 ? text.substr(0, 60) + "…" : text;
}

void refuseUnsupported(const Config& config) {
    const auto only = [&](const char* key, const Json& supported) {
        if (config.has(key) && config[key] != supported)
            config.refuse(std::string(key) + " " + shown(config[key]) + " is not supported; only " +
                          supported.dump() + " is");
    };
    if (!config.has("architectures") || config["architectures"] != Json::array({"LlamaForCausalLM"}))
        config.refuse("architecture " +
                      (config.has("architectures") ? shown(config["architectures"]) : "(none)") +
                      " is not supported; only LlamaForCausalLM is");
    only("model_type", "llama");
    only("hidden_act", "silu");
    only("attention_bias", false);
    only("mlp_bias", false);
    only("partial_rotary_factor", 1.0);
    for (const char* key : {"rope_scaling", "sliding_window", "quantization_config"})
        if (config.has(key))
            config.refuse(std::string(key) + " is not supported; use a model without it");
}

// rope_theta stands alone or, in newer folders, inside rope_parameters.
float ropeTheta(const Config& config) {
    if (!config.has("rope_parameters"))
        return config.number("rope_theta", 10000.f);
    const Json& rope = config["rope_parameters"];
    if (!rope.is_object() || rope.value("rope_type", Json("default")) != "default")
        config.refuse("rope_parameters " + shown(rope) + " is not supported; only rope_type \"default\" is");
    return config.number(rope, "rope_theta", config.number("rope_theta", 10000.f));
}

} // namespace

ModelSpec readHuggingFaceConfig(const std::filesystem::path& file) {
    const Config config(file);
    refuseUnsupported(config);
    ModelSpec spec;
    const auto folder = std::filesystem::weakly_canonical(file).parent_path();
    spec.name = folder.filename().string();
    spec.architecture = "llama";
    spec.layers = config.integer("num_hidden_layers");
    spec.width = config.integer("hidden_size");
    spec.queryHeads = config.integer("num_attention_heads");
    spec.kvHeads = config.integer("num_key_value_heads", spec.queryHeads);
    const bool divides = spec.queryHeads > 0 && spec.width % spec.queryHeads == 0;
    if (!config.has("head_dim") && !divides)
        config.refuse(
            "hidden_size is no multiple of num_attention_heads; copy the model's config.json again");
    spec.headDim = config.integer("head_dim", divides ? spec.width / spec.queryHeads : 0);
    spec.ffn = config.integer("intermediate_size");
    spec.vocabulary = config.integer("vocab_size");
    spec.context = config.integer("max_position_embeddings");
    spec.rope.theta = ropeTheta(config);
    spec.normEpsilon = config.number("rms_norm_eps", 1e-6f);
    spec.tiedEmbedding = config.flag("tie_word_embeddings", false);
    if (const auto wrong = shapeRefusal(spec))
        config.refuse(*wrong + "; copy the model's config.json again");
    return spec;
}

} // namespace fovea
