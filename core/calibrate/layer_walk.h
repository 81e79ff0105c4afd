#pragma once
// A calibration text on its way through a model, one layer at a time.
//
// Held is the residual stream of all its blocks, 4·N·D bytes for N tokens, and of one layer what its matrices are given,
// summed up; of activations themselves no more than a batch.

#include <ATen/core/Tensor.h>

#include <array>
#include <atomic>
#include <vector>

#include "core/model/layer_forward.h"

namespace fovea {

// Over N tokens of what a matrix multiplies, x (n) each.
struct InputSums {
    at::Tensor moment; // (n, n) fp64: (2/N) Σ x·xᵀ, GPTQ's H
    at::Tensor mean;   // (n) fp64: (1/N) Σ |x|
    at::Tensor most;   // (n) fp64: max |x|
};
using LayerInputs = std::array<InputSums, kMatrixInputs>;

class LayerWalk {
public:
    // blocks (N, T) int64. The spec must outlive it.
    LayerWalk(const Model& model, const at::Tensor& blocks);

    // Residual streams before the layer that was reached, (B, T, D) fp32 each, and what runs them.
    const std::vector<at::Tensor>& batches() const { return m_batches; }
    const LayerForward& forward() const { return m_forward; }
    const AttentionFunction& attention() const { return m_attention; }

    // What the matrices of `layer` are given where its weights are `w`. Unfinished when cancelled.
    LayerInputs inputs(int layer, const LayerWeights& w, const std::atomic<bool>& cancel) const;
    // Goes on to the layer after `layer`.
    void pass(int layer, const LayerWeights& w, const std::atomic<bool>& cancel);

private:
    std::vector<at::Tensor> m_batches;
    LayerForward m_forward;
    AttentionFunction m_attention;
};

} // namespace fovea
