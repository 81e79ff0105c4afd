#pragma once
// Coupled Quantisation's rows, as a loader of attend_mixed.cuh (methods/store/cq.h): c channels that follow each other are
// one code of b bits, a row's codes a string of bits, the lowest first; x̂ of them is their group's centroid. Keys are coded
// before RoPE.
//
//   thread   8 components that follow each other: 8/c codes
//   reads    of a record codes byte by byte, those of 8 bits once; a byte in which several codes lie is asked for by each,
//            of the second-level cache. A centroid of 2·c bytes per code, from the first: d·2^b of them, 64 KiB of keys and
//            as much of values at 4c8b and d = 128, are more than a block can have in shared memory on most GPUs

#include "core/kernels/cuda/code_string.cuh"
#include "core/kernels/cuda/turned_queries.cuh"

namespace fovea::cuda {

template <int kChannels>
struct CentroidWord;
template <>
struct CentroidWord<1> {
    using Type = unsigned short;
};
template <>
struct CentroidWord<2> {
    using Type = unsigned;
};
template <>
struct CentroidWord<4> {
    using Type = uint2;
};
template <>
struct CentroidWord<8> {
    using Type = uint4;
};

template <int kChannels, int kLanes>
class CqRows {
    static constexpr int kCodes = kElements / kChannels; // of a thread
    using Word = typename CentroidWord<kChannels>::Type;

public:
    static constexpr bool kScaled = false, kShares = true;
    struct Key {
        unsigned short codes[kCodes];
        int place, position;
    };
    struct Share {
        unsigned short codes[kCodes];
        int place;
    };

    __device__ __forceinline__ CqRows(const MixedSpan& a, const TableHead& of, int lane)
        : m_keys(a.mixed, a.mixed.keys, a.type, a.span.headDim, of),
          m_values(a.mixed, a.mixed.values, a.type, a.span.headDim, of), m_lane(lane),
          m_held(lane * kElements < a.span.headDim), m_bits(a.mixed.bits),
          m_positions(a.mixed.positions + of.words + of.kvHead * a.mixed.capacity),
          m_keyCentroids(centroidsOf(a.mixed.keys, a, of.kvHead)),
          m_valueCentroids(centroidsOf(a.mixed.values, a, of.kvHead)) {}

    __device__ __forceinline__ int component(int element) const { return m_lane * kElements + element; }

    __device__ __forceinline__ Key loadKey(const void* block, int row, int slot, bool live) const {
        Key key = {};
        key.place = m_keys.placeOf(slot, live && m_held);
        if (key.place >= 0 || key.place == kNoPlace)
            return key;
        key.position = static_cast<int>(m_positions[slot]);
        loadString(m_keys.record(block, row), key.codes);
        return key;
    }
    __device__ __forceinline__ Share loadValue(const void* block, int row, int slot, bool live) const {
        Share value = {};
        value.place = m_values.placeOf(slot, live && m_held);
        if (value.place < 0 && value.place != kNoPlace)
            loadString(m_values.record(block, row), value.codes);
        return value;
    }

    __device__ __forceinline__ void widenKey(const Key& key, float (&out)[kElements]) const {
        if (key.place >= 0)
            return m_keys.exactRow(*this, key.place, out);
        widenCodes(m_keyCentroids, key.codes, key.place, out);
    }
    __device__ __forceinline__ void widen(const Share& value, float (&out)[kElements]) const {
        if (value.place >= 0)
            return m_values.exactRow(*this, value.place, out);
        widenCodes(m_valueCentroids, value.codes, value.place, out);
    }
    __device__ __forceinline__ float scale(const Share&) const { return 1.0f; }

    template <int kGroup>
    class Queries : public TurnedQueries<CqRows, kLanes, kGroup> {
    public:
        __device__ __forceinline__ Queries(const MixedSpan& a, const SpanTask& task, const CqRows&,
                                           SharedMemory& shared)
            : TurnedQueries<CqRows, kLanes, kGroup>(a, task, shared) {}
    };

private:
    static __device__ __forceinline__ const std::uint16_t* centroidsOf(const MixedPart& part,
                                                                       const MixedSpan& a, int kvHead) {
        return part.centroids + (static_cast<std::int64_t>(kvHead * a.span.headDim) << a.mixed.bits);
    }
    __device__ __forceinline__ void loadString(const unsigned char* record,
                                               unsigned short (&codes)[kCodes]) const {
#pragma unroll
        for (int i = 0; i < kCodes; ++i)
            codes[i] = static_cast<unsigned short>(codeOfString(record, m_bits, m_lane * kCodes + i));
    }
    __device__ __forceinline__ void widenCodes(const std::uint16_t* centroids,
                                               const unsigned short (&codes)[kCodes], int place,
                                               float (&out)[kElements]) const {
#pragma unroll
        for (int i = 0; i < kCodes; ++i) {
            Word word = {};
            if (place != kNoPlace)
                word = reinterpret_cast<const Word*>(
                    centroids)[(static_cast<std::int64_t>(m_lane * kCodes + i) << m_bits) + codes[i]];
#pragma unroll
            for (int c = 0; c < kChannels; ++c)
                out[i * kChannels + c] = halfAt(&word, c);
        }
    }

    PartOfHead m_keys, m_values;
    int m_lane;
    bool m_held;
    int m_bits;
    const std::int64_t* m_positions;
    const std::uint16_t *m_keyCentroids, *m_valueCentroids;
};

} // namespace fovea::cuda
