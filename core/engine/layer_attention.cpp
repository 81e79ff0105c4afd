#include "core/engine/layer_attention.h"

#include <algorithm>
#include <variant>

#include "core/engine/sequence.h"
#include "core/kernels/cpu/attend_quest.h"
#include "core/kernels/cpu/attend_topv.h"
#include "core/methods/keep/scored_keep.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

// Some plans say more of a read than its output, or turn queries for where a text's sinks lie: of one text each time.
bool readsApart(const AttentionPlan& plan, const ModelSpec& spec, const LayerKeeps& keeps) {
    if (hearsReads(plan) || std::holds_alternative<QuestParams>(plan.read))
        return true;
    for (int layer = 0; layer < spec.layers; ++layer)
        if (keeps.of(layer, true).of(0).turns())
            return true;
    return false;
}

} // namespace

LayerAttention::LayerAttention(const AttentionPlan& plan, const ModelSpec& spec, const LayerKeeps& keeps,
                               Ledger& ledger)
    : m_plan(plan), m_spec(spec), m_keeps(keeps), m_ledger(ledger), m_apart(readsApart(plan, spec, keeps)) {}

void LayerAttention::attend(int layer, std::span<const Feed> feeds, bool planned, std::span<const float> q,
                            std::span<float> out) {
    const std::size_t together = m_apart ? 1 : feeds.size(), row = q.size() / feeds.size();
    for (std::size_t first = 0; first < feeds.size(); first += together)
        attendTogether(layer, feeds.subspan(first, together), planned, q.subspan(first * row, together * row),
                       out.data() + first * row);
}

void LayerAttention::attendTogether(int layer, std::span<const Feed> feeds, bool planned,
                                    std::span<const float> q, float* out) {
    m_views.clear();
    for (const Feed& feed : feeds)
        for (int head = 0; head < m_spec.kvHeads; ++head)
            m_views.push_back(feed.sequence->cache().view(layer, head));

    Sequence& first = *feeds.front().sequence;
    const int group = m_spec.group();
    const LogitRule rule = m_spec.logitRule();
    const auto* sparq = planned ? std::get_if<SparqParams>(&m_plan.read) : nullptr;
    const auto* topv = planned ? std::get_if<TopvParams>(&m_plan.read) : nullptr;
    const auto* quest = planned ? std::get_if<QuestParams>(&m_plan.read) : nullptr;
    const std::span<const cpu::HeadSight> sights = sightsOf(layer, feeds);
    KeepObserver* const observer = first.observer();
    cpu::ReadReport* const report = observer && observer->hearsReads() ? &m_report : nullptr;
    m_report.estimate = m_plan.feedback == AttentionPlan::Feedback::Estimate;
    if (sparq)
        cpu::attendSparq(m_views, group, *sparq, q.data(), out, m_scratch, m_ledger, rule, sights, report);
    else if (quest && layer >= quest->skip) {
        cpu::attendQuest(m_views, group, *quest, q.data(), out, m_scratch, m_ledger, rule, sights, report);
        first.choseLastPages(layer, m_scratch.lastPages);
    } else {
        const KeepRule& keep = m_keeps.of(layer, first.keeping()).of(0);
        const auto turned = m_turned.of(keep, m_spec, layer, m_views.front(), first.tokens(), q);
        if (topv)
            cpu::attendTopv(m_views, group, *topv, q.data(), out, m_scratch, m_ledger, rule, turned, sights,
                            report);
        else
            cpu::attendAll(m_views, group, q.data(), out, m_scratch, m_ledger, rule, turned, sights, report);
    }
    if (report)
        observer->heard(layer, m_views, *report, m_ledger);
}

// What each query head sees of what its KV head holds; empty where that is all of it.
std::span<const cpu::HeadSight> LayerAttention::sightsOf(int layer, std::span<const Feed> feeds) {
    m_sights.clear();
    const auto alike = [&](const Feed& feed) { return m_keeps.of(layer, feed.sequence->keeping()).same(); };
    const bool alone = m_spec.group() == 1 && m_spec.kvLayers() == m_spec.layers;
    if (alone || std::all_of(feeds.begin(), feeds.end(), alike))
        return {};
    for (const Feed& feed : feeds) {
        const LayerKeep& keep = m_keeps.of(layer, feed.sequence->keeping());
        for (int head = 0; head < m_spec.queryHeads; ++head)
            m_sights.push_back({keep.of(head).sinks, keep.of(head).oldest(feed.sequence->tokens())});
    }
    return m_sights;
}

} // namespace fovea
