#pragma once
// Queries that meet keys which were coded before RoPE (KVQuant, Coupled Quantisation), for loaders of attend_mixed.cuh.
//
// A key k of position p is met as R(p)·k. For pairs c and c + half that is
//
//     q·R(p)·k = Σ_c cos_c·k_c·q_c + sin_c·k_c·q̃_c,   q̃_c = q_{c+half} and q̃_{c+half} = −q_c
//
// so a lane needs no other lane's key, but the query twice, which lies in shared memory: eight heads of both would be more
// registers than a thread has. cos and sin come from two small tables (TurnAngles), which the first-level cache has; a table
// of products of a query with levels or centroids would be another one for every position.
//
//   shared   8·kGroup·8·kLanes bytes, 16 KiB for eight heads at d = 256
//   reads    per row of codes 16 bytes of angles for each component that turns, and per four rows 8·d of q per head, from the
//            caches nearby
//   work     of a row of codes 8 instructions per component for all heads together, and 4·d flops per head

#include "core/kernels/cuda/attend_mixed.cuh"

namespace fovea::cuda {

template <class Rows, int kLanes, int kGroup>
class TurnedQueries {
    static constexpr int kFloats = kGroup * kPaddedDim<kLanes>;

public:
    static constexpr std::size_t kSharedBytes = 2 * sizeof(float) * kFloats;

    // The block's threads fill what they share; a barrier follows.
    __device__ __forceinline__ TurnedQueries(const MixedSpan& all, const SpanTask& task, SharedMemory& shared)
        : m_turn(all.mixed.turn) {
        m_query = shared.take<float>(kFloats);
        m_other = shared.take<float>(kFloats);
        const SpanArguments& a = all.span;
        for (int i = static_cast<int>(threadIdx.x); i < kFloats; i += kAttendThreads) {
            const int h = i / kPaddedDim<kLanes>, c = i % kPaddedDim<kLanes>;
            const bool held = h < task.heads && c < a.headDim;
            const float* const q = a.q + static_cast<std::int64_t>(task.firstHead + h) * a.headDim;
            m_query[i] = held ? q[c] * a.queryScale : 0.0f;
            float other = 0.0f;
            if (held && c < m_turn.half)
                other = q[c + m_turn.half] * a.queryScale;
            else if (held && c < 2 * m_turn.half)
                other = -q[c - m_turn.half] * a.queryScale;
            m_other[i] = other;
        }
    }

    __device__ __forceinline__ void score(const SpanArguments&, const SpanTask&, const Rows& rows,
                                          const typename Rows::Key (&keys)[kRowsInFlight],
                                          float (&scores)[kGroup][kRowsInFlight]) const {
        float along[kRowsInFlight][kElements], across[kRowsInFlight][kElements];
#pragma unroll
        for (int r = 0; r < kRowsInFlight; ++r)
            turn(rows, keys[r], along[r], across[r]);
#pragma unroll
        for (int h = 0; h < kGroup; ++h) {
            float dots[kRowsInFlight] = {};
#pragma unroll
            for (int e = 0; e < kElements; ++e) {
                const int at = h * kPaddedDim<kLanes> + rows.component(e);
                const float q = m_query[at], other = m_other[at];
#pragma unroll
                for (int r = 0; r < kRowsInFlight; ++r)
                    dots[r] += along[r][e] * q + across[r][e] * other;
            }
#pragma unroll
            for (int r = 0; r < kRowsInFlight; ++r)
                scores[h][r] = teamSum<kLanes>(dots[r]);
        }
    }

private:
    // cos·k and sin·k. An exact key has been turned already.
    __device__ __forceinline__ void turn(const Rows& rows, const typename Rows::Key& key,
                                         float (&along)[kElements], float (&across)[kElements]) const {
        rows.widenKey(key, along);
        const bool coded = key.place < 0 && key.place != kNoPlace;
        const int half = m_turn.half;
        const float* const far =
            m_turn.far + static_cast<std::int64_t>(coded ? key.position / kTurnNear : 0) * 2 * half;
        const float* const near = m_turn.near + (coded ? key.position % kTurnNear : 0) * 2 * half;
#pragma unroll
        for (int e = 0; e < kElements; ++e) {
            const int c = rows.component(e);
            across[e] = 0.0f;
            if (!coded || c >= 2 * half)
                continue;
            const int i = c < half ? c : c - half;
            const float cosine = far[i] * near[i] - far[half + i] * near[half + i];
            const float sine = far[half + i] * near[i] + far[i] * near[half + i];
            across[e] = sine * along[e];
            along[e] *= cosine;
        }
    }

    TurnAngles m_turn;
    Shared<float> m_query, m_other; // (kGroup, kPaddedDim)
};

} // namespace fovea::cuda
