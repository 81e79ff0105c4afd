#include "app/window/head_job.h"

#include <algorithm>
#include <variant>

#include "core/engine/capture.h"
#include "core/engine/replay.h"
#include "core/engine/used_weights.h"

namespace fovea {

namespace {

bool sameMap(const HeadRequest& a, const HeadRequest& b) {
    const Run *from = replayedRun(a), *other = replayedRun(b);
    return a.run->capture == b.run->capture && a.run->capturedTokens == b.run->capturedTokens &&
           from->capture == other->capture && from->capturedTokens == other->capturedTokens && a.plan == b.plan &&
           a.planA == b.planA && a.mode == b.mode && a.decodeFrom == b.decodeFrom && a.layer == b.layer &&
           a.head == b.head;
}

bool readsAll(const AttentionPlan& plan) {
    return std::holds_alternative<ReadAll>(plan.read) && std::holds_alternative<KeepAll>(plan.keep);
}

std::int64_t decodeFromOf(const HeadRequest& request) {
    return std::clamp<std::int64_t>(request.decodeFrom, 0, replayedRun(request)->capturedTokens);
}

// The weights that the mode asks for; a plan that reads everything uses the map's own, where the map is of its run.
// `map` is B's.
MapWeights weightsOf(const HeadRequest& request, const HeadMap& map, const std::atomic<bool>& cancel) {
    const bool apart = replayedRun(request) != request.run.get();
    MapWeights used;
    if (request.mode != MapMode::A && !readsAll(request.plan))
        used.b = std::make_shared<const std::vector<float>>(
            usedWeights(*replayedRun(request)->capture, map, request.plan, cancel));
    const bool alike = request.planA.store == request.plan.store ||
                       (!storesCodes(request.planA.store) && !storesCodes(request.plan.store));
    const bool ofMap = readsAll(request.planA) && !apart && alike;
    if (request.mode == MapMode::B || ofMap || cancel)
        return used;
    const Capture& capture = *request.run->capture;
    HeadMap a = replayHead(capture, map.tokens, map.layer, map.head, request.planA, map.decodeFrom, cancel);
    used.a = std::make_shared<const std::vector<float>>(
        readsAll(request.planA) ? std::move(a.weights) : usedWeights(capture, a, request.planA, cancel));
    return used;
}

} // namespace

const Run* replayedRun(const HeadRequest& request) {
    if (sameModel(request.plan, request.run->plan))
        return request.run.get();
    const Run* own = request.runB.get();
    return own && own->capture && sameModel(own->plan, request.plan) ? own : nullptr;
}

std::optional<std::string> unmappable(const HeadRequest& request) {
    if (!request.run || !request.run->capture || request.run->capturedTokens < 1)
        return "no attention was captured yet";
    const Run* replayed = replayedRun(request);
    if (!replayed || replayed->capturedTokens < 1)
        return std::string("B ") +
               (request.plan.share == request.run->plan.share ? "runs on other weights"
                                                              : "shares keys and values between layers otherwise") +
               " than A: its heads are drawn once it has run";
    if (request.run->capturedTokens > kMostMapTokens)
        return "maps are drawn up to " + std::to_string(kMostMapTokens) + " tokens; this run has " +
               std::to_string(request.run->capturedTokens);
    return std::nullopt;
}

std::optional<std::string> undrawable(const HeadRequest& request) {
    if (const auto why = unmappable(request))
        return why;
    for (const Run* run : {request.run.get(), replayedRun(request)})
        if (request.layer >= run->capture->layers())
            return "layer " + std::to_string(request.layer) + " was not captured: " + run->capture->leftOut();
    return std::nullopt;
}

std::shared_ptr<const HeadPicture> drawHead(const HeadRequest& request, const HeadPicture* before,
                                            const std::atomic<bool>& cancel) {
    auto picture = std::make_shared<HeadPicture>();
    picture->request = request;
    const Capture& capture = *replayedRun(request)->capture;
    const std::int64_t tokens = replayedRun(request)->capturedTokens;
    const std::int64_t query = std::clamp<std::int64_t>(request.query, 0, tokens - 1);
    picture->stages = std::make_shared<const QueryStages>(
        replayQuery(capture, query, request.layer, request.head, request.plan, decodeFromOf(request)));
    if (before && before->data && sameMap(before->request, request)) {
        picture->data = before->data;
        return picture;
    }
    auto map = std::make_shared<const HeadMap>(replayHead(capture, tokens, request.layer, request.head,
                                                          request.plan, decodeFromOf(request), cancel));
    if (cancel)
        return nullptr;
    MapWeights used = weightsOf(request, *map, cancel);
    if (cancel)
        return nullptr;
    picture->data = makeHeadMapData(std::move(map), request.mode, std::move(used));
    return picture;
}

std::shared_ptr<const Summaries> summariseHeads(const HeadRequest& request, int side,
                                                const SummaryObserver& observer,
                                                const std::atomic<bool>& cancel) {
    const Capture& capture = *replayedRun(request)->capture;
    const std::int64_t tokens = replayedRun(request)->capturedTokens;
    Summaries summaries;
    const int all = capture.layers() * capture.queryHeads();
    summaries.reserve(static_cast<std::size_t>(all));
    for (int layer = 0; layer < capture.layers(); ++layer) {
        for (int head = 0; head < capture.queryHeads(); ++head) {
            const HeadMap map =
                replayHead(capture, tokens, layer, head, request.plan, decodeFromOf(request), cancel);
            if (cancel)
                return nullptr;
            summaries.push_back(summarise(map, side));
        }
        observer(std::make_shared<const Summaries>(summaries), static_cast<double>(summaries.size()) / all);
    }
    return std::make_shared<const Summaries>(std::move(summaries));
}

} // namespace fovea
