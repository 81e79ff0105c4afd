#pragma once
// A keep that scores tokens, replayed: the captured queries of one KV head are read one after the other, each over what
// the ones before it left, as a session would. Internal to the replay.

#include <atomic>
#include <cstdint>
#include <vector>

namespace fovea {

class Capture;
struct AttentionPlan;

// (tokens) the first query that does not see each key; KeepRule::kUnbounded where none is known among `tokens`. A set
// `cancel` ends the work early; the result is then not to be used.
std::vector<std::int64_t> scoredGone(const Capture& capture, std::int64_t tokens, int layer, int kvHead,
                                     const AttentionPlan& plan, std::int64_t decodeFrom,
                                     const std::atomic<bool>& cancel);

} // namespace fovea
