#pragma once
// What every cached value weighs in a head's output under a plan, so that two plans can be subtracted weight by weight.
// A row that is read dense weighs its values by the softmax. Where tokens left the cache the softmax is over those that
// stay. Where SparQ reads, with n = min(k, S) chosen rows, s their softmax, α their share and v̄ the mean value,
//   o = α Σ s_j v_j + (1 − α) v̄     (Eq. 6 of arXiv 2312.04985)
// so a chosen value weighs α·s_j + (1 − α)/S, any other (1 − α)/S; without the mean α is 1. Quest's rows weigh their softmax s_j. Each row sums to 1, but for those of top-k V, whose
// values keep the weight that they have among all, unless it renormalises.

#include <atomic>
#include <vector>

namespace fovea {

class Capture;
struct AttentionPlan;
struct HeadMap;

// (tokens, tokens), 0 above the diagonal. `map` is replayHead's of the same capture, plan and decode-from. A keep that
// meets its sinks at another distance than their own is taken at their own: a replay turns no query. A set `cancel`
// ends the work early; the result is then not to be used.
std::vector<float> usedWeights(const Capture& capture, const HeadMap& map, const AttentionPlan& plan,
                               const std::atomic<bool>& cancel);

} // namespace fovea
