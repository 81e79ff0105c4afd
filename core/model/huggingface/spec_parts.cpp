#include "core/model/huggingface/spec_parts.h"

#include <algorithm>

namespace fovea {

void readShape(const ConfigFields& config, ModelSpec& spec) {
    spec.layers = config.integer("num_hidden_layers");
    spec.width = config.integer("hidden_size");
    spec.queryHeads = config.integer("num_attention_heads");
    spec.vocabulary = config.integer("vocab_size");
    spec.context = config.integer("max_position_embeddings");
}

void readHeads(const ConfigFields& config, ModelSpec& spec, int ownHeadDim) {
    spec.kvHeads = config.integer("num_key_value_heads", spec.queryHeads);
    const bool divides = spec.queryHeads > 0 && spec.width % spec.queryHeads == 0;
    if (!config.has("head_dim") && ownHeadDim == 0 && !divides)
        config.refuse(
            "hidden_size is no multiple of num_attention_heads; copy the model's config.json again");
    spec.headDim = config.integer("head_dim", ownHeadDim > 0 ? ownHeadDim
                                              : divides      ? spec.width / spec.queryHeads
                                                             : 0);
}

void readPlainHeads(const ConfigFields& config, ModelSpec& spec) {
    spec.kvHeads = spec.queryHeads;
    if (spec.queryHeads <= 0 || spec.width % spec.queryHeads != 0)
        config.refuse(
            "hidden_size is no multiple of num_attention_heads; copy the model's config.json again");
    spec.headDim = spec.width / spec.queryHeads;
    config.only("num_key_value_heads", spec.kvHeads);
    config.only("head_dim", spec.headDim);
}

Activation readActivation(const ConfigFields& config, const char* key, const char* fallback) {
    const std::string name = config.word(key, fallback);
    if (name == "silu" || name == "swish")
        return Activation::Silu;
    if (name == "gelu")
        return Activation::Gelu;
    if (name == "gelu_pytorch_tanh" || name == "gelu_new" || name == "gelu_fast")
        return Activation::GeluTanh;
    if (name == "relu")
        return Activation::Relu;
    config.refuseValue(key, "silu, gelu, gelu_pytorch_tanh, gelu_new, gelu_fast and relu are");
}

void readGatedBody(const ConfigFields& config, ModelSpec& spec) {
    spec.ffn = config.integer("intermediate_size");
    spec.normEpsilon = static_cast<float>(config.number("rms_norm_eps", 1e-6));
    spec.tiedEmbedding = config.flag("tie_word_embeddings", false);
    spec.activation = readActivation(config, "hidden_act", "silu");
}

void useRope(const RopeFields& found, ModelSpec& spec) {
    spec.rope = found.rope;
    if (found.context > spec.context)
        spec.context = static_cast<int>(std::min(found.context, 1e9));
}

void readWholeRope(const ConfigFields& config, ModelSpec& spec, const RopeDefaults& defaults) {
    const RopeFields found = readRope(config, spec.context, defaults);
    config.only("partial_rotary_factor", 1.0);
    if (found.rotated != 1)
        config.refuse("partial_rotary_factor is not supported in this architecture; use a model without it");
    useRope(found, spec);
}

void readWindows(const ConfigFields& config, ModelSpec& spec, int window,
                 const std::function<bool(int layer)>& slides) {
    std::vector<bool> sliding;
    if (config.has("layer_types")) {
        for (const std::string& type : config.words("layer_types")) {
            if (type != "full_attention" && type != "sliding_attention")
                config.refuseValue("layer_types", "\"full_attention\" and \"sliding_attention\" are");
            sliding.push_back(type == "sliding_attention");
        }
        if (std::ssize(sliding) != spec.layers)
            config.refuse("layer_types names " + std::to_string(sliding.size()) + " layers of " +
                          std::to_string(spec.layers) + "; copy the model's config.json again");
    } else {
        // A hostile number of layers is refused later, by shapeRefusal.
        for (int layer = 0; layer < std::min(spec.layers, 1 << 16); ++layer)
            sliding.push_back(window > 0 && slides(layer));
    }
    if (std::find(sliding.begin(), sliding.end(), true) == sliding.end())
        return;
    if (window < 1)
        config.refuse(
            "layer_types with a sliding window, and no sliding_window above 0; copy the model's config.json "
            "again");
    spec.layerSpecs.assign(sliding.size(), LayerSpec{0, spec.rope});
    for (std::size_t layer = 0; layer < sliding.size(); ++layer)
        spec.layerSpecs[layer].window = sliding[layer] ? window : 0;
}

} // namespace fovea
