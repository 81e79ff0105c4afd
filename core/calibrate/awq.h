#pragma once
// AWQ: the few channels that large activations pass through matter most, so they are scaled up before rounding and the
// rounding grid is finer for them; and the largest weights of a group are cut off where that rounds the rest better.
//
// Paper     Lin, Tang, Tang, Yang, Chen, Wang, Xiao, Dang, Gan, Han, "AWQ: Activation-aware Weight Quantization for
//           On-Device LLM Compression and Acceleration", arXiv 2306.00978 (papers: awq), and the authors' code,
//           mit-han-lab/llm-awq
// Symbols   x an input channel, a = mean|x| of it over the calibration text, W the matrices that share the input, Q RTN's
//           rounding (rtn.h), asym and clamped
// Scales    for r = 0, .05, …, .95: s = max(a^r, 1e-4), divided by √(max s · min s); Q(W·s)/s in W's place; the r whose
//           block gives least Σ‖y − y'‖²        (eq. 5; blocks: attention for query, key and value, the feed-forward for
//           gate and up, the matrix itself for output and down)
// Folded    into the norm before; of output into value where both have a channel each (H = G), of down into up
//           (channel_scales.h). Where it folds into nothing, nothing is scaled.
// Clipped   then, per group of each row, at (1 − c) of its max|w| for c = 0, .05, …, .45, the c with least
//           ‖(w − Q(clip w))·X‖²; not of query and key, whose products the attention takes to a power
// Differs   blocks hear the text's every token, where the authors' code takes up to 512 for clipping: the errors of one
//           matrix are sums over H = Σ x·xᵀ, which is at hand. Scales are rounded to binary16 as they are held.

#include <ATen/core/Tensor.h>

#include <atomic>
#include <functional>

#include "core/calibrate/layer_walk.h"
#include "core/methods/quantise/rtn.h"

namespace fovea {

struct AwqParams {
    int ratios = 20;    // r = 0 … below 1, evenly
    double most = .5;   // c stays below it
    int clips = 20;     // steps of c between 0 and 1
};

// s (n) fp64 of mean|x| (n) for one ratio.
at::Tensor awqScales(const at::Tensor& mean, double ratio);
// The scales of the ratio in `params` with the least loss(s).
at::Tensor bestScales(const at::Tensor& mean, const AwqParams& params,
                      const std::function<double(const at::Tensor& s)>& loss);

// w (R, n) with each group cut where its rounding errs least over inputs of this second moment (n, n).
at::Tensor awqClipped(const at::Tensor& w, const at::Tensor& moment, const RtnParams& rtn,
                      const AwqParams& params = {});

// The layer that `walk` has reached, scaled and clipped and not yet rounded: its matrices fp32 where they changed. Unfinished when
// cancelled.
LayerWeights awqLayer(const LayerWalk& walk, const ModelSpec& spec, int layer, const LayerWeights& w,
                      const RtnParams& rtn, const AwqParams& params, const std::atomic<bool>& cancel);

} // namespace fovea
