#include "core/kernels/cpu/attend_all.h"

#include "core/kernels/cpu/arrangement.h"
#include "core/kernels/cpu/attend_codes.h"
#include "core/kernels/cpu/attend_mixed.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/attend_all.cpp"
#include <hwy/foreach_target.h> // IWYU pragma: keep

#include "core/kernels/cpu/block_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

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
