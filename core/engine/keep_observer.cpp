#include "core/engine/keep_observer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
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
    for (int layer = 0; layer < spec.layers; ++layer)
        m_readers.push_back(kvReaders(spec, layer));
    for (int i = 0; fovea::hearsReads(plan) && i < spec.layers * spec.kvHeads; ++i) {
        const int layer = i / spec.kvHeads,
                  readers = static_cast<int>(m_readers[static_cast<std::size_t>(layer)].size());
        m_lanes.push_back(!spec.ownsKv(layer) ? nullptr
                          : truths            ? makeTrueRowScores(plan, readers)
                                              : makeRowScores(plan, slotsPerBlock, readers));
    }
    const auto* snap = std::get_if<SnapkvParams>(&plan.keep);
    for (int layer = 0; snap && layer < spec.layers; ++layer)
        m_votes.push_back({.window = spec.window(layer) > 0 ? 0 : snap->window});
}

KeepObserver::~KeepObserver() = default;

RowScores& KeepObserver::lane(int layer, int kvHead) const {
    return *m_lanes[static_cast<std::size_t>(m_spec.kvSource(layer) * m_spec.kvHeads + kvHead)];
}

int KeepObserver::placeOf(int layer) const {
    const std::vector<int>& readers = m_readers[static_cast<std::size_t>(layer)];
    return static_cast<int>(std::find(readers.begin(), readers.end(), layer) - readers.begin());
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
    lane(layer, kvHead).prefilled(view, heard, placeOf(layer));
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
    scores.begin(view, placeOf(layer), moved);
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
    lane(layer, kvHead).begin(view, placeOf(layer), moved);
    lane(layer, kvHead)
        .hear(0, weights, static_cast<float>(m_spec.group()) / static_cast<float>(view.slots), moved);
    ledger.add(moved);
}

void KeepObserver::evict(KvCache& cache, int layer, std::int64_t next, std::int64_t prompt, Ledger& ledger) {
    if (!m_spec.ownsKv(layer))
        return;
    for (int head = 0; head < m_spec.kvHeads; ++head) {
        findLeaving(cache, layer, head, next, prompt, ledger);
        if (m_leaving.empty())
            continue;
        const auto byAge = cache.byAge(layer, head);
        m_slots.clear();
        for (const std::int64_t place : m_leaving)
            m_slots.push_back(byAge[static_cast<std::size_t>(place)]);
        std::sort(m_slots.begin(), m_slots.end());
        const auto moves = cache.evict(layer, head, m_slots, next, ledger);
        if (m_lanes.empty())
            continue;
        Traffic moved;
        lane(layer, head).evicted(m_leaving, moves, moved);
        lane(layer, head).shrink(cache.slots(layer, head));
        ledger.add(moved);
    }
    if (prompt >= 0 && !m_votes.empty())
        for (const int reader : m_readers[static_cast<std::size_t>(layer)])
            m_votes[static_cast<std::size_t>(reader)].close();
}

// Places in the order of age, ascending: first what fell out of the model's own window, then who ranks lowest.
void KeepObserver::findLeaving(KvCache& cache, int layer, int kvHead, std::int64_t next, std::int64_t prompt,
                               Ledger& ledger) {
    const KvView view = cache.view(layer, kvHead);
    const auto byAge = cache.byAge(layer, kvHead);
    const AgedRows rows{byAge, {view.positions, byAge.size() + 1}}; // one slot among them may be free
    const int window = m_spec.window(layer);
    m_leaving.resize(static_cast<std::size_t>(expiredRows(rows, window, next)));
    std::iota(m_leaving.begin(), m_leaving.end(), 0);
    if (prompt < 0)
        return;
    Traffic moved;
    if (m_votes.empty())
        rankOut(m_plan, window, lane(layer, kvHead), rows, next, prompt, m_leaving, moved);
    else if (m_votes[static_cast<std::size_t>(layer)].window > 0)
        m_leaving = unvoted(cache, layer, kvHead, ledger);
    ledger.add(moved);
}

// Those of the prompt for which its last queries did not vote. Nothing has left this layer before.
std::vector<std::int64_t> KeepObserver::unvoted(KvCache& cache, int layer, int kvHead, Ledger& ledger) const {
    const Votes& votes = m_votes[static_cast<std::size_t>(layer)];
    const std::int64_t P = cache.slots(layer, kvHead), g = m_spec.group(), d = m_spec.headDim;
    if (P <= std::get<SnapkvParams>(m_plan.keep).budget)
        return {};
    const c10::NoGradGuard noGrad;
    const at::Tensor last = at::arange(P - votes.waiting(), P, at::kLong).remainder(votes.window);
    std::vector<at::Tensor> heads; // of all layers that read these rows
    for (const int reader : m_readers[static_cast<std::size_t>(layer)]) {
        const float* const ring = m_votes[static_cast<std::size_t>(reader)].ring.data();
        const at::Tensor rows = at::from_blob(const_cast<float*>(ring), {votes.window, m_spec.queryHeads, d});
        heads.push_back(rows.index_select(0, last).narrow(1, kvHead * g, g).transpose(0, 1));
    }
    const at::Tensor queries = at::cat(heads);
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
            for (int head = 0; m_spec.ownsKv(layer) && head < m_spec.kvHeads; ++head)
                live[Component::Scores] += cache.slots(layer, head) * lane(layer, head).bytesPerRow();
    for (const Votes& votes : m_votes)
        live[Component::Scores] +=
            votes.waiting() * m_spec.queryHeads * m_spec.headDim * static_cast<std::int64_t>(sizeof(float));
    return live;
}

std::int64_t KeepObserver::reserved() const {
    std::int64_t bytes = 0;
    for (const auto& lane : m_lanes)
        bytes += lane ? lane->reserved() : 0;
    for (const Votes& votes : m_votes)
        bytes += static_cast<std::int64_t>(votes.ring.size() * sizeof(float));
    return bytes;
}

} // namespace fovea
