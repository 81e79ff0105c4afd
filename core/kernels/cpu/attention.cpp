#include "core/kernels/cpu/attention.h"

#include <algorithm>
#include <cmath>

#include "core/kernels/cpu/arrangement.h"
#include "core/kernels/cpu/attend_all.h"
#include "core/kernels/cpu/attend_list.h"
#include "core/kernels/cpu/score_columns.h"
#include "core/kernels/cpu/select_components.h"
#include "core/kernels/cpu/softmax_state.h"
#include "core/kernels/cpu/tasks.h"

namespace fovea::cpu {
namespace {

constexpr std::int64_t kSpanSlots = 1024;  // of one task, rounded to whole blocks

// How the slots of every head are cut into tasks: by S alone, never by the number of threads, so that sums
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

template <class T>
T* sized(std::vector<T>& vector, std::int64_t n) {
    vector.resize(static_cast<std::size_t>(n));
    return vector.data();
}

std::int64_t rowBytes(const KvView& head) { return std::int64_t{head.headDim} * elementBytes(head.type); }

// q times the scale of logits, arranged as the loops want it; then the queries of turned slots.
const float* scaledQueries(std::span<const KvView> heads, int group, const float* q, AttentionScratch& scratch,
                           const LogitRule& rule, std::span<const TurnedSlots> turned = {}) {
    const int dims = heads[0].headDim, pairs = pairedRun(heads[0].type, dims);
    const std::int64_t n = static_cast<std::int64_t>(heads.size()) * group;
    float* const scaled = sized(scratch.queries, n * dims * (1 + std::ssize(turned)));
    const auto scale = static_cast<float>(rule.scaleOf(dims));
    float* to = scaled;
    const auto arrange = [&](const float* from) {
        for (std::int64_t h = 0; h < n; ++h, to += dims, from += dims)
            for (int i = 0; i < dims; ++i)
                to[arrangedIndex(i, pairs)] = from[i] * scale;
    };
    arrange(q);
    for (const TurnedSlots& slots : turned)
        arrange(slots.q);
    return scaled;
}

// The spans of a head, cut where another query takes over.
std::span<const SlotPiece> piecesOf(const Spans& spans, std::span<const TurnedSlots> turned,
                                    std::vector<SlotPiece>& pieces) {
    pieces.clear();
    std::int64_t slot = 0;
    const auto until = [&](std::int64_t last, std::int64_t query) {
        while (slot < last) {
            const std::int64_t end = std::min(last, (slot / spans.length + 1) * spans.length);
            pieces.push_back({slot, end, query});
            slot = end;
        }
    };
    for (std::size_t i = 0; i < turned.size(); ++i) {
        until(turned[i].first, 0);
        until(turned[i].last, static_cast<std::int64_t>(i) + 1);
    }
    until(spans.slots, 0);
    return pieces;
}

// Room for the logits of n rows of every query head.
void beginReport(ReadReport& report, std::int64_t heads, std::int64_t rows, const float* logits,
                 std::int64_t stride) {
    report.rows = rows;
    report.stride = stride;
    report.logits = logits ? logits : sized(report.spilled, heads * stride);
    report.slots = nullptr;
    report.alphas = nullptr;
    sized(report.m, heads);
    sized(report.l, heads);
}

// Where the logits of KV head g go.
LogitSpill spillOf(ReadReport* report, std::int64_t g, int group) {
    return report ? LogitSpill{report->spilled.data(), report->stride}.ofHead(g * group) : LogitSpill{};
}

void reportMass(ReadReport* report, std::int64_t g, int group, const float* m, const float* l) {
    if (!report)
        return;
    std::copy_n(m, group, report->m.data() + g * group);
    std::copy_n(l, group, report->l.data() + g * group);
}

// out (g, d) = o / l, in order again.
void writeOutput(const KvView& head, const SoftmaxState& state, int group, float* out) {
    const int dims = head.headDim, pairs = pairedRun(head.type, dims);
    for (int h = 0; h < group; ++h) {
        const float inverse = state.l[h] == 0 ? 0.f : 1.f / state.l[h];
        for (int i = 0; i < dims; ++i)
            out[h * dims + i] = state.o[h * dims + arrangedIndex(i, pairs)] * inverse;
    }
}

// out (g, d) = alpha·out + (1 - alpha)·v̄, v̄ = Σ v / S.
void blendMean(const KvView& head, int group, const float* alpha, float* out, Traffic& moved) {
    const float share = 1.f / static_cast<float>(head.slots);
    for (int h = 0; h < group; ++h)
        for (int i = 0; i < head.headDim; ++i) {
            float& y = out[h * head.headDim + i];
            y = alpha[h] * y + (1 - alpha[h]) * share * head.valueSum[i];
        }
    moved[Component::Mean] += head.headDim * static_cast<std::int64_t>(sizeof(float));
}

}  // namespace

void attendAll(std::span<const KvView> heads, int group, const float* q, float* out,
               AttentionScratch& scratch, Ledger& ledger, const LogitRule& rule,
               std::span<const TurnedSlots> turned, ReadReport* report) {
    if (heads.empty())
        return;
    const int dims = heads[0].headDim;
    const Spans spans(heads[0]);
    const auto pieces = piecesOf(spans, turned, scratch.pieces);
    const float* const queries = scaledQueries(heads, group, q, scratch, rule, turned);
    const auto kvHeads = static_cast<std::int64_t>(heads.size()), perHead = std::ssize(pieces);
    const std::int64_t floats = SoftmaxState::floats(group, dims);
    float* const partials = sized(scratch.partials, kvHeads * perHead * floats);
    if (report)
        beginReport(*report, kvHeads * group, spans.slots, nullptr, spans.slots);

    forEachTask(kvHeads * perHead, 2 * kvHeads * spans.slots * rowBytes(heads[0]), [&](std::int64_t task) {
        const std::int64_t g = task / perHead;
        const SlotPiece& piece = pieces[static_cast<std::size_t>(task % perHead)];
        Traffic moved;
        attendAllSpan(heads[static_cast<std::size_t>(g)], piece.first, piece.last, group,
                      queries + (piece.query * kvHeads + g) * group * dims,
                      SoftmaxState::at(partials + task * floats, group, dims), rule.softcap, moved,
                      spillOf(report, g, group));
        ledger.add(moved);
    });
    for (std::int64_t g = 0; g < kvHeads; ++g) {
        float* const own = partials + g * perHead * floats;
        const SoftmaxState state = SoftmaxState::at(own, group, dims);
        for (std::int64_t piece = 1; piece < perHead; ++piece)
            merge(state, SoftmaxState::at(own + piece * floats, group, dims), group, dims);
        reportMass(report, g, group, state.m, state.l);
        writeOutput(heads[static_cast<std::size_t>(g)], state, group, out + g * group * dims);
    }
}

namespace {

// What the stages of one SparQ step share. Pointers go into the scratch.
struct SparqStep {
    std::span<const KvView> heads;
    int group, dims;
    const SparqParams& params;
    const LogitRule& rule;
    Spans spans;
    std::int64_t r, n, stride;
    std::int32_t *components, *slots;
    float *scores, *componentQueries, *mass, *alphas, *taus, *partials;
    std::vector<SlotCandidates>& candidates;
    ReadReport* report;

    SparqStep(std::span<const KvView> views, int g, const SparqParams& p, const LogitRule& logits,
              AttentionScratch& scratch, ReadReport* told)
        : heads(views), group(g), dims(views[0].headDim), params(p), rule(logits), spans(views[0]),
          r(std::clamp(p.components, 1, dims)), n(std::clamp<std::int64_t>(p.tokens, 1, spans.slots)),
          stride((spans.slots + 15) / 16 * 16), candidates(scratch.candidates), report(told) {
        const std::int64_t kv = kvHeads(), h = kv * group;
        scratch.scoreStride = stride;
        components = sized(scratch.components, kv * r);
        slots = sized(scratch.slots, kv * n);
        scores = sized(scratch.scores, h * stride);
        componentQueries = sized(scratch.componentQueries, h * r);
        mass = sized(scratch.mass, 2 * h * spans.perHead);
        alphas = sized(scratch.alphas, h);
        taus = sized(scratch.taus, h);
        partials = sized(scratch.partials, kv * SoftmaxState::floats(group, dims));
        sized(candidates, kv);
        if (report)
            beginReport(*report, h, guessTold() ? spans.slots : n, guessTold() ? scores : nullptr,
                        guessTold() ? stride : n);
        if (report && !guessTold()) {
            report->slots = slots;
            report->alphas = alphas;
        }
    }

    bool guessTold() const { return report && report->estimate; }

    std::int64_t kvHeads() const { return static_cast<std::int64_t>(heads.size()); }
    const KvView& head(std::int64_t g) const { return heads[static_cast<std::size_t>(g)]; }
    // Is the approximate softmax needed, or only an order of the logits?
    bool wantsMass() const {
        return params.alpha || (params.select == SparqParams::Select::Softmax && group > 1) || guessTold();
    }
    std::span<const std::int32_t> componentsOf(std::int64_t g) const {
        return {components + g * r, static_cast<std::size_t>(r)};
    }
    float* massOf(std::int64_t g, std::int64_t span) const {
        return wantsMass() ? mass + (g * spans.perHead + span) * 2 * group : nullptr;
    }
};

// Stage 1 for all heads: i1, τ and q[i1]/τ.
void chooseComponents(const SparqStep& step, const float* q, std::vector<float>& memory) {
    for (std::int64_t g = 0; g < step.kvHeads(); ++g) {
        const float* const own = q + g * step.group * step.dims;
        const std::span<std::int32_t> chosen{step.components + g * step.r, static_cast<std::size_t>(step.r)};
        selectComponents(own, step.group, step.dims, chosen, memory);
        for (int h = 0; h < step.group; ++h) {
            const float* const head = own + h * step.dims;
            const float tau = temperature(step.params, head, step.dims, chosen, step.rule);
            step.taus[g * step.group + h] = tau;
            for (std::int64_t c = 0; c < step.r; ++c)
                step.componentQueries[(g * step.group + h) * step.r + c] =
                    head[chosen[static_cast<std::size_t>(c)]] / tau;
        }
    }
}

// Stage 2 of one span of KV head g.
void scoreSpan(const SparqStep& step, std::int64_t g, std::int64_t span, Traffic& moved) {
    const std::int64_t firstHead = g * step.group;
    float* const m = step.massOf(g, span);
    scoreColumns(step.head(g), step.spans.first(span), step.spans.last(span), step.group,
                 step.componentsOf(g), step.componentQueries + firstHead * step.r,
                 step.scores + firstHead * step.stride, step.stride, m, m ? m + step.group : nullptr,
                 step.rule.softcap, moved);
}

// Stages 3 to 5 of KV head g.
void attendChosen(const SparqStep& step, std::int64_t g, const float* queries, float* out, Traffic& moved) {
    const KvView& head = step.head(g);
    const int group = step.group, dims = step.dims;
    float* const m = step.massOf(g, 0);
    float* const l = m ? m + group : nullptr;
    for (std::int64_t span = 1; m && span < step.spans.perHead; ++span)
        for (int h = 0; h < group; ++h) {
            const float* const other = step.massOf(g, span);
            float scale, otherScale;
            mergeMass(m[h], l[h], other[h], other[group + h], scale, otherScale);
        }
    const std::span<std::int32_t> chosen{step.slots + g * step.n, static_cast<std::size_t>(step.n)};
    float* const alpha = step.alphas + g * group;
    selectSlots(step.params, step.scores + g * group * step.stride, step.stride, step.spans.slots, head.byAge,
                group, m, l, chosen, alpha, step.candidates[static_cast<std::size_t>(g)], moved);

    const SoftmaxState state =
        SoftmaxState::at(step.partials + g * SoftmaxState::floats(group, dims), group, dims);
    attendList(head, chosen, group, queries + g * group * dims, state, step.rule.softcap, moved,
               step.guessTold() ? LogitSpill{} : spillOf(step.report, g, group));
    reportMass(step.report, g, group, step.guessTold() ? m : state.m, step.guessTold() ? l : state.l);
    writeOutput(head, state, group, out + g * group * dims);
    if (step.params.alpha)
        blendMean(head, group, alpha, out + g * group * dims, moved);
}

}  // namespace

void attendSparq(std::span<const KvView> heads, int group, const SparqParams& params, const float* q,
                 float* out, AttentionScratch& scratch, Ledger& ledger, const LogitRule& rule,
                 ReadReport* report) {
    if (heads.empty())
        return;
    const SparqStep step(heads, group, params, rule, scratch, report);
    const float* const queries = scaledQueries(heads, group, q, scratch, rule);
    chooseComponents(step, q, scratch.componentSizes);

    const std::int64_t kvHeads = step.kvHeads(), slots = step.spans.slots;
    const std::int64_t columnBytes = kvHeads * slots * step.r * elementBytes(heads[0].type);
    const std::int64_t chosenBytes = kvHeads * (step.n * 2 * rowBytes(heads[0]) + slots * group * 4);
    const auto count = [&](const auto& work) {
        Traffic moved;
        work(moved);
        ledger.add(moved);
    };
    // Where the heads alone keep the threads busy, a head's scores are still in L2 when they are selected from.
    if (const int threads = at::get_num_threads(); kvHeads % threads == 0 || kvHeads >= 4 * threads) {
        forEachTask(kvHeads, columnBytes + chosenBytes, [&](std::int64_t g) {
            count([&](Traffic& moved) {
                for (std::int64_t span = 0; span < step.spans.perHead; ++span)
                    scoreSpan(step, g, span, moved);
                attendChosen(step, g, queries, out, moved);
            });
        });
        return;
    }
    forEachTask(kvHeads * step.spans.perHead, columnBytes, [&](std::int64_t task) {
        count([&](Traffic& moved) {
            scoreSpan(step, task / step.spans.perHead, task % step.spans.perHead, moved);
        });
    });
    forEachTask(kvHeads, chosenBytes, [&](std::int64_t g) {
        count([&](Traffic& moved) { attendChosen(step, g, queries, out, moved); });
    });
}

}  // namespace fovea::cpu
