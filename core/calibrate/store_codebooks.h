#pragma once
// What a learnt store reads its codes by, and how it is learnt from a text.

#include <ATen/core/Tensor.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "core/calibrate/kv_rows.h"
#include "core/methods/store/kvquant_truth.h"
#include "core/methods/store/learnt_store.h"

namespace fovea {

// Of one layer that owns its KV; what its store does not have is undefined, and all of it in layers that borrow.
struct LayerCodebooks {
    KvquantTable keyTable, valueTable;       // KVQuant
    at::Tensor keyCentroids, valueCentroids; // CQ: (G, d/c, 2^b, c) fp32
};

// Where codebooks come from; all of it stands in their file.
struct CodebookOrigin {
    std::string model, text; // names, for people
    std::uint64_t modelFingerprint = 0, textFingerprint = 0;
    std::int64_t tokens = 0; // read of the text
    std::uint64_t seed = 0;
    bool weighted = true;     // by squared gradients
    std::string program = {}; // its version
};

struct StoreCodebooks {
    LearntStore store;
    std::vector<LayerCodebooks> layers; // (L)
    CodebookOrigin origin;
};

// The options under which rows are collected for a store: its exact first tokens are none to learn from.
KvRowsOptions rowsFor(const LearntStore& store, bool weighted);

// Of every owner in `rows`; weighted where these have weights. The same for the same rows and seed. Empty when cancelled.
// `progress` counts layers.
std::vector<LayerCodebooks> learnCodebooks(const KvRows& rows, const LearntStore& store, std::uint64_t seed,
                                           const CalibrationProgress& progress,
                                           const std::atomic<bool>& cancel);

} // namespace fovea
