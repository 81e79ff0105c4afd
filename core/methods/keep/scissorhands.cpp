#include "core/methods/keep/scissorhands.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/nan_to_num.h>

#include <algorithm>

#include "core/methods/keep/highest_rows.h"
#include "core/methods/step_shape.h"

namespace fovea {

std::int64_t ScissorhandsParams::dropTokens() const {
    return drop ? *drop : std::max<std::int64_t>(1, std::min(budget / 2, budget - recent));
}

std::int64_t scissorhandsSeen(const ScissorhandsParams& params, std::int64_t prompt,
                              std::optional<std::int64_t> reach, std::int64_t p) {
    const std::int64_t N = params.budget, m = params.dropTokens();
    if (reach)
        return std::min({p, *reach, N}) + 1;
    const std::int64_t begun = std::min(prompt, N), steps = p - prompt;
    const std::int64_t full = N - begun + 1; // steps until more than N are held for the first time
    return 1 + (steps < full ? begun + steps : N + 1 - m + (steps - full) % m);
}

std::int64_t scissorhandsHeardBytes(int reader, int readers) {
    if (readers == 1)
        return 8;
    return reader == 0 ? 4 : reader < readers - 1 ? 8 : 12;
}

// Per KV head, S rows seen, W = h/32 words per row, rounded up:
//
//   4·W        the new token's history is cleared
//   8·S        a bit of each row's is set: one word read and written
//   4·W·(S-w)  as the step ends, and S is more than N, the histories of those that may leave are read
//   4·W·(R-w)  as the plan takes over, and the R rows held are more than N, the same
//   8·W        per row that changes slot: its history goes with it
//
// Where c layers read one KV, it is the owner that clears, counts and moves, and weights are summed in a row of S numbers
// until the last of them has read: 4·S (written) by the first, 8·S by those between, 4·S (read) and the 8·S by the last.
Traffic predictScissorhands(const ScissorhandsParams& params, const StepShape& shape) {
    const std::int64_t W = params.words(), N = params.budget, p = shape.tokens - 1;
    const std::int64_t visible = std::min(p, shape.reach());
    const std::int64_t S =
        shape.keeps ? scissorhandsSeen(params, shape.promptTokens(), shape.ownReach(), p) : visible + 1;
    const auto counted = [&](std::int64_t rows) { return rows > N ? 4 * W * (rows - params.recent) : 0; };
    Traffic layer;
    const std::int64_t heard = scissorhandsHeardBytes(shape.readerPlace(), shape.readerCount()) * S;
    if (!shape.ownsKv) {
        layer[Component::Scores] = heard * shape.kvHeads;
        return layer;
    }
    layer[Component::Scores] =
        (4 * W + heard + (shape.keeps ? counted(S) : 0)) * shape.kvHeads + 8 * W * shape.moved;
    if (shape.takesOver)
        layer[Component::Scores] += counted(visible) * shape.kvHeads;
    return layer;
}

Traffic predictHeldScissorhands(const ScissorhandsParams& params, std::int64_t rows, const StepShape& shape) {
    Traffic layer;
    layer[Component::Scores] = 4 * params.words() * rows * shape.kvHeads;
    return layer;
}

// Algorithm 2 of 2305.17118: "low score token" at 1/t.
at::Tensor belowUniform(const at::Tensor& weights, const at::Tensor& seen) {
    const at::Tensor rows = seen.sum(1, /*keepdim=*/true).to(weights.scalar_type());
    return (at::nan_to_num(weights, 0) < kBelowUniform / rows).logical_and(seen);
}

at::Tensor scissorhandsKept(const ScissorhandsParams& params, const at::Tensor& below,
                            const at::Tensor& positions, std::int64_t leaving) {
    const std::int64_t n = positions.size(0);
    return highestRows(-below.to(at::kFloat).sum(0), positions, n - leaving,
                       std::min<std::int64_t>(params.recent, n - leaving));
}

} // namespace fovea
