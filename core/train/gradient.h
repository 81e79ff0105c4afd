#pragma once
// One step's loss and its gradients, in as many parts as the memory asks for.

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <span>
#include <vector>

#include "core/model/model.h"
#include "core/train/sequences.h"

namespace fovea {

inline constexpr std::int64_t kUngraded = -100; // a target that does not count

struct Batch {
    at::Tensor inputs;  // (B, T) int64
    at::Tensor targets; // (B·T) int64, or kUngraded
    std::int64_t graded = 0;
};

// `rows` sequences in `parts` batches, as equal as they can be: the same sequences whatever the parts.
std::vector<Batch> drawBatches(SequenceSource& source, std::int64_t rows, std::int64_t length, double madeUp,
                               int parts);

struct StepLoss {
    double nats = 0; // summed over all graded tokens
    std::int64_t graded = 0;
    double mean() const { return nats / static_cast<double>(graded); }
};

// Adds to the gradients of the model's leaves those of the mean loss over all graded tokens of all parts:
// every token weighs the same, whichever part it fell into. Products in `compute`.
StepLoss addGradients(const Model& model, std::span<const Batch> parts, c10::ScalarType compute);

} // namespace fovea
