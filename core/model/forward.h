#pragma once
// The one ATen forward pass: it serves prefill, the reference backend and the trainer, which differ only in
// the attention functor. No in-place writes, so autograd can run through it.

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <functional>

#include "core/model/model.h"

namespace fovea {

// q (B, H, T, d), k and v (B, G, T, d), after RoPE -> (B, H, T, d).
using AttentionFunction =
    std::function<at::Tensor(int layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v)>;

// tokens (B, T) int64, at positions firstPosition.. -> hidden states after the final norm, (B, T, D).
// Weights are cast to `compute` on use: fp32 to run, bf16 to train on fp32 masters. `attention` sees that type.
at::Tensor hiddenStates(const Model& model, const at::Tensor& tokens, std::int64_t firstPosition,
                        const AttentionFunction& attention, c10::ScalarType compute);
// (…, D) -> (…, V), fp32.
at::Tensor logits(const Model& model, const at::Tensor& hidden);

// Softmax(q·Kᵀ/√d)·V over the T tokens themselves, causal; GQA by sharing. The truth of prefill and training.
at::Tensor causalAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

}  // namespace fovea
