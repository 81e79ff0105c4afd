#pragma once
// How a dot product of query and key becomes the logit that the softmax sees.

#include <cmath>

namespace fovea {

struct LogitRule {
    float scale = 0;   // 0: 1/√d
    float softcap = 0; // c: logits become c·tanh(logit/c), before anything is masked; 0: they stay

    double scaleOf(int headDim) const {
        return scale != 0 ? static_cast<double>(scale) : 1 / std::sqrt(static_cast<double>(headDim));
    }
    bool operator==(const LogitRule&) const = default;
};

} // namespace fovea
