#pragma once
// KVQuant's codes (methods/store/kvquant_codec.cpp): each number's nearest level, and the row's outliers as they are.
//
//   work     of a row d² comparisons to put its numbers in order, twice for values: by 128 threads that is as much as packing

#include "core/kernels/cuda/mixed_coder.cuh"

namespace fovea::cuda {

class KvquantCoder {
public:
    static constexpr bool kSharedSides = false;

    __device__ __forceinline__ KvquantCoder(const CacheBlocks& cache) : m_cache(cache) {}

    // One barrier, of values two; of keys two more where what they stand for is wanted.
    __device__ __forceinline__ void code(const CodedPart& of, const CodedPlace& place, std::int64_t position,
                                         const CodeMemory& memory) const {
        unsigned char* const side = place.record + of.part.codeBytes;
        if (of.keys) {
            turnBack(m_cache.mixed.turn, position, m_cache.headDim, memory);
            const float* const ranges = rangesOf(of);
            eachOwn([&](int c) {
                const double offset = ranges[c], range = ranges[m_cache.headDim + c];
                const double x = (memory.other[c] - offset) / range;
                memory.scaled[c] = isnan(x) ? 0.0 : x;
            });
            write(of, place.record, side, memory.other, memory);
            if (!place.wanted)
                return;
            eachOwn([&](int c) { put(of, c, ranges[c], ranges[m_cache.headDim + c], memory.other, memory); });
            turnForth(m_cache.mixed.turn, position, m_cache.headDim, memory);
            return;
        }
        const Range range = rangeOf(memory);
        eachOwn([&](int c) {
            const double x =
                (static_cast<double>(memory.values[c]) - static_cast<double>(halfAt(&range.offset, 0))) /
                static_cast<double>(halfAt(&range.range, 0));
            memory.scaled[c] = isnan(halfAt(&range.offset, 0)) ? 0.0 : x;
        });
        if (threadIdx.x == 0) {
            reinterpret_cast<unsigned short*>(side)[0] = range.offset;
            reinterpret_cast<unsigned short*>(side)[1] = range.range;
        }
        write(of, place.record, side + sizeof(Range), memory.values, memory);
        if (place.wanted)
            eachOwn([&](int c) {
                put(of, c, halfAt(&range.offset, 0), halfAt(&range.range, 0), memory.values, memory);
            });
    }

private:
    struct Range { // in binary16
        unsigned short offset, range;
    };

    template <class Visit>
    __device__ __forceinline__ void eachOwn(const Visit& visit) const {
        for (int c = static_cast<int>(threadIdx.x); c < m_cache.headDim; c += kRowThreads)
            visit(c);
    }
    __device__ __forceinline__ const float* rangesOf(const CodedPart& of) const {
        return of.part.ranges + static_cast<std::int64_t>(of.kvHead) * 2 * m_cache.headDim;
    }

    // The nearest of C, the lower among equals.
    __device__ __forceinline__ unsigned nearest(const CodedPart& of, double x) const {
        const double* const levels = of.part.chosen + of.kvHead * kLevelsRoom;
        unsigned best = 0;
        for (unsigned i = 1; i < 1u << m_cache.mixed.bits; ++i)
            if (fabs(x - levels[i]) < fabs(x - levels[best]))
                best = i;
        return best;
    }

    // How many numbers of the row are farther out than component c's, the lower channel among equals.
    __device__ __forceinline__ int rankOut(int c, const CodeMemory& memory) const {
        const double own = fabs(memory.scaled[c]);
        int rank = 0;
        for (int other = 0; other < m_cache.headDim; ++other) {
            const double x = fabs(memory.scaled[other]);
            rank += x > own || (!(own > x) && other < c) ? 1 : 0; // what is no number is equal to all
        }
        return rank;
    }

    // Codes of memory.scaled, which each thread has written its own of, and outliers of `values`. One barrier.
    __device__ __forceinline__ void write(const CodedPart& of, unsigned char* record, unsigned char* held,
                                          const Shared<float>& values, const CodeMemory& memory) const {
        eachOwn([&](int c) { memory.row.codes[c] = nearest(of, memory.scaled[c]); });
        blockSync(); // codes and scaled numbers are there
        packRow(m_cache.mixed.bits, m_cache.headDim, memory, record);
        const int m = m_cache.mixed.outliers;
        eachOwn([&](int c) {
            const int rank = rankOut(c, memory);
            memory.row.stored[c] = 0.0f;
            if (rank >= m)
                return;
            const bool is = fabs(memory.scaled[c]) > 1;
            memory.row.stored[c] = is ? 1.0f : 0.0f; // for put
            unsigned short* const to = reinterpret_cast<unsigned short*>(held) + 2 * rank;
            to[0] = is ? halfBits(values[c]) : static_cast<unsigned short>(0);
            to[1] = is ? static_cast<unsigned short>(c) : static_cast<unsigned short>(0xffff);
        });
        for (int rank = m_cache.headDim + static_cast<int>(threadIdx.x); rank < m; rank += kRowThreads) {
            reinterpret_cast<unsigned short*>(held)[2 * rank] = 0;
            reinterpret_cast<unsigned short*>(held)[2 * rank + 1] = 0xffff;
        }
    }

    // memory.row.stored of component c, where write left whether it is an outlier.
    __device__ __forceinline__ void put(const CodedPart& of, int c, float offset, float range,
                                        const Shared<float>& values, const CodeMemory& memory) const {
        const float level = of.part.levels[of.kvHead * kLevelsRoom + memory.row.codes[c]];
        const unsigned short own = halfBits(values[c]);
        memory.row.stored[c] = memory.row.stored[c] != 0.0f ? halfAt(&own, 0) : fmaf(level, range, offset);
    }

    // The q-th quantile of memory.other, linear between neighbours.
    __device__ __forceinline__ double quantile(double q, const CodeMemory& memory) const {
        const int last = m_cache.headDim - 1;
        const double at = roundedProduct(q, static_cast<double>(last));
        const int below = static_cast<int>(at), above = min(below + 1, last);
        const double low = memory.other[below], high = memory.other[above];
        return low + roundedProduct(high - low, at - below);
    }

    // Of a value; NaN where it has components that are no numbers. One barrier.
    __device__ __forceinline__ Range rangeOf(const CodeMemory& memory) const {
        constexpr double kLeastRange = 1e-5; // methods/store/kvquant.h
        bool numbers = true;
        for (int c = 0; c < m_cache.headDim; ++c)
            numbers = numbers && fabsf(memory.values[c]) < INFINITY;
        eachOwn([&](int c) {
            const float own = memory.values[c];
            int rank = 0;
            for (int other = 0; other < m_cache.headDim; ++other) {
                const float x = memory.values[other];
                rank += x < own || (x == own && other < c) ? 1 : 0;
            }
            if (numbers)
                memory.other[rank] = own;
        });
        blockSync(); // all are in order
        if (!numbers)
            return {0x7e00, 0};
        const double tail = m_cache.mixed.tail;
        const double l = quantile(tail, memory), u = quantile(1 - tail, memory);
        const double half = (u - l) / 2;
        return {halfBits(static_cast<float>((u + l) / 2)),
                halfBits(static_cast<float>(half > kLeastRange ? half : kLeastRange))};
    }

    const CacheBlocks& m_cache;
};

} // namespace fovea::cuda
