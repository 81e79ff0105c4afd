#pragma once
// One element of any float type as fp32, and the choice of a kernel's instance by type.

#include <stdexcept>

#include <simt.h>

#include "core/cache/element_type.h"

namespace fovea::cuda {

__device__ __forceinline__ float toFloat(float x) {
    return x;
}
__device__ __forceinline__ float toFloat(__half x) {
    return __half2float(x);
}
__device__ __forceinline__ float toFloat(__nv_bfloat16 x) {
    return __bfloat162float(x);
}

// call(T()) with the T that `type` names. On the host, when a kernel is launched.
template <class Call>
void withElement(ElementType type, const Call& call) {
    switch (type) {
    case ElementType::F32:
        return call(float());
    case ElementType::F16:
        return call(__half());
    case ElementType::BF16:
        return call(__nv_bfloat16());
    }
    throw std::invalid_argument("unknown element type");
}

} // namespace fovea::cuda
