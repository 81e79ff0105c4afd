#pragma once
// What a plan asks of the cache.

#include <cstdint>

#include "core/cache/kv_cache.h"

namespace fovea {

struct AttentionPlan;
struct ModelSpec;

// The cache of a session that will see `capacity` tokens at most.
CacheLayout cacheLayoutFor(const AttentionPlan& plan, const ModelSpec& spec, std::int64_t capacity);

} // namespace fovea
