#include "core/model/shape_limits.h"

#include <cmath>
#include <iterator>

namespace fovea {

namespace {

constexpr const char* kNoRope =
    "a RoPE base that is no number above 1, or a RoPE scaling that makes no sense";

bool turnsSensibly(const Rope& rope, int rotated) {
    const RopeScaling& s = rope.scaling;
    const bool needsOriginal = s.kind != RopeScaling::Kind::None && s.kind != RopeScaling::Kind::Linear;
    // Dynamic's exponent is rotated / (rotated − 2).
    const bool enough = s.kind != RopeScaling::Kind::Dynamic || rotated > 2;
    return std::isfinite(rope.theta) && rope.theta > 1 && std::isfinite(s.factor) && s.factor >= 1 &&
           std::isfinite(s.attentionFactor) && s.attentionFactor > 0 && enough &&
           (!needsOriginal || s.originalContext > 0);
}

} // namespace

std::optional<std::string> shapeRefusal(const ModelSpec& spec) {
    struct Limit {
        const char* name;
        int value, most;
    };
    const Limit limits[] = {{"layers", spec.layers, 4096},
                            {"width", spec.width, 1 << 18},
                            {"query heads", spec.queryHeads, 1 << 14},
                            {"KV heads", spec.kvHeads, 1 << 14},
                            {"FFN width", spec.ffn, 1 << 20},
                            {"vocabulary", spec.vocabulary, 1 << 24},
                            {"context", spec.context, 1 << 26},
                            {"head width", spec.headDim, 1 << 14}};
    for (const Limit& limit : limits)
        if (limit.value < 1 || limit.value > limit.most)
            return std::string(limit.name) + " of " + std::to_string(limit.value) + " (1 to " +
                   std::to_string(limit.most) + " make sense)";
    if (spec.queryHeads % spec.kvHeads != 0)
        return std::to_string(spec.queryHeads) + " query heads cannot share " + std::to_string(spec.kvHeads) +
               " KV heads";
    if (spec.headDim % 2 != 0)
        return "an odd head width of " + std::to_string(spec.headDim) + ", which RoPE cannot pair";
    if (!(std::isfinite(spec.normEpsilon) && spec.normEpsilon > 0 && spec.normEpsilon < 1))
        return "a norm epsilon that is not between 0 and 1";
    if (spec.rotaryDim < 0 || spec.rotaryDim > spec.headDim || spec.rotaryDim % 2 != 0)
        return std::to_string(spec.rotaryDim) +
               " components of a head to rotate, which is no even part of it";
    if (!turnsSensibly(spec.rope, spec.rotated()))
        return kNoRope;
    for (const LayerSpec& layer : spec.layerSpecs) {
        if (!turnsSensibly(layer.rope, spec.rotated()))
            return kNoRope;
        if (layer.window < 0)
            return "a sliding window of " + std::to_string(layer.window);
    }
    if (!spec.layerSpecs.empty() && std::ssize(spec.layerSpecs) != spec.layers)
        return "settings for " + std::to_string(spec.layerSpecs.size()) + " layers of " +
               std::to_string(spec.layers);
    for (const float number : {spec.attentionScale, spec.attentionSoftcap, spec.logitSoftcap})
        if (!std::isfinite(number) || number < 0)
            return "an attention scale or soft-cap that is no positive number";
    if (!std::isfinite(spec.embeddingScale) || !std::isfinite(spec.normShift))
        return "an embedding scale or norm shift that is no number";
    return std::nullopt;
}

} // namespace fovea
