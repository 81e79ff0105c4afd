#include "core/engine/replay_pages.h"

#include <algorithm>

#include "core/engine/capture.h"
#include "core/engine/eviction.h"
#include "core/engine/prefill.h"
#include "core/kernels/cpu/attend_quest.h"

namespace fovea {

ReplayedPages::ReplayedPages(const Capture& capture, int layer, int kvHead, const QuestParams& params,
                             const ReplayedKeep& keep, std::int64_t decodeFrom)
    : m_capture(capture), m_layer(layer), m_kvHead(kvHead), m_params(params), m_keep(keep),
      m_decodeFrom(decodeFrom),
      m_prefilled(std::max<std::int64_t>(decodeFrom - 1, 0)), // the prompt's last token is the first step's
      m_cache({.layers = 1, .kvHeads = 1, .headDim = capture.headDim(), .page = params.page}) {
    const int group = capture.spec().group();
    m_queries.resize(static_cast<std::size_t>(group * capture.headDim()));
}

void ReplayedPages::append(std::int64_t position) {
    const std::int64_t row = position * m_capture.headDim();
    m_cache.append(0, position, m_capture.k(m_layer, m_kvHead) + row, m_capture.v(m_layer, m_kvHead) + row,
                   m_ledger);
    m_tokens = position + 1;
}

// As Session does it: a prompt goes in by chunks, after each of which leaves what the next query does not see; a step
// begins with what the plan no longer keeps, once, and ends like a chunk.
KvView ReplayedPages::at(std::int64_t query) {
    while (m_tokens <= query) {
        if (m_tokens > 0 && (m_tokens >= m_prefilled || m_tokens % kPrefillChunk == 0))
            evictUnseen(m_cache, 0, m_keep.rule(m_tokens - 1), m_tokens, m_ledger);
        if (m_tokens == m_decodeFrom)
            evictUnseen(m_cache, 0, m_keep.rule(m_tokens), m_tokens, m_ledger);
        append(m_tokens);
    }
    return m_cache.view(0, 0);
}

std::span<const std::int32_t> ReplayedPages::chosen(std::int64_t query) {
    const KvView view = at(query);
    const int group = m_capture.spec().group(), d = m_capture.headDim();
    for (int h = 0; h < group; ++h)
        std::copy_n(m_capture.q(m_layer, m_kvHead * group + h) + query * d, d, m_queries.data() + h * d);
    m_chosen.clear();
    for (const std::int32_t page :
         cpu::choosePages(view, group, m_params, m_queries.data(), m_scratch, m_capture.spec().logitRule()))
        for (std::int64_t slot = std::int64_t{page} * m_params.page;
             slot < std::min<std::int64_t>(view.slots, (std::int64_t{page} + 1) * m_params.page); ++slot)
            m_chosen.push_back(static_cast<std::int32_t>(view.positions[slot]));
    std::sort(m_chosen.begin(), m_chosen.end());
    return m_chosen;
}

} // namespace fovea
