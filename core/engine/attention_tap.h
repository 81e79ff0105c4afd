#pragma once
// Stands at the two ends of every layer's attention in a decode step: what goes in, and what comes out. For whoever
// holds backends against each other; a session without one pays a comparison with null.

namespace fovea {

class AttentionTap {
public:
    virtual ~AttentionTap() = default;

    // q (H, d) after RoPE, k and v (G, d) of the step's token, fp32, before the cache has them; null where the layer
    // makes none of its own. What is written here is what the layer goes on with.
    virtual void enter(int layer, float* q, float* k, float* v) = 0;
    // (H, d) fp32, before the output projection; the same holds.
    virtual void leave(int layer, float* output) = 0;
};

} // namespace fovea
