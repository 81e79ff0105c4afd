#include "core/kernels/cpu/select_slots.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/select_slots.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "core/kernels/cpu/softmax_state.h"

#ifndef FOVEA_CORE_KERNELS_CPU_SELECT_SLOTS_ONCE
#define FOVEA_CORE_KERNELS_CPU_SELECT_SLOTS_ONCE
namespace fovea::cpu {

constexpr int kSelectTile = 256;

// The candidates so far, in slot order.
struct Candidates {
    SlotCandidates& memory;
    std::int64_t wanted;  // k without the local window
    int group;
    std::int64_t size = 0;
    float bar = kNoLogit;  // only what is above it can be among the best

    bool filling() const { return size < wanted; }

    void add(float value, std::int32_t slot, const float* logits, std::int64_t stride) {
        memory.values[static_cast<std::size_t>(size)] = value;
        memory.slots[static_cast<std::size_t>(size)] = slot;
        for (int h = 0; h < group; ++h)
            memory.logits[static_cast<std::size_t>(size * group + h)] = logits[h * stride];
        ++size;
        if (size == static_cast<std::int64_t>(memory.values.size()))
            keepBest();
    }

    void keepBest() {
        if (size < wanted || wanted == 0)
            return;
        float* const ordered = memory.ordered.data();
        std::copy_n(memory.values.data(), size, ordered);
        std::nth_element(ordered, ordered + wanted - 1, ordered + size, std::greater<>());
        bar = ordered[wanted - 1];
        std::int64_t ties = wanted - std::count_if(ordered, ordered + size, [this](float v) { return v > bar; });
        std::int64_t kept = 0;
        for (std::int64_t i = 0; i < size; ++i) {
            const float value = memory.values[static_cast<std::size_t>(i)];
            if (!(value > bar || (value == bar && ties-- > 0)))
                continue;
            memory.values[static_cast<std::size_t>(kept)] = value;
            memory.slots[static_cast<std::size_t>(kept)] = memory.slots[static_cast<std::size_t>(i)];
            std::copy_n(memory.logits.data() + i * group, group, memory.logits.data() + kept * group);
            ++kept;
        }
        size = kept;
    }
};

}  // namespace fovea::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// values[i] = what slot i of the tile is compared by: the group's sum of ŝ or of logits.
inline HWY_ATTR void groupValues(SparqParams::Select select, const float* logits, std::int64_t stride, int count,
                                 int group, const float* m, const float* l, float* values) {
    const hn::ScalableTag<float> d;
    const int lanes = static_cast<int>(hn::Lanes(d));
    const int whole = count / lanes * lanes;
    std::fill_n(values, count, 0.f);
    for (int h = 0; h < group; ++h) {
        const float* const row = logits + h * stride;
        if (select == SparqParams::Select::Logits || group == 1) {
            for (int i = 0; i < count; ++i)
                values[i] += row[i];
            continue;
        }
        if (!(l[h] > 0))
            continue;
        const float share = 1.f / l[h];
        const auto shift = hn::Set(d, m[h]), scale = hn::Set(d, share);
        for (int i = 0; i < whole; i += lanes) {
            const auto p = hn::Exp(d, hn::Sub(hn::LoadU(d, row + i), shift));
            hn::StoreU(hn::MulAdd(p, scale, hn::LoadU(d, values + i)), d, values + i);
        }
        for (int i = whole; i < count; ++i)
            values[i] += std::exp(row[i] - m[h]) * share;
    }
}

// Adds the slots of the tile whose value is above the bar. The bar may rise underway.
inline HWY_ATTR void scanTile(const float* values, int count, std::int32_t slot, const float* logits,
                              std::int64_t stride, Candidates& candidates) {
    const hn::ScalableTag<float> d;
    const int lanes = static_cast<int>(hn::Lanes(d));
    int i = 0;
    const auto sound = [](float v) { return std::isnan(v) ? kNoLogit : v; };
    for (; i < count && candidates.filling(); ++i)
        candidates.add(sound(values[i]), slot + i, logits + i, stride);
    for (; i + lanes <= count; i += lanes) {
        if (hn::AllFalse(d, hn::Gt(hn::LoadU(d, values + i), hn::Set(d, candidates.bar))))
            continue;
        for (int j = i; j < i + lanes; ++j)
            if (values[j] > candidates.bar)
                candidates.add(values[j], slot + j, logits + j, stride);
    }
    for (; i < count; ++i)
        if (values[i] > candidates.bar)
            candidates.add(values[i], slot + i, logits + i, stride);
}

void scanSlotsTarget(SparqParams::Select select, const float* logits, std::int64_t stride, std::int64_t slots,
                     int group, const float* m, const float* l, Candidates& candidates, Traffic& moved) {
    HWY_ALIGN float values[kSelectTile];
    for (std::int64_t first = 0; first < slots; first += kSelectTile) {
        const int count = static_cast<int>(std::min<std::int64_t>(kSelectTile, slots - first));
        const float* tile = logits + first;
        if (group > 1) {
            groupValues(select, tile, stride, count, group, m, l, values);
            tile = values;
        }
        scanTile(tile, count, static_cast<std::int32_t>(first), logits + first, stride, candidates);
        moved[Component::Scores] += std::int64_t{count} * group * static_cast<std::int64_t>(sizeof(float));
    }
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(scanSlotsTarget);

void selectSlots(const SparqParams& params, const float* logits, std::int64_t stride, std::int64_t slots,
                 int group, const float* m, const float* l, std::span<std::int32_t> chosen, float* alpha,
                 SlotCandidates& memory, Traffic& moved) {
    const auto n = static_cast<std::int64_t>(chosen.size());
    const std::int64_t local = std::clamp<std::int64_t>(params.localTokens(), 0, n);
    Candidates candidates{memory, n - local, group};
    const auto room = static_cast<std::size_t>(std::max(2 * n, n + kSelectTile));
    memory.values.resize(room);
    memory.ordered.resize(room);
    memory.slots.resize(room);
    memory.logits.resize(room * static_cast<std::size_t>(group));

    if (candidates.wanted == 0)
        candidates.bar = std::numeric_limits<float>::infinity();
    HWY_DYNAMIC_DISPATCH(scanSlotsTarget)
    (params.select, logits, stride, slots - local, group, m, l, candidates, moved);
    candidates.keepBest();
    for (std::int64_t slot = slots - local; slot < slots; ++slot) {
        memory.slots[static_cast<std::size_t>(candidates.size)] = static_cast<std::int32_t>(slot);
        for (int h = 0; h < group; ++h)
            memory.logits[static_cast<std::size_t>(candidates.size * group + h)] = logits[h * stride + slot];
        ++candidates.size;
    }
    moved[Component::Scores] += local * group * static_cast<std::int64_t>(sizeof(float));

    std::copy_n(memory.slots.data(), n, chosen.data());
    moved[Component::Indices] += n * static_cast<std::int64_t>(sizeof(std::int32_t));
    for (int h = 0; h < group; ++h) {
        alpha[h] = 1;
        if (!params.alpha)
            continue;
        float mass = 0;
        if (l[h] > 0)
            for (std::int64_t i = 0; i < n; ++i)
                mass += std::exp(memory.logits[static_cast<std::size_t>(i * group + h)] - m[h]);
        alpha[h] = l[h] > 0 ? std::min(1.f, mass / l[h]) : 0.f;
    }
}

}  // namespace fovea::cpu
#endif
