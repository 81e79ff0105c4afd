#pragma once
// Which keys Quest reads of a captured head. Pages are of slots, and slots are used again, so what lies in a page, and
// how wide its bounds have become, depends on all that happened before: the cache is played through once more, token by
// token, with the kernels that a session has. Internal to the replay.

#include <cstdint>
#include <span>
#include <vector>

#include "core/cache/kv_cache.h"
#include "core/engine/captured_head.h"
#include "core/kernels/cpu/attention.h"
#include "core/methods/keep/keep_rule.h"
#include "core/methods/read/quest.h"

namespace fovea {

class Capture;

// The cache of one KV head of a session whose prompt ends at decodeFrom, where its plan begins to act.
class ReplayedPages {
public:
    // The plan's keep acts from `actsFrom` on. leaves: by key, the first query for which it is not held any more.
    // Read as far as queries have come, so that who finds that out query by query may write on; outlives this.
    ReplayedPages(const Capture& capture, int layer, int kvHead, const QuestParams& params,
                  const Store& store, const std::vector<std::int64_t>& leaves, std::int64_t actsFrom,
                  std::int64_t decodeFrom);

    // What the query at `query` meets, itself included. Queries only go up.
    KvView at(std::int64_t query);
    // What it reads, from decodeFrom on, for a group whose heads see what `keep` says: keys, ascending. Good until the
    // next call.
    std::span<const std::int32_t> chosen(std::int64_t query, const LayerKeep& keep);
    // The weights (by slot of at(query)) that a keep hears of the query's read, summed over the group.
    std::span<const float> heard(std::int64_t query);

private:
    void append(std::int64_t position);
    void evictFor(std::int64_t next, bool planned);
    const float* queriesOf(std::int64_t query);

    const Capture& m_capture;
    int m_layer, m_kvHead;
    QuestParams m_params;
    const std::vector<std::int64_t>& m_leaves;
    KeepRule m_own;
    std::int64_t m_actsFrom, m_prefilled;
    HeadStore m_store;
    KvCache m_cache;
    Ledger m_ledger;
    std::int64_t m_tokens = 0; // appended so far
    cpu::AttentionScratch m_scratch;
    std::vector<float> m_queries; // (g, d)
    std::vector<std::int32_t> m_chosen;
    std::vector<float> m_heard, m_out;
};

} // namespace fovea
