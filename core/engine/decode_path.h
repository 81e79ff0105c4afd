#pragma once
// How one token goes through the layers: a backend's part of a session.

#include <cstdint>
#include <memory>
#include <span>

namespace fovea {

class AttentionTap;
class Capture;
class KvCache;
class KeepObserver;
class LayerKeep;
class Ledger;
struct AttentionPlan;
struct Model;

// What a session lends its path; all of it outlives the path.
struct DecodeState {
    const Model& model;
    const AttentionPlan& plan;
    KvCache& cache;
    Ledger& ledger;
    std::span<const LayerKeep> unplanned, kept; // by layer: what the model sees, and what the plan keeps of it
    Capture* capture;            // null: capture nothing
    AttentionTap* tap = nullptr; // null: nobody listens
    // (layers) what the last step did and no formula can know: KV heads whose choice had the last page of their slots.
    // Null: nobody asks.
    std::int64_t* lastPages = nullptr;
    KeepObserver* observer = nullptr; // null: no keep hears what queries give to tokens
};

// Which parts of the plan act in a step.
struct Acting {
    bool read = true; // else every live row is read
    bool keep = true; // else every token the model itself sees stays, at its own distance
};

class DecodePath {
public:
    virtual ~DecodePath() = default;

    // Appends `token` to the cache and writes the logits (V) that follow it. Every span that the backend
    // reads or writes goes into the ledger. Returns the seconds spent inside attention.
    virtual double step(int token, std::int64_t position, Acting acting, std::span<float> logits) = 0;
};

// On the CPU kernels; a warm step allocates only what the cache and the kernels' scratch grow by.
std::unique_ptr<DecodePath> makeCpuPath(const DecodeState& state);
// ATen throughout, attention by the methods' truths.
std::unique_ptr<DecodePath> makeReferencePath(const DecodeState& state);

} // namespace fovea
