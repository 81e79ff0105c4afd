// The rows of a tile that lie one after the other, read as two streams. attend_all walks the blocks with it, score_rows
// the keys alone. Compiled once per instruction set.

#if defined(FOVEA_CORE_KERNELS_CPU_BLOCK_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_CORE_KERNELS_CPU_BLOCK_ROWS_INL_H_
#undef FOVEA_CORE_KERNELS_CPU_BLOCK_ROWS_INL_H_
#else
#define FOVEA_CORE_KERNELS_CPU_BLOCK_ROWS_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "core/kernels/cpu/attend-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

// Elements asked for ahead of those in work, in each of the two streams: enough to keep memory busy while rows are
// computed, little enough to stay in L1 until they are needed. Two rows of 128: twice as far two-byte elements come
// a twentieth slower, half as far fp32 does.
constexpr int kAhead = 256;

// Lines to ask for while R rows are in work: as many as these have, from two places.
template <int R, class Element>
struct TwoStreams {
    const Element *lower, *upper;
    int half; // elements of half a row

    // While element c of row i is in work. With one row of each stream at a time the lines are asked for as the rows
    // are read. With more, each stream's lines are asked for in the order of memory, first all of the lower one's,
    // then the upper one's: asked for row beside row, two-byte elements came a twentieth slower. They may lie past
    // the end of memory, where asking does no harm.
    template <int Step>
    HWY_INLINE void ask(int c, int i) const {
        if constexpr (R == 2) {
            prefetchLine<Step>(i == 0 ? lower : upper, c);
        } else {
            const Element* const stream = c < half ? lower + c * R : upper + (c - half) * R;
            prefetchLine<Step>(stream, i * Step);
        }
    }
};

// The rows of a tile, and where memory is read after them. Memory gives a core two streams a quarter faster than
// one, so the rows are taken from the tile's two halves in turn: which row is which does not matter to a softmax,
// as long as K and V agree.
template <class Element>
struct BlockRows {
    const Element* base;
    int dims, count;
    const Element* next;
    int half = (count + 1) / 2;
    int rowsAhead = std::max(1, kAhead / dims);

    // One row of each half at a time: two plain streams, which memory serves at the speed of reading alone, where
    // four rows of each half side by side came a fifth slower. A group of query heads has arithmetic enough to want
    // four rows per load of q and o.
    template <int Q>
    static constexpr int kAbreast = Q == 1 ? 2 : 4;

    // Rows first … first + R − 1; `first` is even, or R is 1.
    template <int R>
    HWY_INLINE void find(int first, const Element* (&row)[R]) const {
        const Element* const lower = base + std::int64_t{first / 2} * dims;
        const Element* const upper = lower + std::int64_t{half} * dims;
        if constexpr (R == 1)
            row[0] = first % 2 ? upper : lower;
        else
            for (int i = 0; i < R; ++i)
                row[i] = (i % 2 ? upper : lower) + i / 2 * dims;
    }

    // The tile's scores by row.
    void inOrder(const float* scores, float* to) const {
        for (int i = 0; i < half; ++i)
            to[i] = scores[2 * i];
        for (int i = half; i < count; ++i)
            to[i] = scores[2 * (i - half) + 1];
    }

    template <int R, bool First>
    HWY_INLINE TwoStreams<R, Element> ahead(int first) const {
        const int later = first / 2 + rowsAhead;
        const Element* const lower =
            later < half ? base + std::int64_t{later} * dims : next + std::int64_t{later - half} * dims;
        return {lower, lower + std::int64_t{half} * dims, dims / 2};
    }
};

} // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif // per-target include guard
