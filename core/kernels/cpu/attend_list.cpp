#include "core/kernels/cpu/attend_list.h"

#include "core/kernels/cpu/attend_codes.h"
#include "core/kernels/cpu/attend_mixed.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/attend_list.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "core/kernels/cpu/attend-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

constexpr int kRowsAhead = 8;

// The row to ask for while row i is in work.
template <int R, class Element>
struct RowsAhead {
    const Element* row[R];

    template <int Step>
    HWY_INLINE void ask(int c, int i) const {
        prefetchLine<Step>(row[i], c);
    }
};

// Row i of a tile is the row of slots[i].
template <class Element>
struct ListedRows {
    const void* const* blocks;
    const std::int32_t* slots;
    int count, dims, perBlock;

    template <int Q>
    static constexpr int kAbreast = 8;

    template <int R>
    HWY_INLINE void find(int first, const Element* (&row)[R]) const {
        for (int i = 0; i < R; ++i)
            row[i] = at(first + i);
    }

    void inOrder(const float* scores, float* to) const { std::copy_n(scores, count, to); }

    template <int R, bool First>
    HWY_INLINE RowsAhead<R, Element> ahead(int first) const {
        RowsAhead<R, Element> later{};
        if constexpr (First)
            for (int i = 0; i < R; ++i)
                later.row[i] = at(std::min(first + i + kRowsAhead, count - 1));
        return later;
    }

private:
    HWY_INLINE const Element* at(int i) const {
        const std::int32_t block = slots[i] / perBlock, row = slots[i] % perBlock;
        return static_cast<const Element*>(blocks[block]) + std::int64_t{row} * dims;
    }
};

template <class Loader>
struct AttendList {
    template <class D>
    static void run(D d, const KvView& cache, std::span<const std::int32_t> slots, int group, const float* q,
                    const SoftmaxState& state, float softcap, const LogitSpill& spill, Traffic& moved) {
        using Element = typename Loader::Element;
        const int dims = cache.headDim;
        for (std::size_t first = 0; first < slots.size();) {
            const int count =
                static_cast<int>(std::min(slots.size() - first, static_cast<std::size_t>(tileRows(group))));
            const std::int32_t* const tile = slots.data() + first;
            const ListedRows<Element> keys{cache.keys, tile, count, dims, cache.slotsPerBlock};
            const ListedRows<Element> values{cache.values, tile, count, dims, cache.slotsPerBlock};
            attendTile<Loader>(d, keys, values, count, group, dims, q, state, softcap,
                               spill.from(static_cast<std::int64_t>(first)));
            moved[Component::Scores] += spill.bytes(count, group);
            const std::int64_t bytes = std::int64_t{count} * dims * static_cast<std::int64_t>(sizeof(Element));
            moved[Component::Indices] += count * static_cast<std::int64_t>(sizeof(std::int32_t));
            moved[Component::Keys] += bytes;
            moved[Component::Values] += bytes;
            first += static_cast<std::size_t>(count);
        }
    }
};

template <class Loader>
struct AddValues {
    template <class D>
    static void run(D d, const KvView& cache, std::span<const std::int32_t> slots, int group, const float* p,
                    std::int64_t stride, float* o, Traffic& moved) {
        using Element = typename Loader::Element;
        const int dims = cache.headDim;
        for (std::size_t first = 0; first < slots.size();) {
            const int count =
                static_cast<int>(std::min(slots.size() - first, static_cast<std::size_t>(kTileRows)));
            const ListedRows<Element> values{cache.values, slots.data() + first, count, dims, cache.slotsPerBlock};
            forEachHeads(group, [&](auto q4, auto once, int h) HWY_ATTR {
                addRows<Loader, q4.value, once.value>(d, values, count, dims, p + h * stride + first,
                                                      static_cast<int>(stride), o + h * dims);
            });
            moved[Component::Indices] += count * static_cast<std::int64_t>(sizeof(std::int32_t));
            moved[Component::Values] += std::int64_t{count} * dims * static_cast<std::int64_t>(sizeof(Element));
            first += static_cast<std::size_t>(count);
        }
    }
};

void addValuesTarget(const KvView& cache, std::span<const std::int32_t> slots, int group, const float* p,
                     std::int64_t stride, float* o, Traffic& moved) {
    dispatchType<AddValues>(cache.type, cache.headDim, cache, slots, group, p, stride, o, moved);
}

void attendListTarget(const KvView& cache, std::span<const std::int32_t> slots, int group, const float* q,
                      const SoftmaxState& state, float softcap, const LogitSpill& spill, Traffic& moved) {
    dispatchType<AttendList>(cache.type, cache.headDim, cache, slots, group, q, state, softcap, spill, moved);
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(attendListTarget);
HWY_EXPORT(addValuesTarget);

void attendList(const KvView& cache, std::span<const std::int32_t> slots, int group, const float* q,
                const SoftmaxState& state, float softcap, Traffic& moved, const LogitSpill& spill) {
    state.clear(group, cache.headDim);
    attendMoreOfList(cache, slots, group, q, state, softcap, moved, spill);
}

void attendMoreOfList(const KvView& cache, std::span<const std::int32_t> slots, int group, const float* q,
                      const SoftmaxState& state, float softcap, Traffic& moved, const LogitSpill& spill) {
    if (cache.mixedKeys)
        return attendMixedOfList(cache, slots, group, q, state, softcap, moved, spill);
    if (cache.codes)
        return attendCodesOfList(cache, slots, group, q, state, softcap, moved, spill);
    HWY_DYNAMIC_DISPATCH(attendListTarget)(cache, slots, group, q, state, softcap, spill, moved);
}

void addValues(const KvView& cache, std::span<const std::int32_t> slots, int group, const float* p,
               std::int64_t stride, float* o, Traffic& moved) {
    if (cache.mixedKeys)
        return addMixedValues(cache, slots, group, p, stride, o, moved);
    if (cache.codes)
        return addCodedValues(cache, slots, group, p, stride, o, moved);
    HWY_DYNAMIC_DISPATCH(addValuesTarget)(cache, slots, group, p, stride, o, moved);
}

}  // namespace fovea::cpu
#endif
