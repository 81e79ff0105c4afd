#include "core/engine/device/prompt_turns.h"

#include <algorithm>
#include <limits>

namespace fovea {

DevicePromptTurns::DevicePromptTurns(const ModelSpec& spec, const LayerKeeps& keeps, bool masked)
    : m_spec(spec), m_keeps(keeps), m_masked(masked), m_tables(static_cast<std::size_t>(spec.layers)) {
    for (std::size_t layer = 0; layer < m_tables.size(); ++layer) {
        std::size_t first = 0;
        while (spec.ropeOf(static_cast<int>(first)) != spec.ropeOf(static_cast<int>(layer)) ||
               !(ruleOf(first) == ruleOf(layer)))
            ++first;
        m_tablesOf.push_back(first);
    }
}

// Heads of a layer whose rule turns are alike.
const KeepRule& DevicePromptTurns::ruleOf(std::size_t layer) const {
    return m_keeps.of(static_cast<int>(layer), m_masked).of(0);
}

void DevicePromptTurns::prepare(std::int64_t first, std::int64_t count, cuda::Stream stream) {
    for (std::size_t layer = 0; layer < m_tables.size(); ++layer)
        if (m_tablesOf[layer] == layer && ruleOf(layer).turns())
            write(layer, first, count, stream);
}

// A row of angles for each number of positions by which any query is turned: these follow each other, for the next query
// meets a sink one further on.
void DevicePromptTurns::write(std::size_t layer, std::int64_t first, std::int64_t count,
                              cuda::Stream stream) {
    const KeepRule& rule = ruleOf(layer);
    Tables& to = m_tables[layer];
    const std::int64_t sinks = std::min(rule.sinks, first + count); // others have not come yet
    std::vector<std::int64_t> turns;                                // (count, sinks)
    std::int64_t least = 0, most = std::numeric_limits<std::int64_t>::min();
    for (std::int64_t p = first; p < first + count; ++p)
        for (std::int64_t j = 0; j < sinks; ++j) {
            const std::int64_t by = p < j ? 0 : rule.distanceTo(p, j) - (p - j);
            turns.push_back(by);
            least = std::min(least, by);
            most = by == 0 ? most : std::max(most, by);
        }
    to.sinks = least == 0 ? 0 : static_cast<int>(sinks);
    if (to.sinks == 0)
        return;
    std::vector<std::int32_t> rows;
    for (const std::int64_t by : turns)
        rows.push_back(by == 0 ? -1 : static_cast<std::int32_t>(by - least));
    std::vector<float> cosines, sines;
    m_angles.use(m_spec.ropeOf(static_cast<int>(layer)), m_spec.rotated());
    for (std::int64_t by = least; by <= most; ++by) {
        m_angles.turnBy(by);
        const auto c = m_angles.cosines(), s = m_angles.sines();
        cosines.insert(cosines.end(), c.begin(), c.end());
        sines.insert(sines.end(), s.begin(), s.end());
        to.pairs = static_cast<int>(c.size());
    }
    put(to.rows, rows, stream);
    put(to.cosines, cosines, stream);
    put(to.sines, sines, stream);
}

cuda::PromptTurns DevicePromptTurns::of(int layer) const {
    const Tables& tables = m_tables[m_tablesOf[static_cast<std::size_t>(layer)]];
    if (tables.sinks == 0)
        return {};
    return {tables.sinks, tables.rows.data(), tables.cosines.data(), tables.sines.data(), tables.pairs};
}

} // namespace fovea
