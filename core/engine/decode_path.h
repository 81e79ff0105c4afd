#pragma once
// How one token of each of several texts goes through the layers: a backend's part of a session.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "core/engine/device_span.h"

namespace fovea {

class AttentionTap;
class LayerKeeps;
class Ledger;
class Sequence;
struct AttentionPlan;
struct Model;
struct NextToken;
struct SamplerOptions;

// What a session lends its path; all of it outlives the path.
struct DecodeState {
    const Model& model;
    const AttentionPlan& plan;
    const LayerKeeps& keeps;
    Ledger& ledger;
    AttentionTap* tap = nullptr; // null: nobody listens
    bool graphs = true;          // as SessionOptions'
};

// Of one step.
struct StepTime {
    double attentionSeconds = 0; // inside attention
    DeviceSpans device = nullptr;
};

// The next token of a text.
struct Feed {
    Sequence* sequence;
    int token;
};

// How the texts of a step go on: `next` (n), whose tokens are chosen by `sampling` and their draws, or given where that is null.
// Empty: nobody asks.
struct TokenChoice {
    const SamplerOptions* sampling = nullptr;
    std::span<NextToken> next;
};

class DecodePath {
public:
    virtual ~DecodePath() = default;

    // Appends the tokens of a chunk of a prompt to the cache and capture of every layer, which `text` is then to advance by,
    // as prefillChunk (prefill.h) does. False, with nothing done: this path does not read this prompt.
    virtual bool readPrompt(Sequence& /*text*/, std::span<const int> /*tokens*/, std::int64_t /*length*/) {
        return false;
    }

    // Appends every feed's token to its cache and writes the logits (n, V) that follow it. Each weight is read once
    // for all. `planned`: the plan's read acts. Every span that the backend reads or writes goes into the ledger.
    virtual StepTime step(std::span<const Feed> feeds, bool planned, std::span<float> logits) = 0;
    // As step, but the tokens are chosen where the logits are, and these stay there. Nothing, with nothing done: this path has
    // its logits on the host, or does not take this choice.
    virtual std::optional<StepTime> stepTo(std::span<const Feed> /*feeds*/, bool /*planned*/,
                                           const TokenChoice& /*choice*/) {
        return {};
    }
};

// On the CPU kernels; a warm step allocates only what the cache and the kernels' scratch grow by. What a text is given
// does not depend on those beside it.
std::unique_ptr<DecodePath> makeCpuPath(const DecodeState& state);
// On the GPU's kernels, with the caches of texts copied there (device/cache_twin.h). `model` is the state's. Throws
// cuda::OutOfMemory, here and in a step, which then has changed nothing that the host holds: another path may go on.
std::unique_ptr<DecodePath> makeCudaPath(const DecodeState& state, std::shared_ptr<const Model> model);
// ATen throughout, attention by the methods' truths; one text at a time.
std::unique_ptr<DecodePath> makeReferencePath(const DecodeState& state);

} // namespace fovea
