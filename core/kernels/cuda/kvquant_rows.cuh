#pragma once
// KVQuant's rows, as a loader of attend_mixed.cuh (methods/store/kvquant.h): x̂_c = R[code_c]·range + offset, of a key by its
// channel and before RoPE, of a value by its token; then its outliers, as they were.
//
//   shared   R of keys and of values, 128 bytes: sixteen numbers lie in sixteen banks, so no two lanes wait for each other
//   reads    of a record codes once; range and outliers, which lie behind them, once per lane, from the cache
//   work     of a row 2·m·8 comparisons for m outliers beside what each component costs

#include "core/kernels/cuda/code_words.cuh"
#include "core/kernels/cuda/turned_queries.cuh"

namespace fovea::cuda {

template <int kBits, int kLanes>
class KvquantRows {
public:
    static constexpr bool kScaled = false, kShares = true;
    struct Key {
        unsigned codes[kCodeWords<kBits>];
        int place, position;
        const unsigned char* side;
    };
    struct Share {
        unsigned codes[kCodeWords<kBits>];
        int place;
        const unsigned char* side;
    };

    __device__ __forceinline__ KvquantRows(const MixedSpan& a, const TableHead& of, int lane)
        : m_keys(a.mixed, a.mixed.keys, a.type, a.span.headDim, of),
          m_values(a.mixed, a.mixed.values, a.type, a.span.headDim, of),
          m_place(placeOfCodes<kBits>(lane, a.span.headDim)), m_lane(lane),
          m_held(lane * kElements < a.span.headDim), m_headDim(a.span.headDim), m_outliers(a.mixed.outliers),
          m_codeBytes(a.mixed.keys.codeBytes),
          m_positions(a.mixed.positions + of.words + of.kvHead * a.mixed.capacity),
          m_ranges(a.mixed.keys.ranges + static_cast<std::int64_t>(of.kvHead) * 2 * a.span.headDim) {}

    __device__ __forceinline__ int component(int element) const {
        return m_place.first + element * m_place.stride;
    }

    __device__ __forceinline__ Key loadKey(const void* block, int row, int slot, bool live) const {
        Key key = {};
        key.place = m_keys.placeOf(slot, live && m_held);
        if (key.place >= 0 || key.place == kNoPlace)
            return key;
        const unsigned char* const record = m_keys.record(block, row);
        key.position = static_cast<int>(m_positions[slot]);
        key.side = record + m_codeBytes;
        loadCodes<kBits, unsigned>(record, m_place, m_lane, key.codes);
        return key;
    }
    __device__ __forceinline__ Share loadValue(const void* block, int row, int slot, bool live) const {
        Share value = {};
        value.place = m_values.placeOf(slot, live && m_held);
        if (value.place >= 0 || value.place == kNoPlace)
            return value;
        const unsigned char* const record = m_values.record(block, row);
        value.side = record + m_codeBytes;
        loadCodes<kBits, unsigned>(record, m_place, m_lane, value.codes);
        return value;
    }

    // Of a row of codes as it was before RoPE; zeros of none.
    __device__ __forceinline__ void widenKey(const Key& key, float (&out)[kElements]) const {
        if (key.place >= 0)
            return m_keys.exactRow(*this, key.place, out);
        levelsOf(m_keyLevels, key.codes, out);
#pragma unroll
        for (int e = 0; e < kElements; ++e) {
            const int c = component(e);
            const bool held = key.place != kNoPlace && c < m_headDim;
            out[e] = held ? out[e] * m_ranges[m_headDim + c] + m_ranges[c] : 0.0f;
        }
        if (key.place != kNoPlace)
            putOutliers(key.side, out);
    }
    __device__ __forceinline__ void widen(const Share& value, float (&out)[kElements]) const {
        if (value.place >= 0)
            return m_values.exactRow(*this, value.place, out);
        levelsOf(m_valueLevels, value.codes, out);
        const bool held = value.place != kNoPlace;
        const float offset = held ? halfAt(value.side, 0) : 0.0f, range = held ? halfAt(value.side, 1) : 0.0f;
#pragma unroll
        for (int e = 0; e < kElements; ++e)
            out[e] = out[e] * range + offset;
        if (held)
            putOutliers(value.side + 4, out);
    }
    __device__ __forceinline__ float scale(const Share&) const {
        return 1.0f;
    }

    template <int kGroup>
    class Queries : public TurnedQueries<KvquantRows, kLanes, kGroup> {
        using Base = TurnedQueries<KvquantRows, kLanes, kGroup>;

    public:
        static constexpr std::size_t kSharedBytes = Base::kSharedBytes + 2 * sizeof(float) * kLevelsRoom;

        __device__ __forceinline__ Queries(const MixedSpan& a, const SpanTask& task, KvquantRows& rows,
                                           SharedMemory& shared)
            : Base(a, task, shared) {
            rows.m_keyLevels = shared.take<float>(kLevelsRoom);
            rows.m_valueLevels = shared.take<float>(kLevelsRoom);
            const int i = static_cast<int>(threadIdx.x), at = task.kvHead * kLevelsRoom + i;
            if (i < kLevelsRoom) {
                rows.m_keyLevels[i] = a.mixed.keys.levels[at];
                rows.m_valueLevels[i] = a.mixed.values.levels[at];
            }
        }
    };

private:
    __device__ __forceinline__ void levelsOf(const Shared<float>& levels,
                                             const unsigned (&codes)[kCodeWords<kBits>],
                                             float (&out)[kElements]) const {
        unsigned words[kCodeWords<kBits>];
        inUnits<kBits>(m_place, codes, words);
#pragma unroll
        for (int k = 0; k < kElements; ++k)
            out[k] = levels[maskedCode<kBits>(words, k) >> shiftOfCode<kBits>(k)];
    }
    __device__ __forceinline__ void putOutliers(const unsigned char* held, float (&out)[kElements]) const {
        for (int i = 0; i < m_outliers; ++i) {
            const int channel = reinterpret_cast<const unsigned short*>(held)[2 * i + 1];
            const float value = halfAt(held, 2 * i);
#pragma unroll
            for (int e = 0; e < kElements; ++e) // what has no channel has one that no component is
                out[e] = component(e) == channel ? value : out[e];
        }
    }

    PartOfHead m_keys, m_values;
    CodePlace m_place;
    int m_lane;
    bool m_held;
    int m_headDim, m_outliers, m_codeBytes;
    const std::int64_t* m_positions;
    const float* m_ranges;
    Shared<float> m_keyLevels, m_valueLevels;
};

} // namespace fovea::cuda
