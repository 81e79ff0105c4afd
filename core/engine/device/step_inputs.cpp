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
    m_sights.resize(layers);
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
    putSights(feeds);
    m_device.atLeast(std::ssize(m_host));
    cuda::upload(m_device.data(), m_host.data(), m_host.size(), stream);
}

// As LayerAttention has them on the CPU.
void StepInputs::putSights(std::span<const Feed> feeds) {
    const bool alone = m_spec.group() == 1 && m_spec.kvLayers() == m_spec.layers;
    std::vector<cuda::HeadSight> sights;
    for (int layer = 0; layer < m_spec.layers; ++layer) {
        const auto alike = [&](const Feed& feed) {
            return m_keeps.of(layer, feed.sequence->keeping()).same();
        };
        m_sights[static_cast<std::size_t>(layer)] = kNowhere;
        if (alone || std::all_of(feeds.begin(), feeds.end(), alike))
            continue;
        sights.clear();
        for (const Feed& feed : feeds) {
            const LayerKeep& keep = m_keeps.of(layer, feed.sequence->keeping());
            for (int head = 0; head < m_spec.queryHeads; ++head)
                sights.push_back({keep.of(head).sinks, keep.of(head).oldest(feed.sequence->tokens())});
        }
        m_sights[static_cast<std::size_t>(layer)] = put<cuda::HeadSight>(sights);
    }
}

const float* StepInputs::cosines(int layer) const {
    return at<float>(m_cosines[static_cast<std::size_t>(layer)]);
}

const float* StepInputs::sines(int layer) const {
    return at<float>(m_sines[static_cast<std::size_t>(layer)]);
}

const cuda::HeadSight* StepInputs::sights(int layer, std::int64_t text) const {
    const std::size_t offset = m_sights[static_cast<std::size_t>(layer)];
    return offset == kNowhere ? nullptr : at<cuda::HeadSight>(offset) + text * m_spec.queryHeads;
}

} // namespace fovea
