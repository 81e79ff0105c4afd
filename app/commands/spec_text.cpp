#include "app/commands/spec_text.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "core/model/model_spec.h"

namespace fovea {

namespace {

using Json = nlohmann::ordered_json;

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.7g", value);
    return text;
}

const char* kindName(RopeScaling::Kind kind) {
    switch (kind) {
    case RopeScaling::Kind::None:
        return "none";
    case RopeScaling::Kind::Linear:
        return "linear";
    case RopeScaling::Kind::Dynamic:
        return "dynamic";
    case RopeScaling::Kind::Yarn:
        return "yarn";
    case RopeScaling::Kind::Llama3:
        return "llama3";
    }
    return "";
}

const char* activationName(Activation activation) {
    switch (activation) {
    case Activation::Silu:
        return "SiLU";
    case Activation::Gelu:
        return "GELU";
    case Activation::GeluTanh:
        return "GELU by tanh";
    case Activation::Relu:
        return "ReLU";
    }
    return "";
}

std::string ropeText(const Rope& rope) {
    const RopeScaling& s = rope.scaling;
    std::string text = "RoPE base " + number(static_cast<double>(rope.theta));
    if (s.kind != RopeScaling::Kind::None)
        text += std::string(", ") + kindName(s.kind) + " scaling by " + number(static_cast<double>(s.factor));
    if (s.originalContext > 0)
        text += " from " + std::to_string(s.originalContext) + " tokens";
    return text;
}

// Where a layer with a window turns otherwise than the rest; null where none does.
const Rope* localRope(const ModelSpec& spec) {
    for (const LayerSpec& layer : spec.layerSpecs)
        if (layer.rope != spec.rope)
            return &layer.rope;
    return nullptr;
}

struct Windows {
    int tokens = 0;
    std::int64_t layers = 0;
};

Windows windowsOf(const ModelSpec& spec) {
    Windows windows;
    for (const LayerSpec& layer : spec.layerSpecs) {
        windows.tokens = std::max(windows.tokens, layer.window);
        windows.layers += layer.window > 0 ? 1 : 0;
    }
    return windows;
}

std::vector<std::string> biases(const ModelSpec& spec) {
    std::vector<std::string> names;
    if (spec.projectionBias)
        names.insert(names.end(), {"query", "key", "value"});
    if (spec.outputBias)
        names.emplace_back("output");
    if (spec.ffnBias)
        names.emplace_back("feed-forward");
    return names;
}

std::string joined(const std::vector<std::string>& parts) {
    std::string text;
    for (const std::string& part : parts)
        text += (text.empty() ? "" : ", ") + part;
    return text;
}

Json ropeJson(const Rope& rope) {
    const RopeScaling& s = rope.scaling;
    Json json = {{"theta", rope.theta}, {"scaling", kindName(s.kind)}};
    if (s.kind != RopeScaling::Kind::None)
        json["factor"] = s.factor;
    if (s.originalContext > 0)
        json["original_context"] = s.originalContext;
    return json;
}

} // namespace

std::string positionText(const ModelSpec& spec) {
    if (spec.learnedPositions)
        return "learned positions";
    std::string text = ropeText(spec.rope);
    if (spec.rotated() < spec.headDim)
        text +=
            " on " + std::to_string(spec.rotated()) + " of " + std::to_string(spec.headDim) + " components";
    if (const Rope* local = localRope(spec))
        text += "; in windows " + ropeText(*local);
    return text;
}

std::string blockText(const ModelSpec& spec) {
    std::vector<std::string> parts = {spec.norm == Norm::Rms ? "RMS norm" : "layer norm"};
    if (spec.queryKeyNorm)
        parts.emplace_back("norms of query and key");
    if (spec.outputNorms)
        parts.emplace_back("norms of what is added");
    parts.push_back(activationName(spec.activation) + std::string(spec.gated ? "-gated" : "") +
                    " feed-forward");
    if (spec.parallelResidual)
        parts.emplace_back("parallel to attention");
    if (const auto names = biases(spec); !names.empty())
        parts.push_back("bias on " + joined(names));
    return joined(parts);
}

std::string attentionText(const ModelSpec& spec) {
    std::vector<std::string> parts;
    if (const Windows windows = windowsOf(spec); windows.layers > 0)
        parts.push_back("sees " + std::to_string(windows.tokens) + " tokens in " +
                        std::to_string(windows.layers) + " of " + std::to_string(spec.layers) + " layers");
    if (spec.attentionScale != 0)
        parts.push_back("scale " + number(static_cast<double>(spec.attentionScale)));
    if (spec.attentionSoftcap != 0)
        parts.push_back("logits within " + number(static_cast<double>(spec.attentionSoftcap)));
    return joined(parts);
}

Json mathematicsJson(const ModelSpec& spec) {
    const Windows windows = windowsOf(spec);
    Json json = {{"norm", spec.norm == Norm::Rms ? "rms" : "layer"},
                 {"norm_shift", spec.normShift},
                 {"query_key_norm", spec.queryKeyNorm},
                 {"output_norms", spec.outputNorms},
                 {"activation", activationName(spec.activation)},
                 {"gated", spec.gated},
                 {"bias", biases(spec)},
                 {"parallel_residual", spec.parallelResidual},
                 {"learned_positions", spec.learnedPositions},
                 {"rotary_dim", spec.rotated()},
                 {"rope", ropeJson(spec.rope)},
                 {"window", windows.tokens},
                 {"window_layers", windows.layers},
                 {"attention_scale", spec.attentionScale},
                 {"attention_softcap", spec.attentionSoftcap},
                 {"logit_softcap", spec.logitSoftcap},
                 {"embedding_scale", spec.embeddingScale}};
    if (const Rope* local = localRope(spec))
        json["window_rope"] = ropeJson(*local);
    return json;
}

} // namespace fovea
