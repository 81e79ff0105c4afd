#pragma once
// Which keys Quest reads of a captured head. Pages are of slots, and slots are used again, so what lies in a page, and
// how wide its bounds have become, depends on all that happened before: the cache is played through once more, token by
// token, with the kernels that a session has. Internal to the replay.

#include <cstdint>
#include <span>
#include <vector>

#include "core/cache/kv_cache.h"
#include "core/engine/replay_rows.h"
#include "core/kernels/cpu/attention.h"
#include "core/methods/read/quest.h"

namespace fovea {

class Capture;

// The cache of one KV head of a session whose prompt ends at decodeFrom, where its plan begins to act.
class ReplayedPages {
public:
    ReplayedPages(const Capture& capture, int layer, int kvHead, const QuestParams& params,
                  const ReplayedKeep& keep, std::int64_t decodeFrom);

    // What the query at `query` meets, itself included. Queries only go up.
    KvView at(std::int64_t query);
    // What it reads: keys, ascending. Good until the next call.
    std::span<const std::int32_t> chosen(std::int64_t query);

private:
    void append(std::int64_t position);

    const Capture& m_capture;
    int m_layer, m_kvHead;
    QuestParams m_params;
    const ReplayedKeep& m_keep;
    std::int64_t m_decodeFrom, m_prefilled;
    KvCache m_cache;
    Ledger m_ledger;
    std::int64_t m_tokens = 0; // appended so far
    cpu::AttentionScratch m_scratch;
    std::vector<float> m_queries; // (g, d)
    std::vector<std::int32_t> m_chosen;
};

} // namespace fovea
