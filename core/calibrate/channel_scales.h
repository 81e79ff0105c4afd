#pragma once
// Scales of input channels, folded into what comes before: what a matrix multiplies is divided by s and the matrix
// multiplied by it, so that the model computes what it did. AWQ and SmoothQuant differ in the s they choose.

#include <ATen/core/Tensor.h>

#include "core/calibrate/layer_walk.h"
#include "core/model/model.h"

namespace fovea {

// Can the channels of this input be scaled? Those after a norm always can; those of the output projection where each of
// them is one channel of the value projection (H = G); those of down where the feed-forward passes scales on: a gated one
// by up, another one with ReLU.
bool scalesFold(const ModelSpec& spec, const LayerWeights& w, MatrixInput input);

// Scales as near to s (n) as what they fold into can hold: a norm keeps its type, and dividing it by them leaves no rounding
// error behind that its matrices would not make good.
at::Tensor foldable(const ModelSpec& spec, const LayerWeights& w, MatrixInput input, const at::Tensor& s);

// The layer with its input scaled by foldable s (n); matrices that changed in fp32, vectors in their own type.
// scalesFold() must hold.
LayerWeights scaled(const ModelSpec& spec, const LayerWeights& w, MatrixInput input, const at::Tensor& s);

// A matrix (R, n) · diag s, fp32.
at::Tensor scaledColumns(const Weight& weight, const at::Tensor& s);
// What x / s has for sums where x has these.
InputSums scaledSums(const InputSums& sums, const at::Tensor& s);

} // namespace fovea
