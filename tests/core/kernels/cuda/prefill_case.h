#pragma once
// Prompts whose queries attend to a made-up cache in blocks, run on a machine, and their answers in double precision.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/kernels/cuda/prefill.h"

namespace fovea::cuda {

// A chunk of one text: its queries are the newest of its tokens.
struct PromptText {
    std::int64_t firstPosition = 0;
    int queries = 1;
};

struct PromptCase {
    ElementType type = ElementType::F32;
    int kvHeads = 1;  // G
    int group = 1;    // H/G
    int headDim = 64; // d
    std::vector<PromptText> texts = {{}};
    int slotsPerBlock = 64;
    std::vector<HeadSpan> spans = {}; // (H), or empty
    std::int64_t reach = kUnboundedReach;
    float softcap = 0;
    // Tokens lie in other slots than their positions', and some that no query sees any more are gone.
    bool shuffled = false;
    // Of the query at a position: where windows grow.
    std::function<std::int64_t(std::int64_t)> oldest = {};
    // Changes the value of (text's KV head, position, component), which are rounded afterwards.
    std::function<float(int, std::int64_t, int, float)> changedValue = {};
    bool matrixUnits = true; // where rows are of 16 bits and up to 128 wide
    // What lies behind the last slot, in the block that holds it.
    float behindTheLastSlot = 0;
    RowCodes codes = {}; // of K and V where they are not of `type`
    // By how many positions the query at p is turned for the token at j < turnedSinks, and how many components turn.
    std::int64_t turnedSinks = 0;
    int rotated = 0;
    std::function<std::int64_t(std::int64_t, std::int64_t)> turnedBy = {};

    int heads() const { return kvHeads * group; }
    int mostQueries() const;
    // Does the query at position p of a head see the token at j?
    bool sees(int head, std::int64_t p, std::int64_t j) const;
    // (B, most queries, H, d), NaN beyond a text's queries; throws if the kernel writes outside.
    std::vector<float> run(Stream stream) const;
    std::vector<double> truth() const;
    // What the group of each KV head gave to each slot: (B·G, most queries, most slots), NaN beyond a text's queries and slots.
    std::vector<float> weights(Stream stream) const;
    std::vector<double> trueWeights() const;
    std::string text() const;

    bool weighed = false; // does a run weigh, too?

private:
    struct Outcome {
        std::vector<float> out, weights;
    };
    struct Truth {
        std::vector<double> out, weights;
    };
    Outcome runAll(Stream stream) const;
    Truth truths() const;
};

} // namespace fovea::cuda
