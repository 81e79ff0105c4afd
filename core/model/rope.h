#pragma once
// The angles of rotary position embedding (Su et al., arXiv 2104.09864), and the ways of stretching them to
// contexts longer than a model was trained for.

#include <cstdint>
#include <vector>

#include "core/model/model_spec.h"

namespace fovea {

struct RopeTable {
    std::vector<double> frequency; // (rotated/2) radians per position
    double attentionFactor = 1;    // cos and sin are multiplied by it
};

// Of the first `rotated` components of a head, θ_i = theta^(-2i/rotated), then scaled:
//
//   linear   θ_i / factor                                                     (Chen et al., arXiv 2306.15595)
//   dynamic  theta grows with the sequence: theta·(factor·n/o − factor + 1)^(rotated/(rotated−2)), n the
//   tokens so
//            far, at least the original context o
//   llama3   wavelengths below o/highFrequency stay, above o/lowFrequency are divided by factor, in between
//   they are
//            blended by o/wavelength                                          (Llama 3.1's model card and
//            code)
//   yarn     components that turn more than betaFast times within o stay, fewer than betaSlow times are
//   divided by
//            factor, in between they are blended linearly in i                (Peng et al., arXiv 2309.00071)
//
// `length`: tokens of the sequence so far, the newest included; only dynamic looks at it.
RopeTable ropeTable(const Rope& rope, int rotated, std::int64_t length);

} // namespace fovea
