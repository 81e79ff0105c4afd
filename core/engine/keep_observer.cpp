#include "core/engine/keep_observer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "core/cache/cache_view_reader.h"
#include "core/cache/kv_cache.h"
#include "core/engine/scored_rows.h"
#include "core/kernels/cpu/group_weights.h"
#include "core/kernels/cpu/tasks.h"
#include "core/methods/keep/scored_keep.h"
#include "core/plan/attention_plan.h"

namespace fovea {

// The last queries, in a ring by position. Given back once they have voted.
struct KeepObserver::Votes {
    std::int64_t window = 0; // 0: this layer does not vote
    std::int64_t asked = 0;  // positions seen: 0..asked-1
    std::vector<float> ring; // (window, H, d)

    std::int64_t waiting() const { return ring.empty() ? 0 : std::min(window, asked); }
    void close() {
        window = 0;
        ring = {};
    }
};

KeepObserver::KeepObserver(const AttentionPlan& plan, const ModelSpec& spec, int slotsPerBlock, bool truths)
    : m_plan(plan), m_spec(spec), m_listed(static_cast<std::size_t>(spec.kvHeads)) {
    if (fovea::hearsReads(plan))
        for (int i = 0; i < spec.layers * spec.kvHeads; ++i)
            m_lanes.push_back(truths ? makeTrueRowScores(plan) : makeRowScores(plan, slotsPerBlock));
    const auto* snap = std::get_if<SnapkvParams>(&plan.keep);
    for (int layer = 0; snap && layer < spec.layers; ++layer)
        m_votes.push_back({.window = spec.window(layer) > 0 ? 0 : snap->window});
}

KeepObserver::~KeepObserver() = default;

RowScores& KeepObserver::lane(int layer, int kvHead) const {
    return *m_lanes[static_cast<std::size_t>(layer * m_spec.kvHeads + kvHead)];
}

void KeepObserver::asked(int layer, std::int64_t position, const float* q, Ledger& ledger) {
    if (m_votes.empty() || m_votes[static_cast<std::size_t>(layer)].window == 0)
        return;
    Votes& votes = m_votes[static_cast<std::size_t>(layer)];
    const std::int64_t row = std::int64_t{m_spec.queryHeads} * m_spec.headDim;
    votes.ring.resize(static_cast<std::size_t>(votes.window * row));
    std::copy_n(q, row, votes.ring.data() + position % votes.window * row);
    votes.asked = position + 1;
    ledger.moved(Component::Scores, row * static_cast<std::int64_t>(sizeof(float)));
}

void KeepObserver::prefilled(int layer, int kvHead, const KvView& view, const HeardWeights& heard) {
    lane(layer, kvHead).prefilled(view, heard);
}

void KeepObserver::heard(int layer, std::span<const KvView> views, const cpu::ReadReport& report,
                         Ledger& ledger) {
    const int group = m_spec.group();
    std::int64_t bytes = 0;
    for (std::size_t head = 0; head < views.size(); ++head)
        bytes += (report.rows[head] * group + 2 * views[head].slots) * 4;
    cpu::forEachCounted(std::ssize(views), bytes, ledger, [&](std::int64_t head, Traffic& moved) {
        hearHead(layer, static_cast<int>(head), views[static_cast<std::size_t>(head)], report, moved);
    });
}

// One KV head's rows, a span at a time; what was not listed got nothing.
void KeepObserver::hearHead(int layer, int kvHead, const KvView& view, const cpu::ReadReport& report, Traffic& moved) {
    const int group = m_spec.group();
    const auto head = static_cast<std::size_t>(kvHead);
    const std::int64_t S = view.slots, rows = report.rows[head];
    const float uniform = static_cast<float>(group) / static_cast<float>(S);
    RowScores& scores = lane(layer, kvHead);
    std::vector<float>& listed = m_listed[head];
    const std::int32_t* const slots = report.slots ? report.slots + kvHead * report.stride : nullptr;
    scores.begin(view, moved);
    if (slots) {
        listed.resize(static_cast<std::size_t>(rows));
        cpu::groupWeights(report, kvHead, group, 0, rows, listed.data(), moved);
        moved[Component::Indices] += rows * static_cast<std::int64_t>(sizeof(std::int32_t));
    }
    std::array<float, cpu::kWeightSpan> span;
    std::int64_t next = 0; // of the list
    for (std::int64_t first = 0; first < S; first += cpu::kWeightSpan) {
        const std::int64_t last = std::min(S, first + cpu::kWeightSpan);
        if (slots) {
            std::fill_n(span.begin(), last - first, 0.f);
            for (; next < rows && slots[next] < last; ++next)
                span[static_cast<std::size_t>(slots[next] - first)] = listed[static_cast<std::size_t>(next)];
        } else {
            cpu::groupWeights(report, kvHead, group, first, last, span.data(), moved);
        }
        scores.hear(first, {span.data(), static_cast<std::size_t>(last - first)}, uniform, moved);
    }
}

void KeepObserver::heard(int layer, int kvHead, const KvView& view, std::span<const float> weights,
                         Ledger& ledger) {
    Traffic moved;
    lane(layer, kvHead).begin(view, moved);
    lane(layer, kvHead)
        .hear(0, weights, static_cast<float>(m_spec.group()) / static_cast<float>(view.slots), moved);
    ledger.add(moved);
}

void KeepObserver::evict(KvCache& cache, int layer, std::int64_t next, std::int64_t prompt, Ledger& ledger) {
    std::vector<std::int32_t> slots;
    for (int head = 0; head < m_spec.kvHeads; ++head) {
        const std::vector<std::int64_t> places = leaving(cache, layer, head, next, prompt, ledger);
        if (places.empty())
            continue;
        const auto byAge = cache.byAge(layer, head);
        slots.clear();
        for (const std::int64_t place : places)
            slots.push_back(byAge[static_cast<std::size_t>(place)]);
        std::sort(slots.begin(), slots.end());
        const auto moves = cache.evict(layer, head, slots, next, ledger);
        if (m_lanes.empty())
            continue;
        Traffic moved;
        lane(layer, head).evicted(places, moves, moved);
        lane(layer, head).shrink(cache.slots(layer, head));
        ledger.add(moved);
    }
    if (prompt >= 0 && !m_votes.empty())
        m_votes[static_cast<std::size_t>(layer)].close();
}

// Places in the order of age, ascending: first what fell out of the model's own window, then who ranks lowest.
std::vector<std::int64_t> KeepObserver::leaving(KvCache& cache, int layer, int kvHead, std::int64_t next,
                                                std::int64_t prompt, Ledger& ledger) {
    const KvView view = cache.view(layer, kvHead);
    const auto byAge = cache.byAge(layer, kvHead);
    const AgedRows rows{byAge, {view.positions, byAge.size() + 1}}; // one slot among them may be free
    const int window = m_spec.window(layer);
    std::vector<std::int64_t> places(static_cast<std::size_t>(expiredRows(rows, window, next)));
    std::iota(places.begin(), places.end(), 0);
    if (prompt < 0)
        return places;
    if (!m_votes.empty())
        return m_votes[static_cast<std::size_t>(layer)].window > 0 ? unvoted(cache, layer, kvHead, ledger)
                                                                   : places;
    Traffic moved;
    const auto ranked =
        rankedOut(m_plan, window, lane(layer, kvHead), rows, std::ssize(places), next, prompt, moved);
    ledger.add(moved);
    places.insert(places.end(), ranked.begin(), ranked.end());
    return places;
}

// Those of the prompt for which its last queries did not vote. Nothing has left this layer before.
std::vector<std::int64_t> KeepObserver::unvoted(KvCache& cache, int layer, int kvHead, Ledger& ledger) const {
    const Votes& votes = m_votes[static_cast<std::size_t>(layer)];
    const std::int64_t P = cache.slots(layer, kvHead), g = m_spec.group(), d = m_spec.headDim;
    if (P <= std::get<SnapkvParams>(m_plan.keep).budget)
        return {};
    const c10::NoGradGuard noGrad;
    const at::Tensor last = at::arange(P - votes.waiting(), P, at::kLong).remainder(votes.window);
    const at::Tensor ring =
        at::from_blob(const_cast<float*>(votes.ring.data()), {votes.window, m_spec.queryHeads, d});
    const at::Tensor queries = ring.index_select(0, last).narrow(1, kvHead * g, g).transpose(0, 1);
    CacheViewReader keys(cache.view(layer, kvHead), &ledger);
    Traffic moved;
    auto places = votedOut(m_plan, queries, keys.keys(), m_spec.logitRule(), moved);
    ledger.add(moved);
    return places;
}

Traffic KeepObserver::held(const KvCache& cache) const {
    Traffic live;
    if (!m_lanes.empty())
        for (int layer = 0; layer < m_spec.layers; ++layer)
            for (int head = 0; head < m_spec.kvHeads; ++head)
                live[Component::Scores] += cache.slots(layer, head) * lane(layer, head).bytesPerRow();
    for (const Votes& votes : m_votes)
        live[Component::Scores] +=
            votes.waiting() * m_spec.queryHeads * m_spec.headDim * static_cast<std::int64_t>(sizeof(float));
    return live;
}

std::int64_t KeepObserver::reserved() const {
    std::int64_t bytes = 0;
    for (const auto& lane : m_lanes)
        bytes += lane->reserved();
    for (const Votes& votes : m_votes)
        bytes += static_cast<std::int64_t>(votes.ring.size() * sizeof(float));
    return bytes;
}

} // namespace fovea
