#include "core/kernels/cpu/step_queries.h"

#include "core/kernels/cpu/arrangement.h"

namespace fovea::cpu {

const float* scaledQueries(ElementType type, int dims, std::int64_t rows, const float* q,
                           std::span<const TurnedSlots> turned, const LogitRule& rule,
                           LineFloats& memory) {
    const int pairs = pairedRun(type, dims);
    const auto scale = static_cast<float>(rule.scaleOf(dims));
    float* const scaled = sized(memory, rows * dims * (1 + std::ssize(turned)));
    float* to = scaled;
    const auto arrangeRows = [&](const float* from) {
        for (std::int64_t h = 0; h < rows; ++h, to += dims, from += dims)
            arrange(from, to, dims, pairs, scale);
    };
    arrangeRows(q);
    for (const TurnedSlots& slots : turned)
        arrangeRows(slots.q);
    return scaled;
}

InSight inSight(std::span<const KvView> heads, int group, const float* q, float* out,
                std::span<const HeadSight> sights, AttentionScratch& scratch) {
    scratch.sight.set(heads, group, sights);
    if (!scratch.sight.any())
        return {q, out};
    const auto numbers = static_cast<std::int64_t>(sights.size()) * heads[0].headDim;
    scratch.sight.arrange(q, heads[0].headDim, sized(scratch.sightQueries, numbers));
    return {scratch.sightQueries.data(), sized(scratch.sightOut, numbers)};
}

void writeOutput(const KvView& head, const SoftmaxState& state, int group, float* out) {
    const int dims = head.headDim, pairs = pairedRun(head.rowType(), dims);
    for (int h = 0; h < group; ++h) {
        const float inverse = state.l[h] == 0 ? 0.f : 1.f / state.l[h];
        inOrder(state.o + h * dims, out + h * dims, dims, pairs, inverse);
    }
}

} // namespace fovea::cpu
