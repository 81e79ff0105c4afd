#include "core/kernels/cpu/attention.h"

#include <algorithm>
#include <cmath>

#include "core/kernels/cpu/attend_all.h"
#include "core/kernels/cpu/attend_seen.h"
#include "core/kernels/cpu/score_columns.h"
#include "core/kernels/cpu/select_components.h"
#include "core/kernels/cpu/softmax_state.h"
#include "core/kernels/cpu/step_queries.h"
#include "core/kernels/cpu/tasks.h"

namespace fovea::cpu {
namespace {

constexpr std::int64_t kSpanSlots = 1024;  // of one task, rounded to whole blocks

// How the slots of a head are cut into tasks: by S alone, never by the number of threads, so that sums
// are always formed in the same order.
struct Spans {
    std::int64_t slots, length, perHead;

    explicit Spans(const KvView& head)
        : slots(head.slots),
          length(std::max<std::int64_t>(1, kSpanSlots / head.slotsPerBlock) * head.slotsPerBlock),
          perHead((slots + length - 1) / length) {}
    std::int64_t first(std::int64_t span) const { return span * length; }
    std::int64_t last(std::int64_t span) const { return std::min(slots, (span + 1) * length); }
};

// Of all heads together, and of the one that holds the most.
std::int64_t slotsOf(std::span<const KvView> heads) {
    std::int64_t sum = 0;
    for (const KvView& head : heads)
        sum += head.slots;
    return sum;
}
const KvView& longestOf(std::span<const KvView> heads) {
    return *std::max_element(heads.begin(), heads.end(),
                             [](const KvView& a, const KvView& b) { return a.slots < b.slots; });
}

// The spans of KV head g, cut where another query takes over: a task each.
void cutByQuery(const KvView& head, std::int64_t g, int group, std::span<const TurnedSlots> turned,
                AttentionScratch& scratch) {
    const Spans spans(head);
    std::int64_t slot = 0;
    const auto until = [&](std::int64_t last, std::int64_t query) {
        while (slot < last) {
            const std::int64_t end = std::min(last, (slot / spans.length + 1) * spans.length);
            scratch.tasks.push_back({g, scratch.pieces.size(), scratch.pieces.size() + 1});
            scratch.pieces.push_back({slot, end, query, group});
            slot = end;
        }
    };
    for (std::size_t i = 0; i < turned.size(); ++i) {
        until(turned[i].first, 0);
        until(turned[i].last, static_cast<std::int64_t>(i) + 1);
    }
    until(spans.slots, 0);
}

// The spans of KV head g, a task each, in pieces that the same query heads see.
void cutBySight(const KvView& head, std::int64_t g, AttentionScratch& scratch) {
    const Spans spans(head);
    for (std::int64_t span = 0; span < spans.perHead; ++span) {
        const std::size_t first = scratch.pieces.size();
        scratch.sight.eachRun(head, g, spans.first(span), spans.last(span),
                              [&](std::int64_t from, std::int64_t to, int n) {
                                  if (n > 0)
                                      scratch.pieces.push_back({from, to, 0, n});
                              });
        scratch.tasks.push_back({g, first, scratch.pieces.size()});
    }
}

// The tasks of all heads, head by head.
std::span<const SpanTask> tasksOf(std::span<const KvView> heads, int group, std::span<const TurnedSlots> turned,
                                  AttentionScratch& scratch) {
    scratch.pieces.clear();
    scratch.tasks.clear();
    for (std::size_t g = 0; g < heads.size(); ++g)
        if (const auto index = static_cast<std::int64_t>(g); scratch.sight.parted(index))
            cutBySight(heads[g], index, scratch);
        else
            cutByQuery(heads[g], index, group, turned, scratch);
    return scratch.tasks;
}

// out (g, d) = alpha·out + (1 - alpha)·v̄, v̄ = Σ v / S over what the head sees.
void blendMean(const KvView& head, std::int64_t g, int group, const SightOrder& sight, const float* alpha, float* out,
               Traffic& moved) {
    for (int h = 0; h < group; ++h) {
        const float share = 1.f / static_cast<float>(sight.count(head, g, h));
        const float* const sum =
            head.valueSum + (head.valueSums > 1 ? sight.original(g, h) : 0) * std::int64_t{head.headDim};
        for (int i = 0; i < head.headDim; ++i) {
            float& y = out[h * head.headDim + i];
            y = alpha[h] * y + (1 - alpha[h]) * share * sum[i];
        }
    }
    moved[Component::Mean] +=
        std::int64_t{head.headDim} * head.valueSums * static_cast<std::int64_t>(sizeof(float));
}

}  // namespace

void attendAll(std::span<const KvView> heads, int group, const float* q, float* out,
               AttentionScratch& scratch, Ledger& ledger, const LogitRule& rule,
               std::span<const TurnedSlots> turned, std::span<const HeadSight> sights, ReadReport* report) {
    if (heads.empty())
        return;
    const int dims = heads[0].headDim;
    const InSight ordered = inSight(heads, group, q, out, sights, scratch);
    const std::span<const SpanTask> tasks = tasksOf(heads, group, turned, scratch);
    const auto kvHeads = static_cast<std::int64_t>(heads.size());
    const float* const queries =
        scaledQueries(heads[0].rowType(), dims, kvHeads * group, ordered.q, turned, rule, scratch.queries);
    const std::int64_t floats = SoftmaxState::floats(group, dims);
    float* const partials = sized(scratch.partials, std::ssize(tasks) * floats);
    const auto stateOf = [&](std::int64_t task) { return SoftmaxState::at(partials + task * floats, group, dims); };
    if (report)
        report->beginAll(heads, group, nullptr, longestOf(heads).slots);

    const std::int64_t bytes = 2 * slotsOf(heads) * heads[0].rowBytes();
    forEachCounted(std::ssize(tasks), bytes, ledger, [&](std::int64_t number, Traffic& moved) {
        const SpanTask& task = tasks[static_cast<std::size_t>(number)];
        const SoftmaxState state = stateOf(number);
        state.clear(group, dims);
        for (std::size_t i = task.firstPiece; i < task.lastPiece; ++i) {
            const SlotPiece& piece = scratch.pieces[i];
            attendMoreSlots(heads[static_cast<std::size_t>(task.kvHead)], piece.first, piece.last, piece.heads,
                            queries + (piece.query * kvHeads + task.kvHead) * group * dims, state, rule.softcap,
                            moved, report ? report->spill(task.kvHead, group) : LogitSpill{});
        }
    });
    for (std::int64_t task = 0; task < std::ssize(tasks);) {
        const std::int64_t g = tasks[static_cast<std::size_t>(task)].kvHead;
        const SoftmaxState state = stateOf(task);
        while (++task < std::ssize(tasks) && tasks[static_cast<std::size_t>(task)].kvHead == g)
            merge(state, stateOf(task), group, dims);
        if (report)
            report->setMass(g, group, state.m, state.l);
        writeOutput(heads[static_cast<std::size_t>(g)], state, group, ordered.out + g * group * dims);
    }
    if (scratch.sight.any())
        scratch.sight.restore(ordered.out, dims, out);
}

namespace {

// What the stages of one SparQ step share. Pointers go into the scratch.
struct SparqStep {
    std::span<const KvView> heads;
    int group, dims;
    const SparqParams& params;
    const LogitRule& rule;
    const SightOrder& sight;
    Spans longest; // spans of the head that holds the most
    std::int64_t r, most, stride; // most: chosen slots of any head
    std::int32_t *components, *slots;
    std::int32_t* seenSlots; // those of `slots` by how many heads see them
    float *scores, *componentSizes, *componentQueries, *mass, *alphas, *taus, *partials;
    std::vector<SlotCandidates>& candidates;
    ReadReport* report;

    SparqStep(std::span<const KvView> views, int g, const SparqParams& p, const LogitRule& logits,
              AttentionScratch& scratch, ReadReport* told)
        : heads(views), group(g), dims(views[0].headDim), params(p), rule(logits), sight(scratch.sight),
          longest(longestOf(views)), r(std::clamp(p.components, 1, dims)),
          most(std::clamp<std::int64_t>(p.tokens, 1, longest.slots)), stride(paddedRow(longest.slots)),
          candidates(scratch.candidates), report(told) {
        const std::int64_t kv = kvHeads(), h = kv * group;
        scratch.scoreStride = stride;
        components = sized(scratch.components, kv * r);
        slots = sized(scratch.slots, kv * most);
        seenSlots = sized(scratch.sightSlots, sight.any() ? kv * most : 0);
        scores = sized(scratch.scores, h * stride);
        componentSizes = sized(scratch.componentSizes, kv * 2 * dims);
        componentQueries = sized(scratch.componentQueries, h * r);
        mass = sized(scratch.mass, 2 * h * longest.perHead);
        alphas = sized(scratch.alphas, h);
        taus = sized(scratch.taus, h);
        partials = sized(scratch.partials, kv * SoftmaxState::floats(group, dims));
        sized(candidates, kv);
        if (guessTold())
            report->beginAll(views, g, scores, stride);
        else if (report)
            report->beginListed(kv, g, most, slots, alphas);
    }

    bool guessTold() const { return report && report->estimate; }

    std::int64_t kvHeads() const { return static_cast<std::int64_t>(heads.size()); }
    const KvView& head(std::int64_t g) const { return heads[static_cast<std::size_t>(g)]; }
    std::span<std::int32_t> chosenOf(std::int64_t g) const {
        return {slots + g * most, static_cast<std::size_t>(std::min(most, sight.count(head(g), g, 0)))};
    }
    SeenSlots seenOf(std::int64_t g, std::span<const std::int32_t> chosen) const {
        return {chosen, sight.any() ? seenSlots + g * most : nullptr};
    }
    // Is the approximate softmax needed, or only an order of the logits?
    bool wantsMass() const {
        return params.alpha || (params.select == SparqParams::Select::Softmax && group > 1) || guessTold();
    }
    std::span<const std::int32_t> componentsOf(std::int64_t g) const {
        return {components + g * r, static_cast<std::size_t>(r)};
    }
    float* massOf(std::int64_t g, std::int64_t span) const {
        return wantsMass() ? mass + (g * longest.perHead + span) * 2 * group : nullptr;
    }
};

// Stage 1 of KV head g: i1, τ and q[i1]/τ.
void chooseComponents(const SparqStep& step, std::int64_t g, const float* q) {
    const float* const own = q + g * step.group * step.dims;
    const std::span<std::int32_t> chosen{step.components + g * step.r, static_cast<std::size_t>(step.r)};
    selectComponents(own, step.group, step.dims, chosen, step.componentSizes + g * 2 * step.dims);
    for (int h = 0; h < step.group; ++h) {
        const float* const head = own + h * step.dims;
        const float tau = temperature(step.params, head, step.dims, chosen, step.rule);
        step.taus[g * step.group + h] = tau;
        for (std::int64_t c = 0; c < step.r; ++c)
            step.componentQueries[(g * step.group + h) * step.r + c] =
                head[chosen[static_cast<std::size_t>(c)]] / tau;
    }
}

// Stage 2 of slots [first, last) of KV head g, which its first n heads see, on top of the masses at m.
void scoreRun(const SparqStep& step, std::int64_t g, std::int64_t first, std::int64_t last, int n, float* m,
              Traffic& moved) {
    const std::int64_t firstHead = g * step.group;
    float* const scores = step.scores + firstHead * step.stride;
    if (n == 0)
        return; // nobody will look at them
    scoreMoreColumns(step.head(g), first, last, n, step.componentsOf(g),
                     step.componentQueries + firstHead * step.r, scores, step.stride, m,
                     m ? m + step.group : nullptr, step.rule.softcap, moved);
    for (int h = n; h < step.group; ++h) {
        std::fill(scores + h * step.stride + first, scores + h * step.stride + last, kNoLogit);
        moved[Component::Scores] += (last - first) * static_cast<std::int64_t>(sizeof(float));
    }
}

// Stage 2 of one span of KV head g, where it has so many.
void scoreSpan(const SparqStep& step, std::int64_t g, std::int64_t span, Traffic& moved) {
    const KvView& head = step.head(g);
    const Spans spans(head);
    if (span >= spans.perHead)
        return;
    float* const m = step.massOf(g, span);
    if (m) {
        std::fill_n(m, step.group, kNoLogit);
        std::fill_n(m + step.group, step.group, 0.f);
    }
    const auto score = [&](std::int64_t first, std::int64_t last, int n) {
        scoreRun(step, g, first, last, n, m, moved);
    };
    if (step.sight.parted(g))
        step.sight.eachRun(head, g, spans.first(span), spans.last(span), score);
    else
        score(spans.first(span), spans.last(span), step.group);
}

// Stages 3 to 5 of KV head g.
void attendChosen(const SparqStep& step, std::int64_t g, const float* queries, float* out, Traffic& moved) {
    const KvView& head = step.head(g);
    const int group = step.group, dims = step.dims;
    float* const m = step.massOf(g, 0);
    float* const l = m ? m + group : nullptr;
    for (std::int64_t span = 1; m && span < Spans(head).perHead; ++span)
        for (int h = 0; h < group; ++h) {
            const float* const other = step.massOf(g, span);
            float scale, otherScale;
            mergeMass(m[h], l[h], other[h], other[group + h], scale, otherScale);
        }
    const std::span<std::int32_t> chosen = step.chosenOf(g);
    float* const alpha = step.alphas + g * group;
    selectSlots(step.params, step.scores + g * group * step.stride, step.stride, head.slots, head.byAge,
                group, m, l, chosen, alpha, step.candidates[static_cast<std::size_t>(g)], moved, step.sight.unseen(g));

    const SoftmaxState state =
        SoftmaxState::at(step.partials + g * SoftmaxState::floats(group, dims), group, dims);
    attendSeen(head, g, step.sight, step.seenOf(g, chosen), group, queries + g * group * dims, state,
               step.rule.softcap, moved,
               step.report && !step.guessTold() ? step.report->spill(g, group) : LogitSpill{});
    if (step.report)
        step.report->setMass(g, group, step.guessTold() ? m : state.m, step.guessTold() ? l : state.l);
    if (step.report && !step.guessTold())
        step.report->rows[static_cast<std::size_t>(g)] = std::ssize(chosen);
    writeOutput(head, state, group, out + g * group * dims);
    if (step.params.alpha)
        blendMean(head, g, group, step.sight, alpha, out + g * group * dims, moved);
}

}  // namespace

void attendSparq(std::span<const KvView> heads, int group, const SparqParams& params, const float* q,
                 float* out, AttentionScratch& scratch, Ledger& ledger, const LogitRule& rule,
                 std::span<const HeadSight> sights, ReadReport* report) {
    if (heads.empty())
        return;
    const InSight ordered = inSight(heads, group, q, out, sights, scratch);
    const SparqStep step(heads, group, params, rule, scratch, report);
    const std::int64_t kvHeads = step.kvHeads(), slots = slotsOf(heads), perHead = step.longest.perHead;
    const float* const queries =
        scaledQueries(heads[0].rowType(), step.dims, kvHeads * group, ordered.q, {}, rule, scratch.queries);
    const std::int64_t columnBytes = slots * step.r * elementBytes(heads[0].type);
    const std::int64_t chosenBytes = kvHeads * step.most * 2 * heads[0].rowBytes() + slots * group * 4;
    // Where the heads alone keep the threads busy, a head's scores are still in L2 when they are selected from.
    if (const int threads = at::get_num_threads(); kvHeads % threads == 0 || kvHeads >= 4 * threads) {
        forEachCounted(kvHeads, columnBytes + chosenBytes, ledger, [&](std::int64_t g, Traffic& moved) {
            chooseComponents(step, g, ordered.q);
            for (std::int64_t span = 0; span < perHead; ++span)
                scoreSpan(step, g, span, moved);
            attendChosen(step, g, queries, ordered.out, moved);
        });
    } else {
        for (std::int64_t g = 0; g < kvHeads; ++g)
            chooseComponents(step, g, ordered.q);
        forEachCounted(kvHeads * perHead, columnBytes, ledger, [&](std::int64_t task, Traffic& moved) {
            scoreSpan(step, task / perHead, task % perHead, moved);
        });
        forEachCounted(kvHeads, chosenBytes, ledger, [&](std::int64_t g, Traffic& moved) {
            attendChosen(step, g, queries, ordered.out, moved);
        });
    }
    if (scratch.sight.any())
        scratch.sight.restore(ordered.out, step.dims, out);
}

}  // namespace fovea::cpu
