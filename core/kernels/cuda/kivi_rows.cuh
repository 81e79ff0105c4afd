#pragma once
// KIVI's rows, as a loader of attend_mixed.cuh (methods/store/kivi.h). x̂ = code·s + m, with s and m of a key's channel over
// the tokens that share its side, and of a value's group of channels.
//
// A key's scales go into the query, as the CPU has it: q·x̂ = Σ (q_c·s_c)·code_c + Σ q_c·m_c. A team folds its queries anew
// when the side changes, which is once for as many rows of a side as it meets in a row: of 32 that follow each other 4 or 8.
//
//   reads    beside a record 4·d bytes of side for each fold, and H/G·d floats of q
//   work     of a row of codes one instruction more per component than of floats, for all heads together; of a fold
//            4·d per head

#include "core/kernels/cuda/attend_mixed.cuh"
#include "core/kernels/cuda/code_words.cuh"

namespace fovea::cuda {

template <int kBits, int kLanes>
class KiviRows {
    static constexpr int kParts = 4; // groups that a lane's codes of a value may belong to

public:
    static constexpr bool kScaled = false, kShares = false;
    struct Key {
        unsigned codes[kCodeWords<kBits>];
        int place;
    };
    struct Share {
        unsigned codes[kCodeWords<kBits>];
        unsigned sides[kParts]; // s below, m above it
        int place;
    };

    __device__ __forceinline__ KiviRows(const MixedSpan& a, const TableHead& of, int lane)
        : m_keys(a.mixed, a.mixed.keys, a.type, a.span.headDim, of),
          m_values(a.mixed, a.mixed.values, a.type, a.span.headDim, of),
          m_place(placeOfCodes<kBits>(lane, a.span.headDim)), m_lane(lane),
          m_held(lane * kElements < a.span.headDim), m_headDim(a.span.headDim), m_group(a.mixed.group),
          m_codeBytes(a.mixed.values.codeBytes) {}

    __device__ __forceinline__ int component(int element) const {
        return m_place.first + element * m_place.stride;
    }

    __device__ __forceinline__ Key loadKey(const void* block, int row, int slot, bool live) const {
        Key key = {};
        key.place = m_keys.placeOf(slot, live && m_held);
        if (key.place < 0 && key.place != kNoPlace)
            loadCodes<kBits, unsigned>(m_keys.record(block, row), m_place, m_lane, key.codes);
        return key;
    }
    __device__ __forceinline__ Share loadValue(const void* block, int row, int slot, bool live) const {
        Share value = {};
        value.place = m_values.placeOf(slot, live && m_held);
        if (value.place >= 0 || value.place == kNoPlace)
            return value;
        const unsigned char* const record = m_values.record(block, row);
        const unsigned short* const side = reinterpret_cast<const unsigned short*>(record + m_codeBytes);
        const int groups = (m_headDim + m_group - 1) / m_group;
        loadCodes<kBits, unsigned>(record, m_place, m_lane, value.codes);
#pragma unroll
        for (int part = 0; part < kParts; ++part) {
            const int group = component(part * kPartCodes) / m_group;
            value.sides[part] = side[group] | static_cast<unsigned>(side[groups + group]) << 16;
        }
        return value;
    }

    // A key of codes as whole numbers: its scales are the query's.
    __device__ __forceinline__ void widenKey(const Key& key, float (&out)[kElements]) const {
        if (key.place >= 0)
            return m_keys.exactRow(*this, key.place, out);
        unsigned words[kCodeWords<kBits>];
        inUnits<kBits>(m_place, key.codes, words);
#pragma unroll
        for (int k = 0; k < kElements; ++k)
            out[k] = codeLess<kBits>(words, k, 0.0f);
    }
    __device__ __forceinline__ void widen(const Share& value, float (&out)[kElements]) const {
        if (value.place >= 0)
            return m_values.exactRow(*this, value.place, out);
        unsigned words[kCodeWords<kBits>];
        inUnits<kBits>(m_place, value.codes, words);
#pragma unroll
        for (int k = 0; k < kElements; ++k) {
            const unsigned side = value.sides[k / kPartCodes];
            out[k] = codeLess<kBits>(words, k, 0.0f) * halfOf(side) + halfOf(side >> 16);
        }
    }
    __device__ __forceinline__ float scale(const Share&) const {
        return 1.0f;
    }

    // q of a tile's heads, folded with one side's scales, or as they are.
    template <int kGroup>
    class Queries {
    public:
        static constexpr std::size_t kSharedBytes = 0;

        __device__ __forceinline__ Queries(const MixedSpan& a, const SpanTask& task, const KiviRows& rows,
                                           SharedMemory&) {
            fold(a.span, task, rows, kUnfolded);
        }
        __device__ __forceinline__ void score(const SpanArguments& a, const SpanTask& task,
                                              const KiviRows& rows, const Key (&keys)[kRowsInFlight],
                                              float (&scores)[kGroup][kRowsInFlight]) {
#pragma unroll
            for (int r = 0; r < kRowsInFlight; ++r) {
                const int place = keys[r].place;
                const int wanted = place >= 0 ? kUnfolded : place;
                if (place != kNoPlace && wanted != m_folded)
                    fold(a, task, rows, wanted);
                float key[kElements];
                rows.widenKey(keys[r], key);
#pragma unroll
                for (int h = 0; h < kGroup; ++h) {
                    float dot = m_least[h];
#pragma unroll
                    for (int e = 0; e < kElements; ++e)
                        dot += m_query[h][e] * key[e];
                    scores[h][r] = teamSum<kLanes>(dot);
                }
            }
        }

    private:
        static constexpr int kUnfolded = 0;

        __device__ __forceinline__ void fold(const SpanArguments& a, const SpanTask& task,
                                             const KiviRows& rows, int place) {
            m_folded = place;
            loadQueries(a, task, rows, m_query);
#pragma unroll
            for (int h = 0; h < kGroup; ++h)
                m_least[h] = 0.0f;
            if (place == kUnfolded)
                return;
            const unsigned char* const side = rows.m_keys.sideOf(place);
#pragma unroll
            for (int e = 0; e < kElements; ++e) {
                const int c = rows.component(e);
                if (c >= a.headDim)
                    continue;
                const float s = halfAt(side, c), m = halfAt(side, a.headDim + c);
#pragma unroll
                for (int h = 0; h < kGroup; ++h) {
                    m_least[h] += m_query[h][e] * m;
                    m_query[h][e] *= s;
                }
            }
        }

        float m_query[kGroup][kElements];
        float m_least[kGroup]; // this lane's share of Σ q_c·m_c
        int m_folded;
    };

private:
    static constexpr int kPartCodes = kElements / kParts;

    static __device__ __forceinline__ float halfOf(unsigned bits) {
        return __half2float(__ushort_as_half(static_cast<unsigned short>(bits & 0xffffu)));
    }

    PartOfHead m_keys, m_values;
    CodePlace m_place;
    int m_lane;
    bool m_held;
    int m_headDim, m_group, m_codeBytes;
};

} // namespace fovea::cuda
