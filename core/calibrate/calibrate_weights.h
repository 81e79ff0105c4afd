#pragma once
// A model whose layers' matrices are rounded with an eye on what a text puts into them, layer by layer.
//
// GPTQ (gptq.h) rounds a layer to the inputs that it has once the layers before it are rounded, as its paper does; AWQ
// (awq.h) and SmoothQuant (smooth.h) look at the activations of the model as it was. Both GPTQ and AWQ end in RTN's packed
// rows, asym and clamped; SmoothQuant ends in floats, which another rounds.

#include <ATen/core/Tensor.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <variant>

#include "core/calibrate/awq.h"
#include "core/calibrate/calibration_progress.h"
#include "core/calibrate/gptq.h"
#include "core/calibrate/smooth.h"
#include "core/model/model.h"

namespace fovea {

// what() is one sentence: which layer and matrix, what, and what to do.
class CalibrationError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

struct WeightCalibration {
    std::variant<AwqParams, GptqParams, SmoothParams> method;
    int bits = 4;    // of AWQ and GPTQ: 8, 4, 3 or 2
    int group = 128; // of AWQ and GPTQ, as RtnParams
};

// `model` with what the method makes of its matrices and, where it scales channels, of its norms; all else is the same
// memory. blocks (N, T) int64 tokens. The same for the same blocks and number of threads. `progress` counts matrices and
// may be empty. Null when cancelled. Throws CalibrationError.
std::shared_ptr<const Model> calibrateWeights(const Model& model, const at::Tensor& blocks,
                                              const WeightCalibration& calibration,
                                              const CalibrationProgress& progress,
                                              const std::atomic<bool>& cancel);

// The large parts of what calibrateWeights holds beside the model, as a formula: residual streams (AWQ: four of them) of
// 4·tokens·D each, sums of a layer's inputs of 8·n² each (AWQ: twice), a matrix in work in fp64.
std::int64_t predictCalibrationBytes(const ModelSpec& spec, const WeightCalibration& calibration,
                                     std::int64_t tokens);

} // namespace fovea
