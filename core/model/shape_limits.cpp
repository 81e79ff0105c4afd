#include "core/model/shape_limits.h"

#include <cmath>

namespace fovea {

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
    if (!(std::isfinite(spec.rope.theta) && spec.rope.theta > 1))
        return "a RoPE base that is no number above 1";
    return std::nullopt;
}

} // namespace fovea
