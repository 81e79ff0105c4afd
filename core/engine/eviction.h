#pragma once
// Puts a layer's keep into practice: what the next query will not see leaves the cache.

#include <cstdint>

#include "core/methods/keep/keep_rule.h"

namespace fovea {

class KvCache;
class Ledger;

// Evicts from every KV head of `layer` what the query at position `next` does not see.
void evictUnseen(KvCache& cache, int layer, const KeepRule& rule, std::int64_t next, Ledger& ledger);

} // namespace fovea
