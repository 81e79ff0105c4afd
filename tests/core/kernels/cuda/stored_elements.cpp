#include "tests/core/kernels/cuda/stored_elements.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include <cuda_bf16.h>
#include <cuda_fp16.h>

namespace fovea::cuda {

float rounded(ElementType type, float x) {
    switch (type) {
    case ElementType::F32:
        return x;
    case ElementType::F16:
        return __half2float(__float2half(x));
    case ElementType::BF16:
        return __bfloat162float(__float2bfloat16(x));
    }
    return x;
}

void storeElement(ElementType type, float x, unsigned char* at) {
    if (type == ElementType::F32) {
        std::memcpy(at, &x, 4);
    } else if (type == ElementType::F16) {
        const __half h = __float2half(x);
        std::memcpy(at, static_cast<const void*>(&h), 2);
    } else {
        const __nv_bfloat16 b = __float2bfloat16(x);
        std::memcpy(at, static_cast<const void*>(&b), 2);
    }
}

float loadElement(ElementType type, const unsigned char* at) {
    if (type == ElementType::F32) {
        float x;
        std::memcpy(&x, at, 4);
        return x;
    }
    if (type == ElementType::F16) {
        __half h;
        std::memcpy(static_cast<void*>(&h), at, 2);
        return __half2float(h);
    }
    __nv_bfloat16 b;
    std::memcpy(static_cast<void*>(&b), at, 2);
    return __bfloat162float(b);
}

std::vector<unsigned char> stored(ElementType type, const std::vector<float>& values) {
    const auto size = static_cast<std::size_t>(elementBytes(type));
    std::vector<unsigned char> bytes(values.size() * size);
    for (std::size_t i = 0; i < values.size(); ++i)
        storeElement(type, values[i], bytes.data() + i * size);
    return bytes;
}

std::vector<float> rounded(ElementType type, const std::vector<float>& values) {
    std::vector<float> result = values;
    for (float& x : result)
        x = rounded(type, x);
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

} // namespace fovea::cuda
