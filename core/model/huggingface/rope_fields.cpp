#include "core/model/huggingface/rope_fields.h"

#include <algorithm>
#include <cmath>

namespace fovea {

namespace {

using Kind = RopeScaling::Kind;

constexpr const char* kKinds = "default, linear, dynamic, yarn and llama3 are";

double factorOf(const ConfigFields& fields) {
    const double factor = fields.number("factor");
    if (factor < 1 || factor > 1e6)
        fields.refuseValue("factor", "numbers from 1 on are");
    return factor;
}

int originalOf(const ConfigFields& fields) {
    const int original = fields.integer("original_max_position_embeddings");
    if (original < 1)
        fields.refuseValue("original_max_position_embeddings", "numbers above 0 are");
    return original;
}

// 0.1·m·ln(factor) + 1, the length of the attention that YaRN's authors found to fit.
double yarnMagnitude(double factor, double m) {
    return factor <= 1 ? 1 : 0.1 * m * std::log(factor) + 1;
}

void readYarn(const ConfigFields& fields, int context, RopeScaling& s) {
    s.originalContext = fields.has("original_max_position_embeddings") ? originalOf(fields) : context;
    s.betaFast = static_cast<float>(fields.number("beta_fast", 32));
    s.betaSlow = static_cast<float>(fields.number("beta_slow", 1));
    if (!(s.betaFast > 0 && s.betaSlow > 0))
        fields.refuse("rope scaling with a beta_fast or beta_slow that is not above 0 makes no sense");
    s.truncate = fields.flag("truncate", true);
    const double one = fields.number("mscale", 0), all = fields.number("mscale_all_dim", 0);
    const double inferred = one != 0 && all != 0 ? yarnMagnitude(s.factor, one) / yarnMagnitude(s.factor, all)
                                                 : yarnMagnitude(s.factor, 1);
    s.attentionFactor = static_cast<float>(fields.number("attention_factor", inferred));
}

void readLlama3(const ConfigFields& fields, RopeScaling& s) {
    s.originalContext = originalOf(fields);
    s.lowFrequency = static_cast<float>(fields.number("low_freq_factor"));
    s.highFrequency = static_cast<float>(fields.number("high_freq_factor"));
    if (!(s.lowFrequency > 0 && s.highFrequency > s.lowFrequency))
        fields.refuse(
            "rope scaling with a low_freq_factor that is not between 0 and high_freq_factor makes no sense");
}

// Older folders hold what a type needs not beside it, so each type's own keys are all that may stand there.
RopeScaling readScaling(const ConfigFields& fields, int context) {
    RopeScaling s;
    const char* key = fields.has("rope_type") ? "rope_type" : "type";
    const std::string kind = fields.word(key, "default");
    if (fields.has("type") && fields.word("type") != kind)
        fields.refuseValue("type", "the same as rope_type is");
    if (kind == "default")
        return s;
    if (kind != "linear" && kind != "dynamic" && kind != "yarn" && kind != "llama3")
        fields.refuseValue(key, kKinds);
    s.factor = static_cast<float>(factorOf(fields));
    if (kind == "linear") {
        s.kind = Kind::Linear;
    } else if (kind == "dynamic") {
        s.kind = Kind::Dynamic;
        s.originalContext = context;
        fields.only("original_max_position_embeddings", context);
    } else if (kind == "yarn") {
        s.kind = Kind::Yarn;
        readYarn(fields, context, s);
    } else {
        s.kind = Kind::Llama3;
        readLlama3(fields, s);
    }
    return s;
}

// Of models whose config gives the context that they were stretched from.
double stretchedContext(const RopeScaling& s) {
    const bool stretches = s.kind == Kind::Dynamic || s.kind == Kind::Yarn;
    return stretches ? static_cast<double>(s.originalContext) * s.factor : 0;
}

RopeFields readParameters(const ConfigFields& parameters, int context, const RopeDefaults& defaults) {
    RopeFields found;
    found.rope.theta = static_cast<float>(parameters.number("rope_theta", defaults.theta));
    found.rotated = parameters.number("partial_rotary_factor", defaults.rotated);
    found.rope.scaling = readScaling(parameters, context);
    found.context = stretchedContext(found.rope.scaling);
    parameters.refuseUnread();
    return found;
}

} // namespace

RopeFields readRope(const ConfigFields& config, int context, const RopeDefaults& defaults) {
    const double theta = config.number(defaults.thetaKey, defaults.theta);
    if (config.has("rope_parameters")) {
        if (config.has("rope_scaling"))
            config.refuse("rope_parameters and rope_scaling both; only one of them is understood");
        return readParameters(config.object("rope_parameters"), context, {theta, defaults.rotated});
    }
    if (config.has("rope_scaling"))
        return readParameters(config.object("rope_scaling"), context, {theta, defaults.rotated});
    return {{static_cast<float>(theta)}, defaults.rotated};
}

LocalAndGlobal readLocalAndGlobalRope(const ConfigFields& config, int context) {
    const RopeDefaults local{config.number("rope_local_base_freq", 10000)}, global{1e6};
    if (!config.isObject("rope_parameters") || !config.object("rope_parameters").isObject("full_attention"))
        return {{static_cast<float>(local.theta)}, readRope(config, context, global)};
    if (config.has("rope_scaling"))
        config.refuse("rope_parameters and rope_scaling both; only one of them is understood");
    const ConfigFields both = config.object("rope_parameters");
    const LocalAndGlobal found{readParameters(both.object("sliding_attention"), context, local).rope,
                               readParameters(both.object("full_attention"), context, global)};
    both.refuseUnread();
    return found;
}

} // namespace fovea
