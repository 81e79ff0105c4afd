#pragma once
// In what form the rows of K and V are held: the store slot of a plan. As floats, or rounded to codes (quantise/rtn.h, here
// along the components of each token's K and V after RoPE, as Qllm-Eval's KV does). Where rows are codes, what a read
// keeps beside them — a copy of K, sums, bounds — is of the model's own float type, and so counted.

#include <optional>
#include <variant>

#include "core/cache/element_type.h"
#include "core/cache/traffic.h"
#include "core/methods/quantise/rtn.h"

namespace fovea {

struct StepShape;

// The checkpoint's own float type; the default.
struct OwnStore {
    bool operator==(const OwnStore&) const = default;
};
using Store = std::variant<OwnStore, ElementType, RtnParams>;

// Of all that is held as floats under `store`.
ElementType storedFloats(const Store& store, ElementType own);
// How rows are coded; nothing where they are floats.
std::optional<RtnParams> storedCodes(const Store& store);

// Formula: bytes of `n` rows of K (Component::Keys) or V (Component::Values) of d values each: as floats n·d·e, as codes
// n·⌈b·d/8⌉ and of scales n·⌈d/g⌉·(2 + z), z the bytes of a zero: 1 where it is clamped, so that it is found without
// looking at its neighbours', 2 where it is free, 0 in sym.
Traffic predictRows(const StepShape& shape, Component rows, std::int64_t n);
// Formula: bits per value, those of scales included.
double storedBits(const Store& store, ElementType own, int headDim);

} // namespace fovea
