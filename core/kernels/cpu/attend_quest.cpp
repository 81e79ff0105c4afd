#include "core/kernels/cpu/attend_quest.h"

#include <algorithm>
#include <atomic>

#include "core/kernels/cpu/attend_list.h"
#include "core/kernels/cpu/score_rows.h"
#include "core/kernels/cpu/step_queries.h"
#include "core/kernels/cpu/tasks.h"

namespace fovea::cpu {

namespace {

constexpr std::int64_t kSpanPages = 512; // of one task

// The rows of a head's bounds: two of its components, side by side.
RowTable boundsOf(const KvView& head) {
    return {head.bounds, head.pages(), head.pagesPerBlock, 2 * head.headDim, head.type, Component::Bounds};
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
    const float *queries, *pageQueries;
    float *scores, *partials;
    std::int32_t *pages, *slots;
    std::vector<SlotCandidates>& candidates;

    QuestStep(std::span<const KvView> views, int g, const QuestParams& p, const LogitRule& logits,
              const float* q, AttentionScratch& scratch)
        : heads(views), group(g), dims(views[0].headDim), params(p), rule(logits),
          candidates(scratch.candidates) {
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
        queries = scaledQueries(views[0].type, dims, kv * g, q, {}, logits, scratch.queries);
        pageQueries = boundQueries(q, scratch);
        scratch.scoreStride = stride;
        scores = sized(scratch.scores, kv * stride);
        pages = sized(scratch.pages, kv * pagesRow);
        slots = sized(scratch.slots, kv * slotsRow);
        partials = sized(scratch.partials, kv * SoftmaxState::floats(g, dims));
        sized(candidates, kv);
    }

    // (G, 2, d): Σ over the group of min(q, 0), which meets the least of a page's keys, and of max(q, 0), which meets the
    // greatest; so one product is the sum of the group's scores.
    const float* boundQueries(const float* q, AttentionScratch& scratch) const {
        const std::int64_t kv = std::ssize(heads);
        float* const halves = sized(scratch.componentSizes, kv * 2 * dims);
        std::fill_n(halves, kv * 2 * dims, 0.f);
        for (std::int64_t g = 0; g < kv; ++g)
            for (int h = 0; h < group; ++h)
                for (int i = 0; i < dims; ++i) {
                    const float x = q[(g * group + h) * dims + i];
                    halves[g * 2 * dims + i] += std::min(x, 0.f);
                    halves[g * 2 * dims + dims + i] += std::max(x, 0.f);
                }
        LogitRule scaled = rule;
        scaled.scale = static_cast<float>(rule.scaleOf(dims)); // that of logits of d components, not of 2·d
        return scaledQueries(heads[0].type, 2 * dims, kv, halves, {}, scaled, scratch.componentQueries);
    }
    const KvView& head(std::int64_t g) const { return heads[static_cast<std::size_t>(g)]; }
};

// Stage 1 of one span: what no key of a page exceeds.
void scoreSpan(const QuestStep& step, const HeadSpan& span, Traffic& moved) {
    scoreRows(boundsOf(step.head(span.head)), span.first, span.last, 1,
              step.pageQueries + span.head * 2 * step.dims, step.scores + span.head * step.stride,
              step.stride, nullptr, nullptr, 0, moved);
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

// Stages 2 and 3 of KV head g: the choice, and attention over its rows. Was the last page chosen?
bool attendPages(const QuestStep& step, std::int64_t g, float* out, Traffic& moved) {
    const KvView& head = step.head(g);
    const int group = step.group, dims = step.dims;
    const std::span<const std::int32_t> chosen = choose(step, g, moved);
    const std::span<const std::int32_t> slots = listSlots(step, g, chosen, moved);

    const SoftmaxState state =
        SoftmaxState::at(step.partials + g * SoftmaxState::floats(group, dims), group, dims);
    attendList(head, slots, group, step.queries + g * group * dims, state, step.rule.softcap, moved);
    writeOutput(head, state, group, out + g * group * dims);
    return chosen.back() == head.pages() - 1;
}

} // namespace

std::span<const std::int32_t> choosePages(const KvView& head, int group, const QuestParams& params,
                                          const float* q, AttentionScratch& scratch, const LogitRule& rule) {
    const QuestStep step({&head, 1}, group, params, rule, q, scratch);
    Traffic moved;
    for (const HeadSpan& span : step.spans)
        scoreSpan(step, span, moved);
    return choose(step, 0, moved);
}

std::int64_t attendQuest(std::span<const KvView> heads, int group, const QuestParams& params, const float* q,
                         float* out, AttentionScratch& scratch, Ledger& ledger, const LogitRule& rule) {
    if (heads.empty())
        return 0;
    const QuestStep step(heads, group, params, rule, q, scratch);
    const std::int64_t row = std::int64_t{step.dims} * elementBytes(heads[0].type),
                       kvHeads = std::ssize(heads);
    std::atomic<std::int64_t> last = 0;
    forEachCounted(std::ssize(step.spans), kvHeads * step.most * 2 * row, ledger,
                   [&](std::int64_t span, Traffic& moved) {
                       scoreSpan(step, step.spans[static_cast<std::size_t>(span)], moved);
                   });
    forEachCounted(kvHeads, kvHeads * step.slotsRow * 2 * row, ledger,
                   [&](std::int64_t g, Traffic& moved) { last += attendPages(step, g, out, moved); });
    return last;
}

} // namespace fovea::cpu
