// Rows of a KvCache that become codes, and what follows them: bounds of pages of keys, sums of values.

#include "core/cache/kv_cache_parts.h"

namespace fovea {

// The text has `tokens` now.
void KvCache::codeDueRows(int layer, int kvHead, std::int64_t tokens, Traffic& moved) {
    Head& head = this->head(layer, kvHead);
    const auto tell = [&](Component rows, std::span<const std::int32_t> slots) {
        for (const std::int32_t slot : slots)
            if (m_follower)
                m_follower->coded(layer, kvHead, rows, slot);
    };
    const SlotPlaces keys = head.keyPlaces(m_layout);
    const std::span<const std::int32_t> dueKeys = head.mixedKeys->due(keys, tokens);
    head.mixedKeys->code(keys, dueKeys, moved);
    if (head.paged)
        for (const std::int32_t slot : dueKeys) // what a code stands for may lie outside them
            widenBounds(head, slot, moved);
    tell(Component::Keys, dueKeys);
    const std::span<const std::int32_t> dueValues = head.mixedValues->due(head.valuePlaces(m_layout), tokens);
    codeValues(head, dueValues, moved);
    tell(Component::Values, dueValues);
}

// The sum is of the rows as stored: what they stood for leaves it, and what they stand for comes.
void KvCache::codeValues(Head& head, std::span<const std::int32_t> slots, Traffic& moved) {
    const SlotPlaces at = head.valuePlaces(m_layout);
    for (const std::int32_t slot : slots) {
        std::vector<float>& sum = head.valueSum;
        const float* const stored = m_stored.data();
        if (!sum.empty())
            storedRow(head, Component::Values, slot);
        for (std::size_t c = 0; c < sum.size(); ++c)
            sum[c] -= stored[c % m_stored.size()];
        head.mixedValues->code(at, {&slot, 1}, moved);
        if (!sum.empty())
            storedRow(head, Component::Values, slot);
        for (std::size_t c = 0; c < sum.size(); ++c)
            sum[c] += stored[c % m_stored.size()];
        moved[Component::Mean] += 2 * static_cast<std::int64_t>(sum.size() * sizeof(float)); // read, written
    }
}

} // namespace fovea
