#include "core/methods/predict.h"

#include <variant>

#include "core/methods/keep/keep_rule.h"
#include "core/methods/keep/scored_keep.h"
#include "core/methods/quantise/rounded_weights.h"
#include "core/methods/read/dense.h"
#include "core/methods/share/cla.h"
#include "core/methods/store/mixed_store.h"
#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

StepShape asStored(const AttentionPlan& plan, StepShape shape) {
    shape.store = storedFloats(plan.store, shape.store);
    if (!std::holds_alternative<OwnStore>(plan.store)) {
        shape.codes = storedCodes(plan.store);
        shape.mixed = mixedStore(plan.store, shape.headDim);
    }
    shape.valueSums = valueSumsPerHead(plan, shape.group());
    return shape;
}

Traffic predictRead(const AttentionPlan& plan, const StepShape& shape) {
    if (const auto* sparq = std::get_if<SparqParams>(&plan.read))
        return predictSparq(*sparq, shape);
    if (const auto* topv = std::get_if<TopvParams>(&plan.read))
        return predictTopv(*topv, shape);
    if (const auto* quest = std::get_if<QuestParams>(&plan.read))
        return predictQuest(*quest, shape);
    return predictDense(shape);
}

Traffic predictHeldBy(const AttentionPlan& plan, const StepShape& shape) {
    if (const auto* sparq = std::get_if<SparqParams>(&plan.read))
        return predictHeldSparq(*sparq, shape);
    if (const auto* quest = std::get_if<QuestParams>(&plan.read))
        return predictHeldQuest(*quest, shape);
    return predictHeldDense(shape);
}

// The sum of `formula` over the layer's KV heads, each with as many tokens as it holds for the query at p, or as the
// layer reads of it, less `without`. A KV head under spans that differ holds the longest of its group, and the whole
// group's read goes over that.
template <class Formula>
Traffic overHeads(const AttentionPlan& plan, StepShape shape, std::int64_t p, std::int64_t without,
                  KeepRule (LayerKeep::*rows)(int, std::int64_t) const, const Formula& formula) {
    if (scoresTokens(plan)) { // every KV head as many as the others
        shape.tokens = rowsSeen(plan, shape.window, shape.keeps, shape.promptTokens(), p) - without;
        return formula(plan, shape);
    }
    std::optional<LayerKeep> made;
    const LayerKeep& keep = layerKeepOf(plan, shape, made);
    if (keep.same()) {
        shape.tokens = keep.of(0).seen(p) - without;
        return formula(plan, shape);
    }
    Traffic layer;
    const int heads = shape.kvHeads;
    shape.queryHeads = shape.group();
    shape.kvHeads = 1;
    const std::int64_t holes = shape.holes, begun = shape.pagesBegun;
    for (int head = 0; head < heads; ++head) {
        const auto own = static_cast<std::size_t>(head);
        shape.lastPages = shape.lastPageOf.empty() ? StepShape::kUnknown : shape.lastPageOf[own];
        shape.holes = holes > 0 && !shape.holeIn.empty() ? shape.holeIn[own] : 0;
        // All that were begun are taken off at once: what is taken off does not depend on the rows of the head.
        shape.pagesBegun = begun >= 0 && head > 0 ? 0 : begun;
        shape.tokens = (keep.*rows)(head, p).seen(p) - without;
        layer += formula(plan, shape);
    }
    return layer;
}

} // namespace

Traffic predictMoved(const AttentionPlan& plan, const StepShape& shape) {
    const StepShape stored = asStored(plan, shape);
    Traffic layer;
    if (shape.ownsKv)
        layer += predictEviction(plan, stored);
    layer += predictScoring(plan, stored);
    layer += predictMixed(plan, stored);
    return layer += overHeads(plan, stored, shape.tokens - 1, 0, &LayerKeep::read, predictRead);
}

Traffic predictHeld(const AttentionPlan& plan, const StepShape& shape) {
    const StepShape stored = asStored(plan, shape);
    if (!shape.ownsKv)
        return predictHeldScores(plan, 0, stored); // its queries may wait to vote
    // What the next query sees besides itself: the rest left at the end of this step.
    Traffic layer =
        predictHeldScores(plan, rowsSeen(plan, shape.window, shape.keeps, stored.promptTokens(), shape.tokens) - 1, stored);
    layer += predictHeldMixed(stored);
    return layer += overHeads(plan, stored, shape.tokens, 1, &LayerKeep::held, predictHeldBy);
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

Traffic predictWeights(const AttentionPlan& plan, const ModelSpec& spec, std::int64_t texts) {
    Traffic traffic = predictWeights(spec);
    traffic[Component::Weights] += predictSharedWeights(plan.share, spec) + (texts - 1) * spec.tokenBytes;
    traffic[Component::Weights] += predictRoundedWeights(plan.weights, plan.share, spec);
    return traffic;
}

} // namespace fovea
