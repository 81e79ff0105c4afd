#include "core/train/gradient.h"

#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/tensor.h>

#include "core/model/forward.h"

namespace fovea {

namespace {

Batch drawBatch(SequenceSource& source, std::int64_t rows, std::int64_t length, double madeUp) {
    std::vector<std::int64_t> inputs, targets;
    Batch batch;
    for (std::int64_t row = 0; row < rows; ++row) {
        const Sequence s = source.next(length, madeUp);
        for (std::size_t i = 0; i < static_cast<std::size_t>(length); ++i) {
            inputs.push_back(s.tokens[i]);
            targets.push_back(s.graded[i + 1] ? s.tokens[i + 1] : kUngraded);
            batch.graded += s.graded[i + 1] != 0;
        }
    }
    batch.inputs = at::tensor(inputs, at::kLong).view({rows, length});
    batch.targets = at::tensor(targets, at::kLong);
    return batch;
}

at::Tensor summedLoss(const Model& model, const Batch& batch, c10::ScalarType compute) {
    const at::Tensor hidden = hiddenStates(model, batch.inputs, 0, causalAttentionOf(model.spec), compute);
    const at::Tensor flat = logits(model, hidden).view({-1, model.spec.vocabulary});
    return at::cross_entropy_loss(flat, batch.targets, {}, /*sum*/ 2, kUngraded);
}

} // namespace

std::vector<Batch> drawBatches(SequenceSource& source, std::int64_t rows, std::int64_t length, double madeUp,
                               int parts) {
    std::vector<Batch> batches;
    for (std::int64_t part = 0; part < parts; ++part) {
        const std::int64_t first = rows * part / parts, last = rows * (part + 1) / parts;
        if (last > first)
            batches.push_back(drawBatch(source, last - first, length, madeUp));
    }
    return batches;
}

StepLoss addGradients(const Model& model, std::span<const Batch> parts, c10::ScalarType compute) {
    StepLoss loss;
    for (const Batch& part : parts)
        loss.graded += part.graded;
    if (loss.graded == 0)
        return loss;
    for (const Batch& part : parts) {
        const at::Tensor nats = summedLoss(model, part, compute);
        nats.div(static_cast<double>(loss.graded)).backward();
        loss.nats += nats.item<double>();
    }
    return loss;
}

} // namespace fovea
