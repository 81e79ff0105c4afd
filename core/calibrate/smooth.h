#pragma once
// SmoothQuant: outliers of activations are moved into the weights, channel by channel, until both are as easy to round.
// What comes out are floats; acts=rtn or another method rounds them.
//
// Paper     Xiao, Lin, Seznec, Wu, Demouth, Han, "SmoothQuant: Accurate and Efficient Post-Training Quantization for
//           Large Language Models", arXiv 2211.10438 (papers: smoothquant), and the authors' code, mit-han-lab/smoothquant
// Symbols   X_j channel j of what matrices multiply, over the calibration text; W_j their column j; α how much is moved
// Equation  s_j = max|X_j|^α / max|W_j|^(1−α)      (eq. 4), X / s and W·s computing what X and W did
// Where     s is folded into the norm before query, key and value, which share it, and the one before gate and up, as the
//           authors' code does for Llama; output and down have no norm before them and stay
// Defaults  α = .5, as the paper (its code: .85 for Llama-2, .8 for Mistral)
// Edges     max|W_j| and s are at least 1e-5, as in the authors' code; a channel that is never used keeps s = 1

#include <ATen/core/Tensor.h>

#include <span>

#include "core/calibrate/layer_walk.h"

namespace fovea {

struct SmoothParams {
    double alpha = .5;
};

// s (n) fp64 of matrices (R_i, n) that share an input.
at::Tensor smoothScales(const at::Tensor& mostOfInput, std::span<const at::Tensor> matrices, double alpha);

// The layer with both its norms' inputs smoothed; matrices come back in the type that they had.
LayerWeights smoothed(const ModelSpec& spec, const LayerWeights& w, const LayerInputs& inputs,
                      const SmoothParams& params);

} // namespace fovea
