#include "core/engine/replay_pages.h"

#include <algorithm>

#include "core/engine/capture.h"
#include "core/engine/prefill.h"
#include "core/kernels/cpu/attend_quest.h"
#include "core/kernels/cpu/group_weights.h"
#include "core/plan/attention_plan.h"

namespace fovea {

ReplayedPages::ReplayedPages(const Capture& capture, int layer, int kvHead, const QuestParams& params,
                             const Store& store, const std::vector<std::int64_t>& leaves, std::int64_t actsFrom,
                             std::int64_t decodeFrom)
    : m_capture(capture), m_layer(layer), m_kvHead(kvHead), m_params(params), m_leaves(leaves),
      m_own(keepRule({}, capture.spec().window(layer), false)), m_actsFrom(actsFrom),
      m_prefilled(std::max<std::int64_t>(decodeFrom - 1, 0)), // the prompt's last token is the first step's
      m_store(headStoreOf(capture, store, layer, kvHead)),
      m_cache({.layers = 1,
               .kvHeads = 1,
               .headDim = capture.headDim(),
               .codes = m_store.codes,
               .mixed = m_store.mixed,
               .page = params.page,
               .codecs = m_store.codecs}) {
    const int group = capture.spec().group();
    m_queries.resize(static_cast<std::size_t>(group * capture.headDim()));
}

void ReplayedPages::append(std::int64_t position) {
    const std::int64_t row = position * m_capture.headDim();
    m_cache.append(0, position, m_capture.k(m_layer, m_kvHead) + row, m_capture.v(m_layer, m_kvHead) + row,
                   m_ledger);
    m_tokens = position + 1;
}

// What the query at `next` does not find any more leaves: all of that, or before the plan acts what is out of the model's
// own window.
void ReplayedPages::evictFor(std::int64_t next, bool planned) {
    std::vector<std::int32_t> slots;
    for (const std::int32_t slot : m_cache.byAge(0, 0)) {
        const std::int64_t key = m_cache.position(0, 0, slot);
        if (planned ? m_leaves[static_cast<std::size_t>(key)] <= next : !m_own.sees(next, key))
            slots.push_back(slot);
    }
    std::sort(slots.begin(), slots.end());
    m_cache.evict(0, 0, slots, next, m_ledger);
}

// As a session does it: a prompt goes in by chunks, after each of which leaves what the next query does not see; a step
// begins with what the plan no longer keeps, once, and ends like a chunk.
KvView ReplayedPages::at(std::int64_t query) {
    while (m_tokens <= query) {
        if (m_tokens > 0 && (m_tokens >= m_prefilled || m_tokens % kPrefillChunk == 0))
            evictFor(m_tokens, m_tokens > m_actsFrom);
        if (m_tokens == m_actsFrom)
            evictFor(m_tokens, true);
        append(m_tokens);
    }
    return m_cache.view(0, 0);
}

const float* ReplayedPages::queriesOf(std::int64_t query) {
    const int group = m_capture.spec().group(), d = m_capture.headDim();
    for (int h = 0; h < group; ++h)
        std::copy_n(m_capture.q(m_layer, m_kvHead * group + h) + query * d, d, m_queries.data() + h * d);
    return m_queries.data();
}

std::span<const std::int32_t> ReplayedPages::chosen(std::int64_t query, const LayerKeep& keep) {
    const KvView view = at(query);
    const int group = m_capture.spec().group();
    std::vector<cpu::HeadSight> sights;
    for (int h = m_kvHead * group; !keep.same() && h < (m_kvHead + 1) * group; ++h)
        sights.push_back({keep.of(h).sinks, keep.of(h).oldest(query)});
    m_chosen.clear();
    for (const std::int32_t page : cpu::choosePages(view, group, m_params, queriesOf(query), m_scratch,
                                                    m_capture.spec().logitRule(), sights))
        for (std::int64_t slot = std::int64_t{page} * m_params.page;
             slot < std::min<std::int64_t>(view.slots, (std::int64_t{page} + 1) * m_params.page); ++slot)
            m_chosen.push_back(static_cast<std::int32_t>(view.positions[slot]));
    std::sort(m_chosen.begin(), m_chosen.end());
    return m_chosen;
}

std::span<const float> ReplayedPages::heard(std::int64_t query) {
    const KvView view = at(query);
    const int group = m_capture.spec().group();
    cpu::ReadReport report;
    m_out.resize(m_queries.size());
    cpu::attendQuest({&view, 1}, group, m_params, queriesOf(query), m_out.data(), m_scratch, m_ledger,
                     m_capture.spec().logitRule(), {}, &report);
    const auto rows = static_cast<std::size_t>(report.rows.front());
    std::vector<float> listed(rows);
    Traffic uncounted;
    cpu::groupWeights(report, 0, group, 0, report.rows.front(), listed.data(), uncounted);
    m_heard.assign(static_cast<std::size_t>(view.slots), 0.f);
    for (std::size_t i = 0; i < rows; ++i)
        m_heard[static_cast<std::size_t>(report.slots[i])] = listed[i];
    return m_heard;
}

} // namespace fovea
