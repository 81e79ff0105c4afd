#include "core/kernels/cpu/attend_all.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/attend_all.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "core/kernels/cpu/attend-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

// Consecutive rows of one block.
template <class Element>
struct BlockRows {
    const Element* base;
    int dims;

    const Element* at(int i) const { return base + std::int64_t{i} * dims; }
    void prefetch(int, int) const {}
};

template <class Loader>
struct AttendAll {
    template <class D>
    static void run(D d, const KvView& cache, std::int64_t first, std::int64_t last, int group, const float* q,
                    const SoftmaxState& state, Traffic& moved) {
        using Element = typename Loader::Element;
        const int dims = cache.headDim, perBlock = cache.slotsPerBlock;
        for (std::int64_t slot = first; slot < last;) {
            const std::int64_t block = slot / perBlock, row = slot % perBlock;
            const int count = static_cast<int>(
                std::min<std::int64_t>({last - slot, perBlock - row, std::int64_t{tileRows(group)}}));
            const BlockRows<Element> keys{static_cast<const Element*>(cache.keys[block]) + row * dims, dims};
            const BlockRows<Element> values{static_cast<const Element*>(cache.values[block]) + row * dims, dims};
            attendTile<Loader>(d, keys, values, count, group, dims, q, state);
            const std::int64_t bytes = std::int64_t{count} * dims * static_cast<std::int64_t>(sizeof(Element));
            moved[Component::Keys] += bytes;
            moved[Component::Values] += bytes;
            slot += count;
        }
    }
};

void attendAllTarget(const KvView& cache, std::int64_t first, std::int64_t last, int group, const float* q,
                     const SoftmaxState& state, Traffic& moved) {
    dispatchType<AttendAll>(cache.type, cache.headDim, cache, first, last, group, q, state, moved);
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(attendAllTarget);

void attendAllSpan(const KvView& cache, std::int64_t first, std::int64_t last, int group, const float* q,
                   const SoftmaxState& state, Traffic& moved) {
    state.clear(group, cache.headDim);
    HWY_DYNAMIC_DISPATCH(attendAllTarget)(cache, first, last, group, q, state, moved);
}

}  // namespace fovea::cpu
#endif
