#pragma once
// Which texts of a step go together in one launch, and where the kernels find each (core/kernels/cuda/text_batch.h).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/engine/device/room.h"
#include "core/kernels/cuda/text_batch.h"

namespace fovea {

struct TextGroup {
    std::vector<std::int64_t> texts; // the first one's tables are those of the launch
    std::int64_t places = 0;         // number of its first place among those of all groups
    int splits = 1;                  // the most that one of them has
};

class TextGroups {
public:
    // `sets` of groups follow, each of them of the same `texts`.
    void begin(int sets, std::int64_t texts) {
        m_texts = texts;
        m_places.clear();
        m_sets.resize(static_cast<std::size_t>(sets));
    }

    // Set `set`. `together(a, b)`: may text b go with those of whom a is the first? `place(a, b)`: where it is then. No group
    // has more than `most` texts.
    template <class Together, class Place>
    void make(int set, std::int64_t most, const Together& together, const Place& place) {
        std::vector<TextGroup>& groups = m_sets[static_cast<std::size_t>(set)];
        groups.clear();
        for (std::int64_t text = 0; text < m_texts; ++text) {
            const auto takes = [&](const TextGroup& group) {
                return std::ssize(group.texts) < most && together(group.texts.front(), text);
            };
            auto group = groups.begin();
            while (group != groups.end() && !takes(*group))
                ++group;
            if (group == groups.end())
                group = groups.insert(group, TextGroup{});
            group->texts.push_back(text);
        }
        for (TextGroup& group : groups) {
            group.places = std::ssize(m_places);
            for (const std::int64_t text : group.texts) {
                m_places.push_back(place(group.texts.front(), text));
                group.splits = std::max(group.splits, m_places.back().splits);
            }
        }
    }

    // Nothing where there is only one text. Throws cuda::OutOfMemory.
    void upload(cuda::Stream stream) {
        if (m_texts > 1)
            put(m_device, m_places, stream);
    }

    std::span<const TextGroup> of(int set) const { return m_sets[static_cast<std::size_t>(set)]; }
    // Of a group of one nothing: it needs no places.
    cuda::TextBatch batch(const TextGroup& group) const {
        if (group.texts.size() == 1)
            return {};
        return {m_device.data() + group.places, static_cast<int>(group.texts.size()),
                static_cast<int>(m_texts)};
    }

private:
    std::int64_t m_texts = 0;
    std::vector<std::vector<TextGroup>> m_sets;
    std::vector<cuda::TextPlace> m_places; // of all groups
    Room<cuda::TextPlace> m_device;
};

} // namespace fovea
