#pragma once
// What a kernel sees of one (owner layer, KV head): raw pointers and sizes, nothing that owns.
//
// Slots live in blocks of `slotsPerBlock`; slot s is row s % slotsPerBlock of block s / slotsPerBlock.
//   keys, values   block: (slotsPerBlock, d) row-major
//   keyColumns     block: (d, slotsPerBlock), the component-major copy of K; null when the plan needs none
//   valueSum       (d) fp32 sum of the values of all live slots; null when the plan needs none. Where query heads of
//                  a group see different slots (valueSums, d): one each, of what it sees
//   positions      (slots) of the tokens; ascending until a token takes the slot of one that was evicted
//   byAge          (slots) live slots, oldest token first; null while the order of slots is that of age

#include <cstdint>

#include "core/cache/element_type.h"

namespace fovea {

struct KvView {
    const void* const* keys = nullptr;
    const void* const* values = nullptr;
    const void* const* keyColumns = nullptr;
    const float* valueSum = nullptr;
    int valueSums = 1;
    std::int64_t slots = 0; // live slots, 0..slots-1
    int slotsPerBlock = 256;
    int headDim = 0;
    ElementType type = ElementType::F32;
    const std::int64_t* positions = nullptr;
    const std::int32_t* byAge = nullptr;
};

} // namespace fovea
