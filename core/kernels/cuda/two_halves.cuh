#pragma once
// Numbers for matrix units, which multiply 16 bits: x = high + low with low = x - high, both of T. What is lost is 2^-18 of
// x in bf16, and in f16 2^-22 of it, or 2^-25 where it is small; what T cannot hold becomes no number.

#include "core/kernels/cuda/element.cuh"

namespace fovea::cuda {

template <class T>
__device__ __forceinline__ T nearest(float x);
template <>
__device__ __forceinline__ __half nearest<__half>(float x) {
    return __float2half(x);
}
template <>
__device__ __forceinline__ __nv_bfloat16 nearest<__nv_bfloat16>(float x) {
    return __float2bfloat16(x);
}

template <class T>
__device__ __forceinline__ unsigned packed(T first, T second) {
    return reinterpret_cast<const unsigned short&>(first) |
           static_cast<unsigned>(reinterpret_cast<const unsigned short&>(second)) << 16;
}

// x and y, side by side, as high and low.
template <class T>
__device__ __forceinline__ void split(float x, float y, unsigned& high, unsigned& low) {
    const T highX = nearest<T>(x), highY = nearest<T>(y);
    high = packed(highX, highY);
    low = packed(nearest<T>(x - toFloat(highX)), nearest<T>(y - toFloat(highY)));
}

} // namespace fovea::cuda
