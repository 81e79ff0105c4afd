#pragma once
// How a team of lanes divides a row of d components: 16-byte words, dealt out lane by lane, so that
// neighbouring lanes read neighbouring memory. Each lane ends up with kElements components: one word in f16
// and bf16, two in f32.

#include <simt.h>

#include "core/kernels/cuda/attend_tile.h"

namespace fovea::cuda {

// One lane's words of a row, as they lie in memory. Kept packed until they are used: half the registers in
// f16.
template <class T>
struct RowShare {
    static constexpr int kPerWord = 16 / sizeof(T);
    static constexpr int kWords = kElements / kPerWord;
    uint4 words[kWords];
};

// First component of word `word` of lane `lane` in a team of kLanes.
template <class T, int kLanes>
__device__ __forceinline__ int firstComponent(int lane, int word) {
    return (word * kLanes + lane) * RowShare<T>::kPerWord;
}

// The component that is element `element` of lane `lane`; those at d and beyond are padding and hold zeros.
template <class T, int kLanes>
__device__ __forceinline__ int component(int lane, int element) {
    constexpr int kPerWord = RowShare<T>::kPerWord;
    return firstComponent<T, kLanes>(lane, element / kPerWord) + element % kPerWord;
}

// Zeros, with nothing read, where `live` is false: what lies behind a dead slot may be NaN or infinite, and
// 0·∞ would carry it into the sums.
template <class T, int kLanes>
__device__ __forceinline__ RowShare<T> loadShare(const T* row, int headDim, int lane, bool live) {
    RowShare<T> share;
#pragma unroll
    for (int word = 0; word < RowShare<T>::kWords; ++word) {
        const int first = firstComponent<T, kLanes>(lane, word);
        share.words[word] = live && first < headDim ? loadOnce(reinterpret_cast<const uint4*>(row + first))
                                                    : make_uint4(0, 0, 0, 0);
    }
    return share;
}

__device__ __forceinline__ void widen(const RowShare<float>& share, float (&out)[kElements]) {
#pragma unroll
    for (int word = 0; word < RowShare<float>::kWords; ++word) {
        const float4 v = reinterpret_cast<const float4&>(share.words[word]);
        out[word * 4] = v.x;
        out[word * 4 + 1] = v.y;
        out[word * 4 + 2] = v.z;
        out[word * 4 + 3] = v.w;
    }
}

__device__ __forceinline__ void widen(const RowShare<__half>& share, float (&out)[kElements]) {
    const __half2* pairs = reinterpret_cast<const __half2*>(share.words);
#pragma unroll
    for (int i = 0; i < kElements / 2; ++i) {
        const float2 v = __half22float2(pairs[i]);
        out[2 * i] = v.x;
        out[2 * i + 1] = v.y;
    }
}

__device__ __forceinline__ void widen(const RowShare<__nv_bfloat16>& share, float (&out)[kElements]) {
    const __nv_bfloat162* pairs = reinterpret_cast<const __nv_bfloat162*>(share.words);
#pragma unroll
    for (int i = 0; i < kElements / 2; ++i) {
        const float2 v = __bfloat1622float2(pairs[i]);
        out[2 * i] = v.x;
        out[2 * i + 1] = v.y;
    }
}

}  // namespace fovea::cuda
