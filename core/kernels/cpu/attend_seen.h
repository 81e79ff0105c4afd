#pragma once
// attendList for a group whose heads may see different ones of the listed slots (head_sight.h): each attends to those it
// sees, and one that sees none to nothing.

#include <cstdint>
#include <span>

#include "core/kernels/cpu/attend_list.h"
#include "core/kernels/cpu/head_sight.h"

namespace fovea::cpu {

// Slots in ascending order, and room for as many where heads of the group differ.
struct SeenSlots {
    std::span<const std::int32_t> slots;
    std::int32_t* memory = nullptr;
};

// KV head g of a step. Each row is read once, for all the heads that see it. Where heads differ nothing is spilled.
inline void attendSeen(const KvView& cache, std::int64_t g, const SightOrder& sight, const SeenSlots& chosen, int group,
                       const float* q, const SoftmaxState& state, float softcap, Traffic& moved,
                       const LogitSpill& spill = {}) {
    if (!sight.parted(g))
        return attendList(cache, chosen.slots, group, q, state, softcap, moved, spill);
    state.clear(group, cache.headDim);
    sight.eachPart(cache, g, chosen.slots, chosen.memory, [&](std::span<const std::int32_t> slots, int n) {
        attendMoreOfList(cache, slots, n, q, state, softcap, moved);
    });
}

} // namespace fovea::cpu
