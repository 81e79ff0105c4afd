#pragma once
// The one ATen forward pass: it serves prefill, the reference backend and the trainer, which differ only in
// the attention functor. No in-place writes, so autograd can run through it.

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <functional>

#include "core/model/model.h"

namespace fovea {

// q (B, H, T, d), k and v (B, G, T, d), after RoPE -> (B, H, T, d). Scale, soft-cap and window are the
// functor's. In a layer that reads another's KV (spec.kvSources), k and v are undefined: the functor has seen them in
// that layer, which comes before.
using AttentionFunction =
    std::function<at::Tensor(int layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v)>;

// x (B, T, in) and W (out, in) -> x·Wᵀ (B, T, out), in place of libtorch's own; empty, or where it gives nothing:
// libtorch's. No autograd goes through another. Nobody writes into an x between the products that it is in.
using MatrixProduct = std::function<at::Tensor(const at::Tensor& x, const Weight& w)>;

// What a pass computes with in place of libtorch's own, where nobody differentiates. Each may be empty, or give nothing:
// then it is libtorch's. What a pass made for them alone they may write into and give back.
struct PassKernels {
    MatrixProduct product = {};
    // x (…, n), which stays -> the same normalised, fp32
    std::function<at::Tensor(const ModelSpec& spec, const Gain& gain, const at::Tensor& x)> norm = {};
    // heads (B, heads, T, d), theirs, by the angles of their tokens, (T, n') each -> turned
    std::function<at::Tensor(const at::Tensor& heads, const at::Tensor& cos, const at::Tensor& sin)> rotate = {};
    // activation(x)·times, x theirs; times undefined: 1
    std::function<at::Tensor(Activation activation, const at::Tensor& x, const at::Tensor& times)> activate = {};
};

// tokens (B, T) int64, at positions firstPosition.. -> hidden states after the final norm, (B, T, D).
// Weights are cast to `compute` on use: fp32 to run, bf16 to train on fp32 masters. `attention` sees that
// type. `length` is what dynamic RoPE takes for the sequence's length; 0: up to the last of `tokens`.
at::Tensor hiddenStates(const Model& model, const at::Tensor& tokens, std::int64_t firstPosition,
                        const AttentionFunction& attention, c10::ScalarType compute, std::int64_t length = 0,
                        const PassKernels& kernels = {});
// (…, D) -> (…, V), fp32.
at::Tensor logits(const Model& model, const at::Tensor& hidden);

// What the softmax weighs values by, from q·Kᵀ: scaled and capped. Of any shape; headDim is d.
at::Tensor attentionLogits(const at::Tensor& products, const LogitRule& rule, int headDim);

// Softmax(logits)·V over the T tokens themselves, causal, each seeing itself and the window − 1 before it (0:
// all); GQA by sharing. The truth of prefill and training.
at::Tensor causalAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const LogitRule& rule = {}, int window = 0);
// The same as a functor, each layer by the model's own rule and window. `spec` must outlive it. Where layers share KV,
// the functor keeps that of a pass's owners.
AttentionFunction causalAttentionOf(const ModelSpec& spec);

} // namespace fovea
