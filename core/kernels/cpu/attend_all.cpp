#include "core/kernels/cpu/attend_all.h"

#include "core/kernels/cpu/arrangement.h"
#include "core/kernels/cpu/attend_codes.h"
#include "core/kernels/cpu/attend_mixed.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/attend_all.cpp"
#include <hwy/foreach_target.h> // IWYU pragma: keep

#include "core/kernels/cpu/attend-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

// Bytes asked for ahead of those in work, in each of the two streams: enough to keep memory busy while a tile is
// computed, little enough to stay in L1 until it is needed.
constexpr int kAhead = 1024;

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
    int rowsAhead = std::max(1, kAhead / static_cast<int>(sizeof(Element)) / dims);

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

template <class Loader>
struct AttendAll {
    using Element = typename Loader::Element;

    template <class D>
    static void run(D d, const KvView& cache, std::int64_t first, std::int64_t last, int group,
                    const float* q, const SoftmaxState& state, float softcap, const LogitSpill& spill,
                    Traffic& moved) {
        const int dims = cache.headDim, perBlock = cache.slotsPerBlock;
        const auto row = [=](const void* const* table, std::int64_t slot) {
            return static_cast<const Element*>(table[slot / perBlock]) + slot % perBlock * dims;
        };
        for (std::int64_t slot = first; slot < last;) {
            const int count = static_cast<int>(std::min<std::int64_t>(
                {last - slot, perBlock - slot % perBlock, std::int64_t{tileRows(group)}}));
            const Element* const key = row(cache.keys, slot);
            const Element* const value = row(cache.values, slot);
            const Element* const nextKey = slot + count < cache.slots ? row(cache.keys, slot + count) : key;
            attendTile<Loader>(d, BlockRows<Element>{key, dims, count, value},
                               BlockRows<Element>{value, dims, count, nextKey}, count, group, dims, q, state,
                               softcap, spill.from(slot));
            moved[Component::Scores] += spill.bytes(count, group);
            const std::int64_t bytes =
                std::int64_t{count} * dims * static_cast<std::int64_t>(sizeof(Element));
            moved[Component::Keys] += bytes;
            moved[Component::Values] += bytes;
            slot += count;
        }
    }
};

void attendAllTarget(const KvView& cache, std::int64_t first, std::int64_t last, int group, const float* q,
                     const SoftmaxState& state, float softcap, const LogitSpill& spill, Traffic& moved) {
    dispatchType<AttendAll>(cache.type, cache.headDim, cache, first, last, group, q, state, softcap, spill,
                            moved);
}

int pairedRunTarget(ElementType type, int dims) {
    return loadsPairs(type, dims) ? static_cast<int>(hn::Lanes(Widest())) : 0;
}

} // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(attendAllTarget);
HWY_EXPORT(pairedRunTarget);

int pairedRun(ElementType type, int dims) {
    return HWY_DYNAMIC_DISPATCH(pairedRunTarget)(type, dims);
}

void attendAllSpan(const KvView& cache, std::int64_t first, std::int64_t last, int group, const float* q,
                   const SoftmaxState& state, float softcap, Traffic& moved, const LogitSpill& spill) {
    state.clear(group, cache.headDim);
    attendMoreSlots(cache, first, last, group, q, state, softcap, moved, spill);
}

void attendMoreSlots(const KvView& cache, std::int64_t first, std::int64_t last, int group, const float* q,
                     const SoftmaxState& state, float softcap, Traffic& moved, const LogitSpill& spill) {
    if (cache.mixedKeys)
        return attendMixed(cache, first, last, group, q, state, softcap, moved, spill);
    if (cache.codes)
        return attendCodes(cache, first, last, group, q, state, softcap, moved, spill);
    HWY_DYNAMIC_DISPATCH(attendAllTarget)(cache, first, last, group, q, state, softcap, spill, moved);
}

} // namespace fovea::cpu
#endif
