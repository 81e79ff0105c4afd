#pragma once
// In what form the rows of K and V are held: the store slot of a plan. As floats; or rounded to codes as they come
// (quantise/rtn.h, here along the components of each token's K and V after RoPE, as Qllm-Eval's KV does); or as KIVI,
// KVQuant and Coupled Quantisation hold them, some exactly for a while (core/cache/mixed_rows.h). Where rows are codes,
// what a read keeps beside them — a copy of K, sums, bounds — and exact rows are of the model's own float type, and so
// counted.

#include <optional>
#include <variant>

#include "core/cache/element_type.h"
#include "core/cache/row_codec.h"
#include "core/cache/traffic.h"
#include "core/methods/quantise/rtn.h"
#include "core/methods/store/learnt_store.h"
#include "core/methods/store/kivi.h"

namespace fovea {

struct StepShape;

// The checkpoint's own float type; the default.
struct OwnStore {
    bool operator==(const OwnStore&) const = default;
};
using Store = std::variant<OwnStore, ElementType, RtnParams, KiviParams, KvquantParams, CqParams>;

// Of all that is held as floats under `store`.
ElementType storedFloats(const Store& store, ElementType own);
// How rows are coded as they come; nothing where they are floats, or mixed.
std::optional<RtnParams> storedCodes(const Store& store);
// How rows are held of which some are exact for a while; nothing for other stores.
std::optional<MixedStore> mixedStore(const Store& store, int headDim);
// Are rows held as codes, now or after a while?
bool storesCodes(const Store& store);
// What `fovea calibrate --store` has to learn before it can run; nothing for other stores.
std::optional<LearntStore> learntStore(const Store& store);

// Formula: bytes of `n` rows of K (Component::Keys) or V (Component::Values) of d values each: as floats n·d·e, as codes
// n·⌈b·d/8⌉ and of scales n·⌈d/g⌉·(2 + z), z the bytes of a zero: 1 where it is clamped, so that it is found without
// looking at its neighbours', 2 where it is free, 0 in sym. Of a mixed store as if all were coded: n codes, and as many
// sides where each row has its own.
Traffic predictRows(const StepShape& shape, Component rows, std::int64_t n);
// Formula: bits per value, those of scales included; of a mixed store those of keys and values that are coded.
double storedBits(const Store& store, ElementType own, int headDim);
// The same of keys alone, or of values.
double storedBits(const Store& store, ElementType own, int headDim, Component rows);

} // namespace fovea
