#pragma once
// Coupled Quantisation's codes (methods/store/cq_codec.cpp): the nearest centroid of each group of channels.
//
//   work     of a row 2^b·d products in fp64, by the warps, each of them one group's: its lanes take every 32nd centroid

#include "core/kernels/cuda/mixed_coder.cuh"

namespace fovea::cuda {

class CqCoder {
public:
    static constexpr bool kSharedSides = false;

    __device__ __forceinline__ CqCoder(const CacheBlocks& cache) : m_cache(cache) {}

    // One barrier, of keys two; of keys two more where what they stand for is wanted.
    __device__ __forceinline__ void code(const CodedPart& of, const CodedPlace& place, std::int64_t position,
                                         const CodeMemory& memory) const {
        const MixedBlocks& mixed = m_cache.mixed;
        const int d = m_cache.headDim, groups = d / mixed.channels, thread = static_cast<int>(threadIdx.x);
        if (of.keys) {
            turnBack(mixed.turn, position, d, memory);
            blockSync(); // all components are turned
        }
        const Shared<float>& row = of.keys ? memory.other : memory.values;
        for (int g = thread / kWarp; g < groups; g += kRowWarps) {
            const unsigned best = nearest(row, g, centroidsOf(of, g));
            if (thread % kWarp == 0)
                memory.row.codes[g] = best;
        }
        blockSync(); // all codes are there
        for (int byte = thread; byte < of.part.codeBytes; byte += kRowThreads)
            place.record[byte] = static_cast<unsigned char>(byteOf(byte, groups, memory));
        if (!place.wanted)
            return;
        for (int c = thread; c < d; c += kRowThreads) {
            const int g = c / mixed.channels;
            const std::int64_t at =
                static_cast<std::int64_t>(memory.row.codes[g]) * mixed.channels + c % mixed.channels;
            memory.row.stored[c] = halfAt(centroidsOf(of, g) + at, 0);
        }
        if (of.keys)
            turnForth(mixed.turn, position, d, memory);
    }

private:
    __device__ __forceinline__ const std::uint16_t* centroidsOf(const CodedPart& of, int group) const {
        const std::int64_t first = static_cast<std::int64_t>(of.kvHead) * m_cache.headDim +
                                   std::int64_t{group} * m_cache.mixed.channels;
        return of.part.centroids + (first << m_cache.mixed.bits);
    }

    // Of centroids (2^b, c) the nearest to the group's channels, the lowest among equals, for all lanes of a warp.
    __device__ __forceinline__ unsigned nearest(const Shared<float>& row, int group,
                                                const std::uint16_t* centroids) const {
        const int channels = m_cache.mixed.channels, first = group * channels;
        double least = INFINITY;
        unsigned best = 0;
        for (int k = static_cast<int>(threadIdx.x) % kWarp; k < 1 << m_cache.mixed.bits; k += kWarp) {
            double apart = 0;
            for (int c = 0; c < channels; ++c) {
                const double by = static_cast<double>(row[first + c]) -
                                  static_cast<double>(halfAt(centroids, k * channels + c));
                apart += roundedProduct(by, by);
            }
            if (apart < least) {
                least = apart;
                best = static_cast<unsigned>(k);
            }
        }
        for (int distance = kWarp / 2; distance > 0; distance /= 2) {
            const int lane = (static_cast<int>(threadIdx.x) % kWarp) ^ distance;
            const double other = shuffled(least, lane);
            const unsigned its = shuffle(best, lane);
            if (other < least || (other == least && its < best)) {
                least = other;
                best = its;
            }
        }
        return best;
    }
    static __device__ __forceinline__ double shuffled(double x, int lane) {
        const uint2 bits = reinterpret_cast<const uint2&>(x);
        const uint2 other = make_uint2(shuffle(bits.x, lane), shuffle(bits.y, lane));
        return reinterpret_cast<const double&>(other);
    }

    // Of the string of codes, the lowest bit first.
    __device__ __forceinline__ unsigned byteOf(int byte, int groups, const CodeMemory& memory) const {
        const int bits = m_cache.mixed.bits;
        unsigned result = 0;
        for (int bit = 0; bit < 8; ++bit) {
            const int place = byte * 8 + bit, code = place / bits;
            if (code < groups)
                result |= (memory.row.codes[code] >> place % bits & 1u) << bit;
        }
        return result;
    }

    const CacheBlocks& m_cache;
};

} // namespace fovea::cuda
