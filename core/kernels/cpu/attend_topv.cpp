#include "core/kernels/cpu/attend_topv.h"

#include <algorithm>
#include <cmath>

#include "core/kernels/cpu/attend_list.h"
#include "core/kernels/cpu/score_rows.h"
#include "core/kernels/cpu/step_queries.h"
#include "core/kernels/cpu/tasks.h"

namespace fovea::cpu {

namespace {

constexpr std::int64_t kSpanSlots = 1024; // of one task, rounded to whole blocks

// What the stages of one step share. Pointers go into the scratch.
struct TopvStep {
    std::span<const KvView> heads;
    int group, dims;
    const TopvParams& params;
    const LogitRule& rule;
    std::span<const TurnedSlots> turned;
    std::int64_t most, stride; // slots of the longest head, and its row of scores
    std::int64_t chosenRow;    // slots chosen of it
    std::span<const HeadSpan> spans;
    const float* queries;
    float *scores, *mass, *weights, *kept, *partials;
    std::int32_t *slots, *seenSlots;
    const SightOrder& sight;
    std::vector<SlotCandidates>& candidates;
    ReadReport* report;

    TopvStep(std::span<const KvView> views, int g, const TopvParams& p, const LogitRule& logits,
             std::span<const TurnedSlots> others, const float* q, AttentionScratch& scratch,
             ReadReport* told)
        : heads(views), group(g), dims(views[0].headDim), params(p), rule(logits), turned(others),
          most(longest(views)), stride(paddedRow(most)), chosenRow(std::min<std::int64_t>(p.tokens, most)),
          sight(scratch.sight), candidates(scratch.candidates), report(told) {
        const std::int64_t kv = std::ssize(views), h = kv * g;
        const std::int64_t perBlock = views[0].slotsPerBlock;
        cutIntoSpans(
            views, std::max<std::int64_t>(1, kSpanSlots / perBlock) * perBlock,
            [](const KvView& head) { return head.slots; }, scratch.spans);
        spans = scratch.spans;
        queries = scaledQueries(views[0].rowType(), dims, h, q, others, logits, scratch.queries);
        scratch.scoreStride = stride;
        scores = sized(scratch.scores, h * stride);
        mass = sized(scratch.mass, 2 * g * std::ssize(spans));
        kept = sized(scratch.alphas, h);
        slots = sized(scratch.slots, kv * chosenRow);
        seenSlots = sized(scratch.sightSlots, sight.any() ? kv * chosenRow : 0);
        partials = sized(scratch.partials, kv * SoftmaxState::floats(g, dims) + h * chosenRow);
        weights = partials + kv * SoftmaxState::floats(g, dims);
        sized(candidates, kv);
        if (report)
            report->beginAll(views, g, scores, stride);
    }

    static std::int64_t longest(std::span<const KvView> views) {
        std::int64_t slots = 0;
        for (const KvView& view : views)
            slots = std::max(slots, view.slots);
        return slots;
    }
    const KvView& head(std::int64_t g) const { return heads[static_cast<std::size_t>(g)]; }
    // Of the queries that are turned by the i-th of `turned`, 0: of those that are not.
    const float* queriesOf(std::int64_t g, std::int64_t turn) const {
        return queries + (turn * std::ssize(heads) + g) * group * dims;
    }
};

// Stage 1 of one span: what every key scores, and the softmax's mass.
void scoreSpan(const TopvStep& step, std::int64_t index, Traffic& moved) {
    const HeadSpan& span = step.spans[static_cast<std::size_t>(index)];
    const KvView& head = step.head(span.head);
    const RowTable keys{head.keys, head.rows(), Component::Keys, head.mixedKeys, head.positions};
    float* const m = step.mass + index * 2 * step.group;
    float* const l = m + step.group;
    std::fill_n(m, step.group, kNoLogit);
    std::fill_n(l, step.group, 0.f);
    float* const scores = step.scores + span.head * step.group * step.stride;
    const auto scoreSeen = [&](std::int64_t first, std::int64_t last, std::int64_t turn, int n) {
        if (first < last && n > 0)
            scoreRows(keys, first, last, n, step.queriesOf(span.head, turn), scores, step.stride, m, l,
                      step.rule.softcap, moved);
    };
    if (step.sight.parted(span.head))
        return step.sight.eachRun(
            head, span.head, span.first, span.last, [&](std::int64_t first, std::int64_t last, int n) {
                scoreSeen(first, last, 0, n);
                for (int h = n; n > 0 && h < step.group; ++h) {
                    std::fill(scores + h * step.stride + first, scores + h * step.stride + last, kNoLogit);
                    moved[Component::Scores] += (last - first) * static_cast<std::int64_t>(sizeof(float));
                }
            });
    const auto score = [&](std::int64_t first, std::int64_t last, std::int64_t turn) {
        scoreSeen(first, last, turn, step.group);
    };
    std::int64_t slot = span.first;
    for (std::size_t i = 0; i < step.turned.size(); ++i) {
        const std::int64_t first = std::clamp(step.turned[i].first, slot, span.last);
        const std::int64_t last = std::clamp(step.turned[i].last, first, span.last);
        score(slot, first, 0);
        score(first, last, static_cast<std::int64_t>(i) + 1);
        slot = last;
    }
    score(slot, span.last, 0);
}

// The masses of a head's spans, added up in the place of its first.
const float* wholeMass(const TopvStep& step, std::int64_t g) {
    float* whole = nullptr;
    for (std::size_t i = 0; i < step.spans.size(); ++i) {
        if (step.spans[i].head != g)
            continue;
        float* const m = step.mass + static_cast<std::int64_t>(i) * 2 * step.group;
        if (!whole) {
            whole = m;
            continue;
        }
        for (int h = 0; h < step.group; ++h) {
            float scale, otherScale;
            mergeMass(whole[h], whole[step.group + h], m[h], m[step.group + h], scale, otherScale);
        }
    }
    return whole;
}

// weights (group, n) of n chosen slots, added to what is kept. A head's weight of what it does not see is 0.
void weigh(const TopvStep& step, std::int64_t g, std::span<const std::int32_t> chosen, const float* m, const float* l,
           float* weights, Traffic& moved) {
    const std::int64_t n = std::ssize(chosen);
    for (int h = 0; h < step.group; ++h) {
        const float* const scores = step.scores + (g * step.group + h) * step.stride;
        float* const row = weights + h * n;
        // Shares of what is chosen need no mass of all, which what is not chosen may have made NaN.
        const float inverse = step.params.renormalise ? 1 : 1 / l[h];
        float sum = 0;
        for (std::int64_t i = 0; i < n; ++i)
            sum += row[i] =
                l[h] == 0 ? 0.f : std::exp(scores[chosen[static_cast<std::size_t>(i)]] - m[h]) * inverse;
        step.kept[g * step.group + h] += sum;
    }
    moved[Component::Scores] += n * step.group * static_cast<std::int64_t>(sizeof(float));
}

// o (group, d) += the chosen values by their weights. A value never meets a head that does not see it, not even as 0
// times it.
void addChosen(const TopvStep& step, std::int64_t g, std::span<const std::int32_t> chosen, const float* m, float* o,
               Traffic& moved) {
    const KvView& head = step.head(g);
    float* const weights = step.weights + g * step.group * step.chosenRow;
    const auto add = [&](std::span<const std::int32_t> slots, int heads) {
        weigh(step, g, slots, m, m + step.group, weights, moved);
        addValues(head, slots, heads, weights, std::ssize(slots), o, moved);
    };
    if (step.sight.parted(g))
        step.sight.eachPart(head, g, chosen, step.seenSlots + g * step.chosenRow, add);
    else
        add(chosen, step.group);
}

// Stages 2 and 3 of KV head g: the choice, and the chosen values' sum.
void sumChosen(const TopvStep& step, std::int64_t g, float* out, Traffic& moved) {
    const KvView& head = step.head(g);
    const int group = step.group, dims = step.dims;
    const float* const m = wholeMass(step, g);
    const auto n = static_cast<std::size_t>(
        std::min<std::int64_t>(step.params.tokens, step.sight.count(head, g, 0)));
    const std::span<std::int32_t> chosen{step.slots + g * step.chosenRow, n};
    selectSlots(choiceOf(step.params, dims), step.scores + g * group * step.stride, step.stride, head.slots,
                head.byAge, group, m, m + group, chosen, step.kept + g * group,
                step.candidates[static_cast<std::size_t>(g)], moved, step.sight.unseen(g));
    if (step.report)
        step.report->setMass(g, group, m, m + group);

    const SoftmaxState state =
        SoftmaxState::at(step.partials + g * SoftmaxState::floats(group, dims), group, dims);
    state.clear(group, dims);
    float* const kept = step.kept + g * group;
    std::fill_n(kept, group, 0.f);
    addChosen(step, g, chosen, m, state.o, moved);
    std::fill_n(state.l, group, 1.f); // the weights are shares already
    if (step.params.renormalise)
        std::copy_n(kept, group, state.l);
    writeOutput(head, state, group, out + g * group * dims);
}

} // namespace

void attendTopv(std::span<const KvView> heads, int group, const TopvParams& params, const float* q,
                float* out, AttentionScratch& scratch, Ledger& ledger, const LogitRule& rule,
                std::span<const TurnedSlots> turned, std::span<const HeadSight> sights, ReadReport* report) {
    if (heads.empty())
        return;
    const InSight ordered = inSight(heads, group, q, out, sights, scratch);
    const TopvStep step(heads, group, params, rule, turned, ordered.q, scratch, report);
    const std::int64_t row = heads[0].rowBytes(),
                       kvHeads = std::ssize(heads);
    forEachCounted(std::ssize(step.spans), kvHeads * step.most * row, ledger,
                   [&](std::int64_t span, Traffic& moved) { scoreSpan(step, span, moved); });
    forEachCounted(kvHeads, kvHeads * (step.chosenRow * row + step.most * group * 4), ledger,
                   [&](std::int64_t g, Traffic& moved) { sumChosen(step, g, ordered.out, moved); });
    if (scratch.sight.any())
        scratch.sight.restore(ordered.out, step.dims, out);
}

} // namespace fovea::cpu
