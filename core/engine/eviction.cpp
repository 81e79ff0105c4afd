#include "core/engine/eviction.h"

#include <algorithm>
#include <vector>

#include "core/cache/kv_cache.h"

namespace fovea {

void evictUnseen(KvCache& cache, int layer, const KeepRule& rule, std::int64_t next, Ledger& ledger) {
    std::vector<std::int32_t> unseen;
    for (int head = 0; head < cache.layout().kvHeads; ++head) {
        unseen.clear();
        for (const std::int32_t slot : cache.byAge(layer, head)) {
            const std::int64_t position = cache.position(layer, head, slot);
            if (!rule.sees(next, position))
                unseen.push_back(slot);
            else if (position >= rule.sinks)
                break; // the window: all that follow are seen too
        }
        std::sort(unseen.begin(), unseen.end());
        cache.evict(layer, head, unseen, next, ledger);
    }
}

} // namespace fovea
