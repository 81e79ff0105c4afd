#pragma once
// Rows of floats, as a loader of attend_span.cuh and score_keys.cuh: row_share.cuh says who takes what of them.

#include <cstdint>

#include "core/kernels/cuda/row_share.cuh"

namespace fovea::cuda {

template <class T, int kLanes>
class FloatRows {
public:
    static constexpr bool kScaled = false;
    using Share = RowShare<T>;

    // Of a step (SpanArguments), or of keys that are scored (KeyArguments).
    template <class Arguments>
    __device__ __forceinline__ FloatRows(const Arguments& a, int lane) : m_headDim(a.headDim), m_lane(lane) {}

    __device__ __forceinline__ int component(int element) const {
        return cuda::component<T, kLanes>(m_lane, element);
    }
    __device__ __forceinline__ Share load(const void* block, int row, bool live) const {
        return loadShare<T, kLanes>(static_cast<const T*>(block) + static_cast<std::int64_t>(row) * m_headDim,
                                    m_headDim, m_lane, live);
    }
    __device__ __forceinline__ void widen(const Share& share, float (&out)[kElements]) const {
        cuda::widen(share, out);
    }
    __device__ __forceinline__ float scale(const Share&) const { return 1.0f; }

private:
    int m_headDim, m_lane;
};

} // namespace fovea::cuda
