#pragma once
// KIVI's codes (methods/store/kivi_codec.cpp): of values per token, over groups of channels; of keys per channel, over the
// tokens that share a side.

#include "core/kernels/cuda/mixed_coder.cuh"

namespace fovea::cuda {

// Scale and least value of a group, as held, or NaN where they cannot be.
struct KiviGroup {
    unsigned short scale, least;
};

class KiviCoder {
public:
    static constexpr bool kSharedSides = true;

    __device__ __forceinline__ KiviCoder(const CacheBlocks& cache) : m_cache(cache) {}

    // A value. One barrier.
    __device__ __forceinline__ void code(const CodedPart& of, const CodedPlace& place, std::int64_t,
                                         const CodeMemory& memory) const {
        const int d = m_cache.headDim, size = m_cache.mixed.group, groups = (d + size - 1) / size;
        const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(threadIdx.x) % kWarp;
        unsigned short* const side = reinterpret_cast<unsigned short*>(place.record + of.part.codeBytes);
        for (int g = warp; g < groups; g += kRowWarps) {
            const int first = g * size, end = min(first + size, d);
            float least = memory.values[first], most = least;
            bool numbers = true;
            for (int c = first + lane; c < end; c += kWarp) {
                const float x = memory.values[c];
                numbers = numbers && fabsf(x) < INFINITY;
                least = fminf(least, x);
                most = fmaxf(most, x);
            }
            least = -warpMax(-least);
            most = warpMax(most);
            numbers = ballot(numbers) == 0xffffffffu;
            const KiviGroup group = groupOf(least, most, numbers);
            for (int c = first + lane; c < end; c += kWarp) {
                const unsigned code = codeOf(group, memory.values[c]);
                memory.row.codes[c] = code;
                memory.row.stored[c] = standsFor(group, code);
            }
            if (lane == 0) {
                side[g] = group.scale;
                side[groups + g] = group.least;
            }
        }
        blockSync(); // codes and what they stand for are there
        packRow(m_cache.mixed.bits, d, memory, place.record);
    }

    // Rows slots[0, n) of keys, of which rowOf(i) is the i-th exact one and recordOf(i) where its codes go; done(i) when
    // memory.row.stored is what it stands for. A barrier for each row, and one between two of them.
    template <class RowOf, class RecordOf, class Done>
    __device__ __forceinline__ void codeKeys(int n, unsigned char* sideBytes, const RowOf& rowOf,
                                             const RecordOf& recordOf, const Done& done,
                                             const CodeMemory& memory) const {
        const int d = m_cache.headDim;
        unsigned short* const side = reinterpret_cast<unsigned short*>(sideBytes);
        for (int c = static_cast<int>(threadIdx.x); c < d; c += kRowThreads) {
            float least = INFINITY, most = -INFINITY;
            bool numbers = true;
            for (int i = 0; i < n; ++i) {
                const float x = widened(rowOf(i)[c]);
                numbers = numbers && fabsf(x) < INFINITY;
                least = fminf(least, x);
                most = fmaxf(most, x);
            }
            const KiviGroup group = groupOf(least, most, numbers);
            side[c] = group.scale;
            side[d + c] = group.least;
        }
        for (int i = 0; i < n; ++i) {
            if (i > 0)
                blockSync(); // the codes of the row before are packed
            for (int c = static_cast<int>(threadIdx.x); c < d; c += kRowThreads) {
                const KiviGroup group = {side[c], side[d + c]}; // this thread's own
                const unsigned code = codeOf(group, widened(rowOf(i)[c]));
                memory.row.codes[c] = code;
                memory.row.stored[c] = standsFor(group, code);
            }
            blockSync(); // all codes of the row are there
            packRow(m_cache.mixed.bits, d, memory, recordOf(i));
            done(i);
        }
    }

private:
    __device__ __forceinline__ double levels() const { return (1 << m_cache.mixed.bits) - 1; }

    __device__ __forceinline__ KiviGroup groupOf(float least, float most, bool numbers) const {
        constexpr double kLeastRange = 1e-5; // quantise/rtn.h
        constexpr unsigned short kNone = 0x7e00;
        const double range = static_cast<double>(most) - static_cast<double>(least);
        const KiviGroup held = {
            halfBits(static_cast<float>((range > kLeastRange ? range : kLeastRange) / levels())),
            halfBits(least)};
        const bool holds =
            numbers && fabsf(halfAt(&held.scale, 0)) < INFINITY && fabsf(halfAt(&held.least, 0)) < INFINITY;
        return holds ? held : KiviGroup{kNone, 0};
    }
    __device__ __forceinline__ unsigned codeOf(const KiviGroup& group, float x) const {
        const double s = halfAt(&group.scale, 0), m = halfAt(&group.least, 0);
        if (isnan(s))
            return 0;
        const double code = rint((static_cast<double>(x) - m) / s);
        return static_cast<unsigned>(code < 0 ? 0 : code > levels() ? levels() : code);
    }
    static __device__ __forceinline__ float standsFor(const KiviGroup& group, unsigned code) {
        return roundedProduct(static_cast<float>(code), halfAt(&group.scale, 0)) + halfAt(&group.least, 0);
    }

    const CacheBlocks& m_cache;
};

} // namespace fovea::cuda
