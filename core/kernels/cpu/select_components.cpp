#include "core/kernels/cpu/select_components.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace fovea::cpu {

void selectComponents(const float* q, int group, int dims, std::span<std::int32_t> components,
                      float* memory) {
    float* const size = memory;
    float* const sorted = size + dims;
    for (int i = 0; i < dims; ++i) {
        size[i] = 0;
        for (int h = 0; h < group; ++h)
            size[i] += std::fabs(q[h * dims + i]);
        if (std::isnan(size[i]))
            size[i] = -1;
    }
    std::copy_n(size, dims, sorted);
    const auto last = static_cast<std::ptrdiff_t>(components.size()) - 1;
    std::nth_element(sorted, sorted + last, sorted + dims, std::greater<>());
    const float bar = sorted[last];
    auto ties = static_cast<std::ptrdiff_t>(components.size()) -
                std::count_if(size, size + dims, [bar](float s) { return s > bar; });
    std::size_t n = 0;
    for (int i = 0; i < dims; ++i)
        if (size[i] > bar || (size[i] == bar && ties-- > 0))
            components[n++] = i;
}

float temperature(const SparqParams& params, const float* q, int dims,
                  std::span<const std::int32_t> components, const LogitRule& rule) {
    const auto whole = static_cast<float>(1 / rule.scaleOf(dims));
    if (!params.tau)
        return whole;
    float chosen = 0, all = 0;
    for (const std::int32_t i : components)
        chosen += std::fabs(q[i]);
    for (int i = 0; i < dims; ++i)
        all += std::fabs(q[i]);
    return chosen > 0 ? whole * std::sqrt(chosen / all) : whole;
}

}  // namespace fovea::cpu
