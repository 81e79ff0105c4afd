#pragma once
// The forward of forward.h one layer at a time, telling what each matrix is given: for who looks at a model, or changes
// it, layer by layer.

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "core/model/forward.h"
#include "core/model/layer_matrices.h"

namespace fovea {

class Rotations;

// x (B, T, n)
using InputListener = std::function<void(MatrixInput input, const at::Tensor& x)>;

// What stands before the first layer, (B, T, D) fp32, of tokens (B, T) int64.
at::Tensor embeddedTokens(const Model& model, const at::Tensor& tokens, std::int64_t firstPosition);

class LayerForward {
public:
    // For passes over `count` tokens from `firstPosition` on. `spec` must outlive it.
    LayerForward(const ModelSpec& spec, std::int64_t firstPosition, std::int64_t count, std::int64_t length,
                 c10::ScalarType compute, c10::Device device, PassKernels kernels = {});

    // What a block adds to the residual stream x (B, T, D); `w` are the layer's weights, or others in their place.
    at::Tensor attended(int layer, const LayerWeights& w, const at::Tensor& x,
                        const AttentionFunction& attention, const InputListener& heard = {}) const;
    at::Tensor fed(const LayerWeights& w, const at::Tensor& x, const InputListener& heard = {}) const;
    // The residual stream after the layer.
    at::Tensor after(int layer, const LayerWeights& w, const at::Tensor& x,
                     const AttentionFunction& attention, const InputListener& heard = {}) const;

private:
    const ModelSpec& m_spec;
    c10::ScalarType m_compute;
    PassKernels m_kernels;
    std::shared_ptr<const Rotations> m_rotations;
};

} // namespace fovea
