#pragma once
// A model whose layers' matrices are rounded and packed, and the bytes of it: what weights=… of a plan makes.
//
// Rounded are query, key, value, output, gate, up and down of every layer that has them; embedding, positions, output
// head, norms and biases stay as the checkpoint has them. A plan that shares KV is converted first: what is rounded is
// what runs.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "core/methods/quantise/rtn.h"
#include "core/methods/quantise/rtn_pack.h"
#include "core/methods/share/cla.h"

namespace fovea {

struct Model;
class WeightMemory;
class Weight;

// Called between matrices: how many of all are done.
using RoundingProgress = std::function<void(int done, int all)>;

// A matrix packed. Undefined when cancelled, and where `fault` says that it cannot be held (rtn_pack.h).
Weight roundMatrix(const Weight& weight, const RtnParams& rtn, const std::atomic<bool>& cancel, RtnFault& fault,
                   WeightMemory* memory = nullptr); // null: memory of its own

// `model` with its matrices packed; all else is the same memory. `progress` may be empty. Null when cancelled. Throws
// PlanError where a matrix has values that cannot be held, naming it.
std::shared_ptr<const Model> roundWeights(const Model& model, const RtnParams& rtn, const RoundingProgress& progress,
                                          const std::atomic<bool>& cancel);

// Formula: bytes of the packed matrices of a model under `share`, all of which a step reads, over its layers
//     R(H·d, D) + R(D, H·d) + R(F, D) [twice where gated] + R(D, F), and 2·R(G·d, D) where the layer owns its KV,
// R(rows, columns) as predictRtnBytes (rtn.h) has it; 0 for weights as they are. `spec` is the model's own.
std::int64_t predictRoundedBytes(const WeightCodes& weights, const Share& share, const ModelSpec& spec);
// Formula: bytes that a step reads beyond (below 0: short of) those of the same matrices under `share` alone.
std::int64_t predictRoundedWeights(const WeightCodes& weights, const Share& share, const ModelSpec& spec);

} // namespace fovea
