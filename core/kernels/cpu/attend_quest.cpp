#include "core/kernels/cpu/attend_quest.h"

#include <algorithm>

#include "core/kernels/cpu/attend_seen.h"
#include "core/kernels/cpu/score_rows.h"
#include "core/kernels/cpu/step_queries.h"
#include "core/kernels/cpu/tasks.h"

namespace fovea::cpu {

namespace {

constexpr std::int64_t kSpanPages = 512; // of one task

// The rows of a head's bounds: two of its components, side by side.
RowTable boundsOf(const KvView& head) {
    return {head.bounds, {head.type, 2 * head.headDim, head.pagesPerBlock}, Component::Bounds};
}

// What the stages of one step share. Pointers go into the scratch.
struct QuestStep {
    std::span<const KvView> heads;
    int group, dims;
    const QuestParams& params;
    const LogitRule& rule;
    std::int64_t most = 0, stride = 0;       // pages of the longest head, and its row of scores
    std::int64_t pagesRow = 0, slotsRow = 0; // pages and slots chosen of it, at most
    std::span<const HeadSpan> spans;
    const SightOrder& sight;
    int prefixes; // sums of queries that pages are met with, per KV head
    const float *queries, *pageQueries;
    float *scores, *partials;
    std::int32_t *pages, *slots, *seenSlots;
    char* lastChosen; // (G)
    std::vector<SlotCandidates>& candidates;
    ReadReport* report;

    QuestStep(std::span<const KvView> views, int g, const QuestParams& p, const LogitRule& logits, const float* q,
              AttentionScratch& scratch, ReadReport* told = nullptr)
        : heads(views), group(g), dims(views[0].headDim), params(p), rule(logits), sight(scratch.sight),
          prefixes(sight.any() ? g : 1), candidates(scratch.candidates), report(told) {
        const std::int64_t kv = std::ssize(views);
        for (const KvView& view : views) {
            most = std::max(most, view.pages());
            slotsRow = std::max(slotsRow, view.slots);
        }
        stride = paddedRow(most);
        pagesRow = std::min<std::int64_t>(p.pages, most);
        slotsRow = std::min<std::int64_t>(slotsRow, pagesRow * p.page);
        cutIntoSpans(
            views, kSpanPages, [](const KvView& head) { return head.pages(); }, scratch.spans);
        spans = scratch.spans;
        queries = scaledQueries(views[0].rowType(), dims, kv * g, q, {}, logits, scratch.queries);
        pageQueries = boundQueries(q, scratch);
        scratch.scoreStride = stride;
        scores = sized(scratch.scores, kv * stride);
        pages = sized(scratch.pages, kv * pagesRow);
        slots = sized(scratch.slots, kv * slotsRow);
        seenSlots = sized(scratch.sightSlots, sight.any() ? kv * slotsRow : 0);
        lastChosen = sized(scratch.lastPages, kv);
        partials = sized(scratch.partials, kv * SoftmaxState::floats(g, dims));
        sized(candidates, kv);
        if (report)
            report->beginListed(kv, g, slotsRow, slots, nullptr);
    }

    // (G, prefixes, 2, d): Σ over the group of min(q, 0), which meets the least of a page's keys, and of max(q, 0), which
    // meets the greatest; so one product is the sum of the group's scores. Where heads see different tokens there is one
    // for each number of heads, the first ones, that may see a page.
    const float* boundQueries(const float* q, AttentionScratch& scratch) const {
        const std::int64_t kv = std::ssize(heads), rows = kv * prefixes;
        float* const halves = sized(scratch.componentSizes, rows * 2 * dims);
        std::fill_n(halves, rows * 2 * dims, 0.f);
        for (std::int64_t g = 0; g < kv; ++g)
            for (int h = 0; h < group; ++h) {
                float* const to = halves + (g * prefixes + std::min(h, prefixes - 1)) * 2 * dims;
                if (h > 0 && prefixes > 1)
                    std::copy_n(to - 2 * dims, 2 * dims, to);
                for (int i = 0; i < dims; ++i) {
                    const float x = q[(g * group + h) * dims + i];
                    to[i] += std::min(x, 0.f);
                    to[dims + i] += std::max(x, 0.f);
                }
            }
        LogitRule scaled = rule;
        scaled.scale = static_cast<float>(rule.scaleOf(dims)); // that of logits of d components, not of 2·d
        return scaledQueries(heads[0].type, 2 * dims, rows, halves, {}, scaled, scratch.componentQueries);
    }
    // That of the first n heads of KV head g.
    const float* boundQuery(std::int64_t g, int n) const {
        return pageQueries + (g * prefixes + std::min(n, prefixes) - 1) * 2 * dims;
    }
    // How many of its heads, the first ones, see a row of a page.
    int seenBy(std::int64_t g, std::int64_t page) const {
        const KvView& view = head(g);
        int n = 0;
        for (std::int64_t slot = page * params.page; slot < std::min(view.slots, (page + 1) * params.page); ++slot)
            n = std::max(n, sight.seenBy(g, view.positions[slot]));
        return n;
    }
    const KvView& head(std::int64_t g) const { return heads[static_cast<std::size_t>(g)]; }
};

// Stage 1 of one span: what no key of a page exceeds.
void scoreSpan(const QuestStep& step, const HeadSpan& span, Traffic& moved) {
    const std::int64_t g = span.head;
    float* const scores = step.scores + g * step.stride;
    const auto score = [&](std::int64_t first, std::int64_t last, int n) {
        scoreRows(boundsOf(step.head(g)), first, last, 1, step.boundQuery(g, n), scores, step.stride, nullptr, nullptr,
                  0, moved);
    };
    if (!step.sight.parted(g))
        return score(span.first, span.last, step.group);
    for (std::int64_t first = span.first, end = first; first < span.last; first = end) {
        const int n = std::max(step.seenBy(g, first), 1);
        while (++end < span.last && std::max(step.seenBy(g, end), 1) == n) {
        }
        score(first, end, n);
    }
}

// The slots of the chosen pages of head g, in order.
std::span<const std::int32_t> listSlots(const QuestStep& step, std::int64_t g,
                                        std::span<const std::int32_t> pages, Traffic& moved) {
    const std::int64_t live = step.head(g).slots;
    std::int32_t* const slots = step.slots + g * step.slotsRow;
    std::int64_t n = 0;
    for (const std::int32_t page : pages) {
        const std::int64_t first = std::int64_t{page} * step.params.page;
        for (std::int64_t slot = first; slot < std::min(live, first + step.params.page); ++slot)
            slots[n++] = static_cast<std::int32_t>(slot);
    }
    moved[Component::Indices] += (std::ssize(pages) + n) * static_cast<std::int64_t>(sizeof(std::int32_t));
    return {slots, static_cast<std::size_t>(n)};
}

// Stage 2 of KV head g: the choice.
std::span<const std::int32_t> choose(const QuestStep& step, std::int64_t g, Traffic& moved) {
    const KvView& head = step.head(g);
    const std::int64_t all = head.pages();
    const std::span<std::int32_t> chosen{
        step.pages + g * step.pagesRow,
        static_cast<std::size_t>(std::min<std::int64_t>(step.params.pages, all))};
    const auto newest = static_cast<std::int32_t>(head.newest() / step.params.page);
    selectValues(step.scores + g * step.stride, all, {&newest, 1}, chosen,
                 step.candidates[static_cast<std::size_t>(g)], moved);
    return chosen;
}

// Stages 2 and 3 of KV head g: the choice, and attention over its rows.
void attendPages(const QuestStep& step, std::int64_t g, float* out, Traffic& moved) {
    const KvView& head = step.head(g);
    const int group = step.group, dims = step.dims;
    const std::span<const std::int32_t> chosen = choose(step, g, moved);
    const std::span<const std::int32_t> slots = listSlots(step, g, chosen, moved);

    const SoftmaxState state =
        SoftmaxState::at(step.partials + g * SoftmaxState::floats(group, dims), group, dims);
    attendSeen(head, g, step.sight, {slots, step.sight.any() ? step.seenSlots + g * step.slotsRow : nullptr}, group,
               step.queries + g * group * dims, state, step.rule.softcap, moved,
               step.report ? step.report->spill(g, group) : LogitSpill{});
    if (step.report) {
        step.report->setMass(g, group, state.m, state.l);
        step.report->rows[static_cast<std::size_t>(g)] = std::ssize(slots);
    }
    writeOutput(head, state, group, out + g * group * dims);
    step.lastChosen[g] = chosen.back() == head.pages() - 1;
}

} // namespace

std::span<const std::int32_t> choosePages(const KvView& head, int group, const QuestParams& params, const float* q,
                                          AttentionScratch& scratch, const LogitRule& rule,
                                          std::span<const HeadSight> sights) {
    const std::span<const KvView> one{&head, 1};
    const InSight ordered = inSight(one, group, q, nullptr, sights, scratch);
    const QuestStep step(one, group, params, rule, ordered.q, scratch);
    Traffic moved;
    for (const HeadSpan& span : step.spans)
        scoreSpan(step, span, moved);
    return choose(step, 0, moved);
}

std::int64_t attendQuest(std::span<const KvView> heads, int group, const QuestParams& params, const float* q,
                         float* out, AttentionScratch& scratch, Ledger& ledger, const LogitRule& rule,
                         std::span<const HeadSight> sights, ReadReport* report) {
    if (heads.empty())
        return 0;
    const InSight ordered = inSight(heads, group, q, out, sights, scratch);
    const QuestStep step(heads, group, params, rule, ordered.q, scratch, report);
    const std::int64_t row = std::int64_t{step.dims} * elementBytes(heads[0].type),
                       kvHeads = std::ssize(heads);
    forEachCounted(std::ssize(step.spans), kvHeads * step.most * 2 * row, ledger,
                   [&](std::int64_t span, Traffic& moved) {
                       scoreSpan(step, step.spans[static_cast<std::size_t>(span)], moved);
                   });
    forEachCounted(kvHeads, kvHeads * step.slotsRow * 2 * row, ledger,
                   [&](std::int64_t g, Traffic& moved) { attendPages(step, g, ordered.out, moved); });
    if (scratch.sight.any())
        scratch.sight.restore(ordered.out, step.dims, out);
    return std::count(step.lastChosen, step.lastChosen + kvHeads, 1);
}

} // namespace fovea::cpu
