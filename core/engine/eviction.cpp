#include "core/engine/eviction.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory_resource>
#include <vector>

#include "core/cache/kv_cache.h"

namespace fovea {

namespace {

// Slots that leave: as a rule one or none, so that a step takes no memory for them.
class Slots {
public:
    std::pmr::vector<std::int32_t>& list() { return m_list; }

private:
    std::array<std::byte, 1024> m_room;
    std::pmr::monotonic_buffer_resource m_memory{m_room.data(), m_room.size()};
    std::pmr::vector<std::int32_t> m_list{&m_memory};
};

void evictFrom(KvCache& cache, int layer, int kvHead, const KeepRule& rule, std::int64_t next,
               Ledger& ledger) {
    const KeepRule now = rule.at(next);
    Slots leaving;
    std::pmr::vector<std::int32_t>& unseen = leaving.list();
    for (const std::int32_t slot : cache.byAge(layer, kvHead)) {
        const std::int64_t position = cache.position(layer, kvHead, slot);
        if (!now.sees(next, position))
            unseen.push_back(slot);
        else if (position >= now.sinks)
            break; // the window: all that follow are seen too
    }
    std::sort(unseen.begin(), unseen.end());
    cache.evict(layer, kvHead, unseen, next, ledger);
}

// What the query at `next` does not see leaves a query head's sum, which holds what the one at `since` saw before it,
// by `before`, and every token from there on.
void leaveSum(KvCache& cache, int layer, int kvHead, int sum, const KeepRule& keep, const KeepRule& before,
              std::int64_t since, std::int64_t next, Ledger& ledger) {
    const KeepRule then = before.at(since), now = keep.at(next);
    if (then.seen(since) + next - since == now.seen(next))
        return;
    std::vector<std::int32_t> leaving, staying;
    for (const std::int32_t slot : cache.byAge(layer, kvHead)) {
        const std::int64_t position = cache.position(layer, kvHead, slot);
        if (now.sees(next, position))
            staying.push_back(slot);
        else if (position >= since || then.sees(since, position))
            leaving.push_back(slot);
    }
    cache.hide(layer, kvHead, sum, leaving, staying, ledger);
}

} // namespace

void evictUnseen(KvCache& cache, int layer, const KeepRule& rule, std::int64_t next, Ledger& ledger) {
    for (int head = 0; head < cache.layout().kvHeads; ++head)
        evictFrom(cache, layer, head, rule, next, ledger);
}

void evictUnseen(KvCache& cache, int layer, const LayerKeep& keep, const LayerKeep& before,
                 std::int64_t since, std::int64_t next, Ledger& ledger) {
    const CacheLayout& layout = cache.layout();
    const int sums = layout.valueSum && layout.valueSums > 1 ? layout.valueSums : 0;
    for (int head = 0; head < layout.kvHeads; ++head) {
        for (int sum = 0; sum < sums; ++sum)
            leaveSum(cache, layer, head, sum, keep.of(head * sums + sum), before.of(head * sums + sum), since,
                     next, ledger);
        evictFrom(cache, layer, head, keep.held(head, next), next, ledger);
    }
}

} // namespace fovea
