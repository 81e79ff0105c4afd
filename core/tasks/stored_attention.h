#pragma once
// Attention over a whole text in which every query sees keys and values as a store gives them back: what the papers of
// stores evaluate, and what tells what a store loses before any cache holds its codes.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "core/calibrate/store_codebooks.h"
#include "core/methods/quantise/rtn.h"
#include "core/methods/store/kivi.h"
#include "core/model/forward.h"

namespace fovea {

// One layer's rows, (T, G, d) fp32, keys after RoPE.
struct KvPair {
    at::Tensor keys, values;
};

struct StoreReading {
    // What stands for the rows of a text, by the store's truth, scales as held. Rows that are exact only for a while stand
    // there as they are read later.
    std::function<KvPair(int layer, const KvPair& rows)> read;
    // Of T tokens cached, the newest that the query of the last one sees as they are. Empty: none.
    std::function<std::int64_t(std::int64_t tokens)> exactKeys = {}, exactValues = {};
};

// Keys after RoPE and values, groups along d.
StoreReading rtnReading(const RtnParams& params);
StoreReading kiviReading(const KiviParams& params);
// Keys are turned back to before RoPE, rounded and turned again. `spec` and `books` must outlive it.
StoreReading learntReading(const ModelSpec& spec, const StoreCodebooks& books);

// The same of what is read of keys before RoPE, (T, G, d) to (T, G, d), for any layer; values as they are.
StoreReading keysBeforeRope(const ModelSpec& spec,
                            std::function<at::Tensor(int layer, const at::Tensor& keys)> read);

// causalAttentionOf (forward.h) over what is read, of one text from position 0 on. `spec` must outlive it.
AttentionFunction storedAttentionOf(const ModelSpec& spec, StoreReading reading);

} // namespace fovea
