#include "tests/core/kernels/cuda/stored_elements.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include <cuda_bf16.h>
#include <cuda_fp16.h>

namespace fovea::cuda {

std::vector<unsigned char> stored(ElementType type, const std::vector<float>& values) {
    const auto size = static_cast<std::size_t>(elementBytes(type));
    std::vector<unsigned char> bytes(values.size() * size);
    unsigned char* to = bytes.data();
    for (const float x : values) {
        const __half half = __float2half(x);
        const __nv_bfloat16 brain = __float2bfloat16(x);
        const void* from = &x;
        if (type == ElementType::F16)
            from = &half;
        if (type == ElementType::BF16)
            from = &brain;
        std::memcpy(to, from, size);
        to += size;
    }
    return bytes;
}

std::vector<float> rounded(ElementType type, const std::vector<float>& values) {
    std::vector<float> result = values;
    for (float& x : result) {
        if (type == ElementType::F16)
            x = __half2float(__float2half(x));
        if (type == ElementType::BF16)
            x = __bfloat162float(__float2bfloat16(x));
    }
    return result;
}

std::vector<float> madeUp(std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> distribution;
    std::vector<float> values(count);
    for (float& x : values)
        x = distribution(random);
    return values;
}

double worstDifference(const std::vector<float>& out, const std::vector<double>& truth) {
    if (out.size() != truth.size())
        return std::numeric_limits<double>::infinity();
    double worst = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
        const double x = out[i];
        if (x == truth[i] || (std::isnan(x) && std::isnan(truth[i])))
            continue; // equal infinities too, whose difference is none
        const double difference = std::abs(x - truth[i]);
        worst =
            std::isnan(difference) ? std::numeric_limits<double>::infinity() : std::max(worst, difference);
    }
    return worst;
}

bool sameBits(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() &&
           (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

} // namespace fovea::cuda
