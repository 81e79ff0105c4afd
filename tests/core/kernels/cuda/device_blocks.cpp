#include "tests/core/kernels/cuda/device_blocks.h"

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

} // namespace fovea::cuda
