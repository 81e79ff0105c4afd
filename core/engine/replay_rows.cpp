#include "core/engine/replay_rows.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "core/engine/capture.h"
#include "core/engine/scored_replay.h"
#include "core/methods/keep/scored_keep.h"
#include "core/plan/attention_plan.h"
#include "core/plan/plan_prefill.h"

namespace fovea {

namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

} // namespace

ReplayedKeep::ReplayedKeep(const AttentionPlan& plan, const Capture& capture, std::int64_t tokens, int layer,
                           int head, std::int64_t decodeFrom, const std::atomic<bool>& cancel)
    : m_actsFrom(keepActsFrom(plan, decodeFrom)), m_layer(plan, capture.spec(), layer, true),
      m_kvHead(head / capture.spec().group()), m_own(keepRule(plan, capture.spec().window(layer), false)),
      m_kept(m_layer.of(head)) {
    if (!scoresTokens(plan))
        return;
    m_gone = scoredGone(capture, tokens, layer, m_kvHead, plan, decodeFrom, cancel);
    m_counts.assign(static_cast<std::size_t>(tokens), 0);
    for (std::int64_t key = 0; key < tokens; ++key)
        if (const std::int64_t last = m_gone[static_cast<std::size_t>(key)]; last < tokens)
            --m_counts[static_cast<std::size_t>(last)];
    std::int64_t there = 0;
    for (std::int64_t& count : m_counts)
        count = there += count + 1;
}

std::int64_t ReplayedKeep::gone(std::int64_t key) const {
    if (scored())
        return m_gone[static_cast<std::size_t>(key)];
    return std::min(m_own.unseenFrom(key), std::max(m_actsFrom, m_kept.unseenFrom(key)));
}

namespace {

std::vector<std::int32_t> keysOf(const KeepRule& rule, std::int64_t query) {
    const KeepRule now = rule.at(query);
    std::vector<std::int32_t> keys;
    keys.reserve(static_cast<std::size_t>(now.seen(query)));
    for (std::int64_t key = 0; key <= query; ++key)
        if (now.sees(query, key))
            keys.push_back(static_cast<std::int32_t>(key));
    return keys;
}

} // namespace

std::vector<std::int32_t> ReplayedKeep::seen(std::int64_t query) const {
    if (!scored())
        return keysOf(rule(query), query);
    std::vector<std::int32_t> keys;
    keys.reserve(static_cast<std::size_t>(count(query)));
    for (std::int64_t key = 0; key <= query; ++key)
        if (query < m_gone[static_cast<std::size_t>(key)])
            keys.push_back(static_cast<std::int32_t>(key));
    return keys;
}

KeepRule ReplayedKeep::reads(std::int64_t query) const {
    return query < m_actsFrom ? m_own : m_layer.read(m_kvHead, query);
}

std::vector<std::int32_t> ReplayedKeep::read(std::int64_t query) const {
    return scored() ? seen(query) : keysOf(reads(query), query);
}

std::vector<std::int64_t> ReplayedKeep::leaves(std::int64_t tokens) const {
    if (scored())
        return m_gone;
    std::vector<std::int64_t> leaves;
    for (std::int64_t key = 0; key < tokens; ++key)
        leaves.push_back(
            std::min(m_own.unseenFrom(key), std::max(m_actsFrom, m_layer.leavesAt(m_kvHead, key))));
    return leaves;
}

const QuestParams* questOf(const AttentionPlan& plan, int layer) {
    const auto* quest = std::get_if<QuestParams>(&plan.read);
    return quest && layer >= quest->skip ? quest : nullptr;
}

void chooseRow(std::span<const float> scores, int k, int local, std::vector<float>& scratch,
               std::vector<std::int32_t>& chosen) {
    const auto n = static_cast<std::int64_t>(scores.size());
    const std::int64_t take = std::min<std::int64_t>(k, n);
    const std::int64_t forced = std::min<std::int64_t>(local, take);
    const std::int64_t older = n - forced; // candidates that must earn their place
    const std::int64_t earned = take - forced;
    if (earned > 0) {
        scratch.assign(scores.begin(), scores.begin() + older);
        for (float& s : scratch) // an order must exist even for a broken model's NaN
            s = std::isnan(s) ? kMinusInfinity : s;
        auto nth = scratch.begin() + (earned - 1);
        std::nth_element(scratch.begin(), nth, scratch.end(), std::greater<>{});
        const float threshold = *nth;
        std::int64_t ties =
            earned - std::count_if(scratch.begin(), nth, [&](float s) { return s > threshold; });
        for (std::int64_t j = 0; j < older; ++j) {
            const float s = std::isnan(scores[j]) ? kMinusInfinity : scores[j];
            if (s > threshold || (s == threshold && ties-- > 0))
                chosen.push_back(static_cast<std::int32_t>(j));
        }
    }
    for (std::int64_t j = older; j < n; ++j)
        chosen.push_back(static_cast<std::int32_t>(j));
}

} // namespace fovea
