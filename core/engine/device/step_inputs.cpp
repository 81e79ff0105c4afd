#include "core/engine/device/step_inputs.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/engine/layer_keeps.h"
#include "core/engine/sequence.h"

namespace fovea {

namespace {

constexpr std::size_t kAlignment = 16;
constexpr std::size_t kNowhere = std::numeric_limits<std::size_t>::max();

} // namespace

StepInputs::StepInputs(const ModelSpec& spec, const LayerKeeps& keeps) : m_spec(spec), m_keeps(keeps) {
    const auto layers = static_cast<std::size_t>(spec.layers);
    m_cosines.resize(layers);
    m_sines.resize(layers);
}

template <class T>
std::size_t StepInputs::put(std::span<const T> values) {
    const std::size_t offset = (m_host.size() + kAlignment - 1) / kAlignment * kAlignment;
    m_host.resize(offset + values.size_bytes());
    std::memcpy(m_host.data() + offset, values.data(), values.size_bytes());
    return offset;
}

void StepInputs::write(std::span<const Feed> feeds, cuda::Stream stream) {
    m_host.clear();
    m_texts = std::ssize(feeds);
    std::vector<int> tokens, positions;
    std::vector<std::int64_t> cachePositions;
    while (std::ssize(m_angles) < m_texts)
        m_angles.emplace_back(m_spec);
    for (std::size_t i = 0; i < feeds.size(); ++i) {
        const std::int64_t position = feeds[i].sequence->tokens();
        tokens.push_back(feeds[i].token);
        positions.push_back(static_cast<int>(position));
        cachePositions.insert(cachePositions.end(), static_cast<std::size_t>(m_spec.kvHeads), position);
        m_angles[i].moveTo(position);
    }
    m_tokens = put<int>(tokens);
    m_positions = put<int>(positions);
    m_cachePositions = put<std::int64_t>(cachePositions);

    m_pairs = static_cast<int>(m_angles.front().cosines(0).size());
    std::vector<float> cosines, sines;
    for (std::size_t layer = 0; layer < m_cosines.size(); ++layer) {
        const auto same = [&](std::size_t other) {
            return m_angles.front().cosines(static_cast<int>(other)).data() ==
                   m_angles.front().cosines(static_cast<int>(layer)).data();
        };
        std::size_t first = 0; // layer with the same angles
        while (!same(first))
            ++first;
        if (first < layer) {
            m_cosines[layer] = m_cosines[first];
            m_sines[layer] = m_sines[first];
            continue;
        }
        cosines.clear();
        sines.clear();
        for (std::size_t i = 0; i < feeds.size(); ++i) {
            const auto c = m_angles[i].cosines(static_cast<int>(layer)),
                       s = m_angles[i].sines(static_cast<int>(layer));
            cosines.insert(cosines.end(), c.begin(), c.end());
            sines.insert(sines.end(), s.begin(), s.end());
        }
        m_cosines[layer] = put<float>(cosines);
        m_sines[layer] = put<float>(sines);
    }
    m_sights.clear();
    m_bySight.clear();
    m_turns.clear();
    m_mostTurns = 0;
    const auto H = static_cast<std::size_t>(m_spec.queryHeads);
    std::vector<cuda::HeadSight> sights(feeds.size() * H);
    for (int layer = 0; layer < m_spec.layers; ++layer) {
        bool any = false;
        for (std::size_t i = 0; i < feeds.size(); ++i) {
            m_bySight.push_back(findSights(layer, feeds[i], std::span(sights).subspan(i * H, H)));
            any = any || m_bySight.back();
        }
        m_sights.push_back(any ? put<cuda::HeadSight>(sights) : kNowhere);
    }
    m_device.atLeast(std::ssize(m_host));
    cuda::upload(m_device.data(), m_host.data(), m_host.size(), stream);
}

// As LayerAttention has them on the CPU. Does the text need any?
bool StepInputs::findSights(int layer, const Feed& feed, std::span<cuda::HeadSight> sights) {
    const bool alone = m_spec.group() == 1 && m_spec.kvLayers() == m_spec.layers;
    const LayerKeep& keep = m_keeps.of(layer, feed.sequence->keeping());
    m_turns.emplace_back();
    if (keep.same())
        return putTurns(layer, feed, keep.of(0), sights);
    if (alone)
        return false;
    for (int head = 0; head < m_spec.queryHeads; ++head)
        sights[static_cast<std::size_t>(head)] = {keep.of(head).sinks,
                                                  keep.of(head).oldest(feed.sequence->tokens())};
    return true;
}

// A query for each slot, and sights that hide these from the queries that are not turned: sinks that are turned are the
// first tokens.
bool StepInputs::putTurns(int layer, const Feed& feed, const KeepRule& rule,
                          std::span<cuda::HeadSight> sights) {
    const KvView view = feed.sequence->cache().view(layer, 0);
    findTurns(rule, view, feed.sequence->tokens(), m_found);
    if (m_found.empty())
        return false;
    m_turnAngles.use(m_spec.ropeOf(layer), m_spec.rotated());
    std::vector<std::int32_t> slots;
    std::vector<float> cosines, sines;
    std::int64_t newest = 0; // of the tokens that are turned
    for (const SlotTurn& turn : m_found) {
        m_turnAngles.turnBy(turn.by);
        for (std::int64_t slot = turn.first; slot < turn.last; ++slot) {
            const auto c = m_turnAngles.cosines(), s = m_turnAngles.sines();
            slots.push_back(static_cast<std::int32_t>(slot));
            cosines.insert(cosines.end(), c.begin(), c.end());
            sines.insert(sines.end(), s.begin(), s.end());
            newest = std::max(newest, view.positions[slot]);
        }
    }
    std::fill(sights.begin(), sights.end(), cuda::HeadSight{0, newest + 1});
    m_turns.back() = {put<std::int32_t>(slots), put<float>(cosines), put<float>(sines),
                      static_cast<int>(slots.size())};
    m_mostTurns = std::max(m_mostTurns, m_turns.back().count);
    return true;
}

const float* StepInputs::cosines(int layer) const {
    return at<float>(m_cosines[static_cast<std::size_t>(layer)]);
}

const float* StepInputs::sines(int layer) const {
    return at<float>(m_sines[static_cast<std::size_t>(layer)]);
}

const cuda::HeadSight* StepInputs::sights(int layer, std::int64_t text) const {
    if (!m_bySight[indexOf(layer, text)])
        return nullptr;
    return at<cuda::HeadSight>(m_sights[static_cast<std::size_t>(layer)]);
}

DeviceTurns StepInputs::turns(int layer, std::int64_t text) const {
    const TurnPlaces& places = m_turns[indexOf(layer, text)];
    if (places.count == 0)
        return {};
    return {at<std::int32_t>(places.slots), places.count, at<float>(places.cosines), at<float>(places.sines),
            m_pairs};
}

} // namespace fovea
