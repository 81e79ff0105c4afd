#include "core/model/huggingface/read_spec.h"

#include <cmath>

#include "core/model/huggingface/spec_parts.h"

namespace fovea {

namespace {

// sliding_window: the default where it is absent, 0 where it is null.
int windowOf(const ConfigFields& config) {
    if (config.isNull("sliding_window"))
        return 0;
    const int window = config.integer("sliding_window", 4096);
    if (window < 1)
        config.refuseValue("sliding_window", "null and numbers above 0 are");
    return window;
}

float softcapOf(const ConfigFields& config, const char* key, double fallback) {
    if (config.isNull(key))
        return 0;
    const double cap = config.number(key, fallback);
    if (config.has(key) && cap <= 0)
        config.refuseValue(key, "null and numbers above 0 are");
    return static_cast<float>(cap);
}

void readAttentionBias(const ConfigFields& config, ModelSpec& spec, bool fallback) {
    spec.projectionBias = spec.outputBias = config.flag("attention_bias", fallback);
}

// Qwen: a window is in every published config, and acts only where use_sliding_window says so.
void readQwenWindows(const ConfigFields& config, ModelSpec& spec) {
    const int window = windowOf(config), firstSliding = config.integer("max_window_layers", 28);
    const bool used = config.flag("use_sliding_window", false);
    readWindows(config, spec, used ? window : 0, [&](int layer) { return layer >= firstSliding; });
}

void readLayerNorms(const ConfigFields& config, ModelSpec& spec) {
    spec.norm = Norm::Layer;
    spec.normEpsilon = static_cast<float>(config.number("layer_norm_eps", 1e-5));
}

// All but RoPE and windows.
void readGemma(const ConfigFields& config, ModelSpec& spec) {
    readShape(config, spec);
    readHeads(config, spec, 256);
    spec.ffn = config.integer("intermediate_size");
    spec.normEpsilon = static_cast<float>(config.number("rms_norm_eps", 1e-6));
    spec.normShift = 1;
    spec.outputNorms = true;
    spec.tiedEmbedding = config.flag("tie_word_embeddings", true);
    spec.activation = readActivation(config, "hidden_activation", "gelu_pytorch_tanh");
    if (config.has("hidden_act") && readActivation(config, "hidden_act", "") != spec.activation)
        config.refuse("hidden_act and hidden_activation differ; copy the model's config.json again");
    readAttentionBias(config, spec, false);
    const double scalar = config.number("query_pre_attn_scalar", 256);
    if (scalar <= 0)
        config.refuseValue("query_pre_attn_scalar", "numbers above 0 are");
    spec.attentionScale = static_cast<float>(1 / std::sqrt(scalar));
    spec.embeddingScale = static_cast<float>(std::sqrt(static_cast<double>(spec.width)));
    config.only("use_bidirectional_attention", false);
}

} // namespace

void readLlama(const ConfigFields& config, ModelSpec& spec) {
    readShape(config, spec);
    readHeads(config, spec);
    readGatedBody(config, spec);
    readAttentionBias(config, spec, false);
    spec.ffnBias = config.flag("mlp_bias", false);
    readWholeRope(config, spec);
}

void readMistral(const ConfigFields& config, ModelSpec& spec) {
    readShape(config, spec);
    readHeads(config, spec);
    readGatedBody(config, spec);
    readWholeRope(config, spec);
    readWindows(config, spec, windowOf(config), [](int) { return true; });
}

void readQwen2(const ConfigFields& config, ModelSpec& spec) {
    readShape(config, spec);
    readHeads(config, spec);
    readGatedBody(config, spec);
    spec.projectionBias = true;
    readWholeRope(config, spec);
    readQwenWindows(config, spec);
}

void readQwen3(const ConfigFields& config, ModelSpec& spec) {
    readShape(config, spec);
    readHeads(config, spec, 128);
    readGatedBody(config, spec);
    spec.queryKeyNorm = true;
    readAttentionBias(config, spec, false);
    readWholeRope(config, spec);
    readQwenWindows(config, spec);
}

void readGptNeox(const ConfigFields& config, ModelSpec& spec) {
    readShape(config, spec);
    readPlainHeads(config, spec);
    readLayerNorms(config, spec);
    spec.ffn = config.integer("intermediate_size");
    spec.gated = false;
    spec.activation = readActivation(config, "hidden_act", "gelu");
    spec.ffnBias = true;
    spec.parallelResidual = config.flag("use_parallel_residual", true);
    spec.tiedEmbedding = config.flag("tie_word_embeddings", false);
    readAttentionBias(config, spec, true);
    const RopeFields rope = readRope(
        config, spec.context,
        {.theta = 10000, .rotated = config.number("rotary_pct", 0.25), .thetaKey = "rotary_emb_base"});
    useRope(rope, spec);
    const double rotated = std::floor(spec.headDim * rope.rotated);
    if (rotated < 2 || rotated > spec.headDim)
        config.refuseValue("rotary_pct", "shares of a head that leave a pair of components are");
    spec.rotaryDim = static_cast<int>(rotated);
}

void readOpt(const ConfigFields& config, ModelSpec& spec) {
    readShape(config, spec);
    readPlainHeads(config, spec);
    readLayerNorms(config, spec);
    spec.ffn = config.integer("ffn_dim");
    spec.gated = false;
    spec.activation = readActivation(config, "activation_function", "relu");
    spec.projectionBias = spec.outputBias = spec.ffnBias = config.flag("enable_bias", true);
    spec.learnedPositions = true;
    spec.tiedEmbedding = config.flag("tie_word_embeddings", true);
    config.only("do_layer_norm_before", true);
    config.only("_remove_final_layer_norm", false);
    config.only("layer_norm_elementwise_affine", true);
    config.only("word_embed_proj_dim", spec.width);
}

void readGemma2(const ConfigFields& config, ModelSpec& spec) {
    readGemma(config, spec);
    spec.attentionSoftcap = softcapOf(config, "attn_logit_softcapping", 50);
    spec.logitSoftcap = softcapOf(config, "final_logit_softcapping", 30);
    readWholeRope(config, spec);
    readWindows(config, spec, windowOf(config), [](int layer) { return layer % 2 == 0; });
}

void readGemma3(const ConfigFields& config, ModelSpec& spec) {
    readGemma(config, spec);
    spec.queryKeyNorm = true;
    spec.attentionSoftcap = softcapOf(config, "attn_logit_softcapping", 0);
    spec.logitSoftcap = softcapOf(config, "final_logit_softcapping", 0);
    const int pattern =
        config.integer("sliding_window_pattern", config.integer("_sliding_window_pattern", 6));
    if (pattern < 1)
        config.refuseValue("sliding_window_pattern", "numbers above 0 are");
    const LocalAndGlobal ropes = readLocalAndGlobalRope(config, spec.context);
    if (ropes.global.rotated != 1)
        config.refuse("partial_rotary_factor is not supported in this architecture; use a model without it");
    useRope(ropes.global, spec);
    readWindows(config, spec, windowOf(config), [&](int layer) { return (layer + 1) % pattern != 0; });
    for (LayerSpec& layer : spec.layerSpecs)
        if (layer.window > 0)
            layer.rope = ropes.local;
}

} // namespace fovea
