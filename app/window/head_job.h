#pragma once
// What the eye waits for: one head's map and one query's stages, replayed from the dense Q, K, V of a run
// under the plan of this moment. And, in the background, the same for every head at a glance.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/engine/run.h"
#include "views/maps/head_map_data.h"

namespace fovea {

struct HeadRequest {
    std::shared_ptr<const Run> run; // A's, with a capture
    std::shared_ptr<const Run> runB; // looked at where plan B shares KV or rounds weights otherwise than A's run
    AttentionPlan plan;  // B's
    AttentionPlan planA; // looked at where A's own weights are drawn
    MapMode mode = MapMode::A;
    std::int64_t decodeFrom = 0;
    int layer = 0, head = 0;
    std::int64_t query = 0;
    std::uint64_t version = 0; // of the document this was asked for
};

struct HeadPicture {
    HeadRequest request;
    std::shared_ptr<const HeadMapData> data;
    std::shared_ptr<const QueryStages> stages;
};

// The whole matrix of a head is drawn; beyond this many tokens it would not fit a desktop's memory.
inline constexpr std::int64_t kMostMapTokens = 6144;

// The run whose Q, K and V plan B's heads are drawn from: A's, or B's own where it attends over other K and V than A's
// layers have. Null while B has not run so.
const Run* replayedRun(const HeadRequest& request);
// Why no head of this run can be drawn, or nothing.
std::optional<std::string> unmappable(const HeadRequest& request);
// Why this head cannot be drawn ("layer 7 was not captured: …"), or nothing.
std::optional<std::string> undrawable(const HeadRequest& request);

// Null when cancelled. Where `before` shows the same head of the same run under the same plan, its map is
// kept and only the query's stages are new.
std::shared_ptr<const HeadPicture> drawHead(const HeadRequest& request, const HeadPicture* before,
                                            const std::atomic<bool>& cancel);

using Summaries = std::vector<HeadSummary>;
using SummaryObserver = std::function<void(std::shared_ptr<const Summaries> soFar, double fraction)>;

// Every captured head, thumbnails of `side` pixels; tells of each finished layer. Null when cancelled.
std::shared_ptr<const Summaries> summariseHeads(const HeadRequest& request, int side,
                                                const SummaryObserver& observer,
                                                const std::atomic<bool>& cancel);

} // namespace fovea
