#include "core/model/gguf/rope_metadata.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <vector>

namespace fovea {

namespace {

constexpr const char* kFactors = "rope_freqs.weight";

// Llama 3's divisor of the i-th frequency, "smooth" between the two wavelengths (its `rope_scaling` of type
// llama3).
double llama3Factor(const RopeScaling& s, double frequency) {
    const double turns = static_cast<double>(s.originalContext) * frequency / (2 * std::numbers::pi);
    if (turns < s.lowFrequency)
        return s.factor;
    if (turns > s.highFrequency)
        return 1;
    const double smooth = (turns - s.lowFrequency) / (s.highFrequency - s.lowFrequency);
    return 1 / ((1 - smooth) / s.factor + smooth);
}

bool gives(const RopeScaling& scaling, double theta, const std::vector<float>& factors) {
    const auto n = static_cast<double>(factors.size());
    for (std::size_t i = 0; i < factors.size(); ++i) {
        const double expected = llama3Factor(scaling, std::pow(theta, -static_cast<double>(i) / n));
        if (!(std::abs(factors[i] - expected) <= 1e-5 * expected))
            return false;
    }
    return true;
}

std::vector<float> factorTable(const GgufFile& file, const GgufTensor& tensor, int rotated) {
    if (tensor.blocks != BlockType::None || tensor.type != ElementType::F32 ||
        tensor.weights() * 2 != rotated)
        file.refuse("tensor '" + std::string(kFactors) + "' is not " + std::to_string(rotated / 2) +
                    " numbers of type f32; the file is damaged, copy it again");
    std::vector<float> factors(static_cast<std::size_t>(rotated / 2));
    std::memcpy(factors.data(), file.bytes(tensor).data(), factors.size() * sizeof(float));
    return factors;
}

// The file holds the factors and not what they were made from. Every Llama 3 has low 1 and high 4; the
// context is found by trying, and whatever is found gives this file's factors.
RopeScaling llama3Scaling(const GgufFile& file, double theta, const std::vector<float>& factors) {
    const float most = *std::max_element(factors.begin(), factors.end());
    RopeScaling scaling{.kind = RopeScaling::Kind::Llama3, .factor = most};
    for (scaling.originalContext = 16; scaling.originalContext <= 1 << 22; scaling.originalContext *= 2)
        if (gives(scaling, theta, factors))
            return scaling;
    file.refuse("tensor '" + std::string(kFactors) +
                "' holds RoPE factors that are not those of a Llama 3; this model is not supported");
}

RopeScaling readScaling(const MetadataFields& fields, int context) {
    RopeScaling scaling;
    fields.has("rope.scaling.finetuned"); // says nothing about what is computed
    const float factor = fields.number("rope.scaling.factor", 1);
    const std::string type = fields.word("rope.scaling.type", "linear");
    if (!(factor > 0))
        fields.refuse("rope.scaling.factor", "is not above 0; the file is damaged, copy it again");
    if (type == "yarn") {
        scaling.kind = RopeScaling::Kind::Yarn;
        scaling.originalContext = fields.integer("rope.scaling.original_context_length", context);
        scaling.betaFast = fields.number("rope.scaling.yarn_beta_fast", 32);
        scaling.betaSlow = fields.number("rope.scaling.yarn_beta_slow", 1);
        scaling.attentionFactor =
            fields.number("rope.scaling.attn_factor", 1) * (1 + .1f * std::log(std::max(1.f, factor)));
        fields.only("rope.scaling.yarn_ext_factor", 1.f);
        fields.only("rope.scaling.yarn_attn_factor", 1.f);
        fields.only("rope.scaling.yarn_log_multiplier", 0.f);
    } else if (type == "linear") {
        scaling.kind = factor == 1 ? RopeScaling::Kind::None : RopeScaling::Kind::Linear;
        fields.has("rope.scaling.original_context_length");
        fields.only("rope.scaling.attn_factor", 1.f);
    } else if (type != "none") {
        fields.refuse("rope.scaling.type",
                      "is '" + type.substr(0, 40) + "'; none, linear and yarn are supported");
    }
    if (scaling.kind != RopeScaling::Kind::None)
        scaling.factor = factor;
    return scaling;
}

} // namespace

Rope readGgufRope(const MetadataFields& fields, int rotated, int context) {
    Rope rope{.theta = fields.number("rope.freq_base", 10000)};
    rope.scaling = readScaling(fields, context);
    const auto found = fields.file().tensors().find(kFactors);
    if (found == fields.file().tensors().end())
        return rope;
    const std::vector<float> factors = factorTable(fields.file(), found->second, rotated);
    if (std::all_of(factors.begin(), factors.end(), [](float f) { return f == 1; }))
        return rope;
    if (rope.scaling.kind != RopeScaling::Kind::None)
        fields.file().refuse("both rope.scaling and tensor '" + std::string(kFactors) +
                             "' scale RoPE; this model is not supported");
    rope.scaling = llama3Scaling(fields.file(), rope.theta, factors);
    return rope;
}

} // namespace fovea
