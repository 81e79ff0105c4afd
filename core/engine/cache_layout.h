#pragma once
// What a plan asks of the cache.

#include <cstdint>

#include "core/cache/kv_cache.h"

namespace fovea {

struct AttentionPlan;
struct ModelSpec;

// The cache of a session that will see `capacity` tokens at most. `codecs` (store_codecs.h): without those that its store
// wants the layout has all sizes, but no cache can be made of it.
CacheLayout cacheLayoutFor(const AttentionPlan& plan, const ModelSpec& spec, std::int64_t capacity,
                           std::shared_ptr<const StoreCodecs> codecs = {});

} // namespace fovea
