#pragma once
// What a kernel sees of one (owner layer, KV head): raw pointers and sizes, nothing that owns.
//
// Slots live in blocks of `slotsPerBlock`; slot s is row s % slotsPerBlock of block s / slotsPerBlock.
//   keys, values   block: (slotsPerBlock, d) row-major, or codes, as rows() says
//   mixedKeys, mixedValues   where some rows are codes and some exact, how they are read; else null
//   keyColumns     block: (d, slotsPerBlock), the component-major copy of K; null when the plan needs none
//   valueSum       (d) fp32 sum of the values of all live slots; null when the plan needs none. Where query heads of
//                  a group see different slots (valueSums, d): one each, of what it sees
//   bounds         block: (pagesPerBlock, 2, d): of each page, which is slots page·j to page·(j + 1) - 1, the least of
//                  every key component and then the greatest. They may be wider than the live keys are, never
//                  narrower. Null when the plan needs none
//   positions      (slots) of the tokens; ascending until a token takes the slot of one that was evicted
//   byAge          (slots) live slots, oldest token first; null while the order of slots is that of age

#include <cstdint>

#include "core/cache/mixed_rows.h"
#include "core/cache/row_form.h"

namespace fovea {

struct KvView {
    const void* const* keys = nullptr;
    const void* const* values = nullptr;
    const void* const* keyColumns = nullptr;
    const float* valueSum = nullptr;
    int valueSums = 1;
    const void* const* bounds = nullptr;
    int page = 0, pagesPerBlock = 0;
    std::int64_t slots = 0; // live slots, 0..slots-1
    int slotsPerBlock = 256;
    int headDim = 0;
    ElementType type = ElementType::F32; // of all that is held as floats
    std::optional<RtnParams> codes = {}; // of keys and values
    const MixedRows* mixedKeys = nullptr;
    const MixedRows* mixedValues = nullptr;
    const std::int64_t* positions = nullptr;
    const std::int32_t* byAge = nullptr;

    RowForm rows() const { return {type, headDim, slotsPerBlock, codes}; }
    // The type whose order loops take rows in (kernels/cpu/arrangement.h): codes are taken in order, as f32
    // is.
    ElementType rowType() const { return codes || mixedKeys ? ElementType::F32 : type; }
    SlotPlaces keyPlaces() const { return {keys, positions, slotsPerBlock}; }
    SlotPlaces valuePlaces() const { return {values, positions, slotsPerBlock}; }
    std::int64_t rowBytes() const { return rows().codeBytes() + rows().scaleBytes(); }
    std::int64_t pages() const { return page > 0 ? (slots + page - 1) / page : 0; }
    // The slot of the newest token.
    std::int64_t newest() const { return byAge ? byAge[slots - 1] : slots - 1; }
};

} // namespace fovea
