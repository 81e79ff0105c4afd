#pragma once
// Puts a layer's keep into practice: what the next query will not see leaves the cache.

#include <cstdint>

#include "core/methods/keep/keep_rule.h"

namespace fovea {

class KvCache;
class Ledger;

// Evicts from every KV head of `layer` what the query at position `next` does not see.
void evictUnseen(KvCache& cache, int layer, const KeepRule& rule, std::int64_t next, Ledger& ledger);
// The same where query heads may differ: what none of a group sees leaves its KV head, and what one of them sees no
// more its own sum of values, where it has one. The last time this was done was for the query at `since`, by `before`.
void evictUnseen(KvCache& cache, int layer, const LayerKeep& keep, const LayerKeep& before, std::int64_t since,
                 std::int64_t next, Ledger& ledger);

} // namespace fovea
