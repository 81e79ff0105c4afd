#pragma once
// How one token of each of several texts goes through the layers: a backend's part of a session.

#include <memory>
#include <span>

namespace fovea {

class AttentionTap;
class LayerKeeps;
class Ledger;
class Sequence;
struct AttentionPlan;
struct Model;

// What a session lends its path; all of it outlives the path.
struct DecodeState {
    const Model& model;
    const AttentionPlan& plan;
    const LayerKeeps& keeps;
    Ledger& ledger;
    AttentionTap* tap = nullptr; // null: nobody listens
};

// The next token of a text.
struct Feed {
    Sequence* sequence;
    int token;
};

class DecodePath {
public:
    virtual ~DecodePath() = default;

    // Appends every feed's token to its cache and writes the logits (n, V) that follow it. Each weight is read once
    // for all. `planned`: the plan's read acts. Every span that the backend reads or writes goes into the ledger.
    // Returns the seconds spent inside attention.
    virtual double step(std::span<const Feed> feeds, bool planned, std::span<float> logits) = 0;
};

// On the CPU kernels; a warm step allocates only what the cache and the kernels' scratch grow by. What a text is given
// does not depend on those beside it.
std::unique_ptr<DecodePath> makeCpuPath(const DecodeState& state);
// ATen throughout, attention by the methods' truths; one text at a time.
std::unique_ptr<DecodePath> makeReferencePath(const DecodeState& state);

} // namespace fovea
