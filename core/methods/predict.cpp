#include "core/methods/predict.h"

#include <variant>

#include "core/methods/keep/keep_rule.h"
#include "core/methods/keep/scored_keep.h"
#include "core/methods/read/dense.h"
#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

StepShape asStored(const AttentionPlan& plan, StepShape shape) {
    shape.store = plan.store.value_or(shape.store);
    return shape;
}

// Rows that the query at p sees.
std::int64_t seen(const AttentionPlan& plan, const StepShape& shape, std::int64_t p) {
    return rowsSeen(plan, shape.window, shape.keeps, shape.promptTokens(), p);
}

} // namespace

Traffic predictMoved(const AttentionPlan& plan, const StepShape& shape) {
    StepShape stored = asStored(plan, shape);
    Traffic layer = predictEviction(plan, stored);
    layer += predictScoring(plan, stored);
    stored.tokens = seen(plan, shape, shape.tokens - 1);
    if (const auto* sparq = std::get_if<SparqParams>(&plan.read))
        return layer += predictSparq(*sparq, stored);
    return layer += predictDense(stored);
}

Traffic predictHeld(const AttentionPlan& plan, const StepShape& shape) {
    StepShape stored = asStored(plan, shape);
    // What the next query sees besides itself: the rest left at the end of this step.
    const std::int64_t rows = seen(plan, shape, shape.tokens) - 1;
    Traffic layer = predictHeldScores(plan, rows, stored);
    stored.tokens = rows;
    if (const auto* sparq = std::get_if<SparqParams>(&plan.read))
        return layer += predictHeldSparq(*sparq, stored);
    return layer += predictHeldDense(stored);
}

// Every matrix is read once, whole, by one matrix-vector product; every gain and bias once:
//
//   per layer   n                attention norm: n is D, of a LayerNorm 2·D (gain and bias)
//               2·H·d·D          query, output
//               2·G·d·D          key, value
//               (H + 2·G)·d      biases of query, key and value
//               D                bias of output
//               2·d              query and key norm, one gain for all heads
//               n                ffn norm
//               3·F·D            gate, up, down; 2·F·D where it is not gated
//               2·F + D          biases of gate, up and down; F + D where it is not gated
//               2·n              norms on what attention and feed-forward add
//   once        D                the token's embedding row
//               D                the position's row, where positions are learned
//               n                final norm
//               V·D              output head, be it the embedding (tied) or a matrix of its own
//
// times the bytes of one element, or of those elements that are held in another type, their own.
Traffic predictWeights(const ModelSpec& spec) {
    const std::int64_t D = spec.width, F = spec.ffn, V = spec.vocabulary, d = spec.headDim;
    const std::int64_t H = spec.queryHeads, G = spec.kvHeads;
    const std::int64_t n = spec.norm == Norm::Layer ? 2 * D : D, inner = spec.gated ? 2 : 1;
    std::int64_t layer = 2 * n + 2 * H * d * D + 2 * G * d * D + (inner + 1) * F * D;
    layer += spec.projectionBias ? (H + 2 * G) * d : 0;
    layer += spec.outputBias ? D : 0;
    layer += spec.queryKeyNorm ? 2 * d : 0;
    layer += spec.ffnBias ? inner * F + D : 0;
    layer += spec.outputNorms ? 2 * n : 0;

    std::int64_t elements = spec.layers * layer + D + (spec.learnedPositions ? D : 0) + n + V * D, others = 0;
    for (const HeldOtherwise& other : spec.heldOtherwise) {
        elements -= other.elements;
        others += other.bytes;
    }
    Traffic traffic;
    traffic[Component::Weights] = elements * elementBytes(spec.type) + others;
    return traffic;
}

} // namespace fovea
