#include "core/kernels/cpu/read_report.h"

#include <algorithm>

namespace fovea::cpu {

void ReadReport::begin(std::int64_t heads, std::int64_t n, const float* lie, std::int64_t apart,
                       const std::int32_t* listed, const float* by) {
    rows = n;
    stride = apart;
    if (!lie)
        spilled.resize(static_cast<std::size_t>(heads * stride));
    logits = lie ? lie : spilled.data();
    slots = listed;
    alphas = by;
    m.resize(static_cast<std::size_t>(heads));
    l.resize(static_cast<std::size_t>(heads));
}

void ReadReport::setMass(std::int64_t g, int group, const float* tops, const float* sums) {
    std::copy_n(tops, group, m.data() + g * group);
    std::copy_n(sums, group, l.data() + g * group);
}

}  // namespace fovea::cpu
