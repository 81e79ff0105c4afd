#include "core/cache/slot_history.h"

#include <algorithm>
#include <utility>

namespace fovea {

SlotHistory::SlotHistory(int layers, int kvHeads, std::vector<int> sources)
    : m_kvHeads(kvHeads), m_sources(std::move(sources)),
      m_lanes(static_cast<std::size_t>(layers) * static_cast<std::size_t>(kvHeads)),
      m_stories(1) {}

int SlotHistory::sourceOf(int layer) const {
    return layer < std::ssize(m_sources) ? m_sources[static_cast<std::size_t>(layer)] : layer;
}

SlotHistory::Lane* SlotHistory::lane(int layer, int kvHead) {
    const auto index = static_cast<std::size_t>(sourceOf(layer)) * static_cast<std::size_t>(m_kvHeads) +
                       static_cast<std::size_t>(kvHead);
    return layer < layers() ? &m_lanes[index] : nullptr;
}

std::span<const SlotEvent> SlotHistory::of(int layer, int kvHead) const {
    const Lane* const own = const_cast<SlotHistory*>(this)->lane(layer, kvHead);
    if (!own)
        return {};
    return std::span<const SlotEvent>(m_stories[own->story]).first(own->events);
}

bool SlotHistory::alike() const {
    for (std::size_t i = 0; i < m_lanes.size(); ++i) {
        const int layer = static_cast<int>(i) / m_kvHeads;
        if (sourceOf(layer) == layer &&
            (m_lanes[i].story != m_lanes.front().story || m_lanes[i].events != m_lanes.front().events))
            return false;
    }
    return true;
}

void SlotHistory::add(int layer, int kvHead, const SlotEvent& event) {
    Lane* const own = lane(layer, kvHead);
    if (!own)
        return;
    const std::vector<SlotEvent>& told = m_stories[own->story];
    if (own->events < told.size() && told[own->events] != event) {
        // Its life differs from here on. Another lane may have parted in the same way.
        const auto same = [&](const std::vector<SlotEvent>& story) {
            return story.size() > own->events && story[own->events] == event &&
                   std::equal(story.begin(), story.begin() + static_cast<std::ptrdiff_t>(own->events),
                              told.begin());
        };
        const auto known = std::find_if(m_stories.begin(), m_stories.end(), same);
        const auto story = static_cast<std::size_t>(known - m_stories.begin());
        if (known == m_stories.end()) {
            std::vector<SlotEvent> shared(told.begin(),
                                          told.begin() + static_cast<std::ptrdiff_t>(own->events));
            m_stories.push_back(std::move(shared));
        }
        own->story = story;
    }
    if (own->events == m_stories[own->story].size())
        m_stories[own->story].push_back(event);
    ++own->events;
}

void SlotHistory::catchUp(const SlotHistory& later) {
    m_kvHeads = later.m_kvHeads;
    m_sources = later.m_sources;
    m_lanes = later.m_lanes;
    m_stories.resize(later.m_stories.size());
    for (std::size_t i = 0; i < m_stories.size(); ++i) {
        const std::vector<SlotEvent>& from = later.m_stories[i];
        m_stories[i].insert(m_stories[i].end(), from.begin() + std::ssize(m_stories[i]), from.end());
    }
}

} // namespace fovea
