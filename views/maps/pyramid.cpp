#include "views/maps/pyramid.h"

#include <algorithm>

namespace fovea {
namespace {

// Columns of level-0 row `row` that lie on or below the diagonal.
std::int64_t visibleColumns(const Pyramid::Level& base, std::int64_t row) {
    return std::clamp<std::int64_t>(row + 1 + base.columns - base.rows, 0, base.columns);
}

Pyramid::Level ownedBase(const Pyramid::Level& base, std::span<const float> rowFactors, float none) {
    Pyramid::Level level{base.rows, base.columns, nullptr, {}};
    level.storage.assign(static_cast<std::size_t>(base.rows * base.columns), none);
    for (std::int64_t row = 0; row < base.rows; ++row) {
        const float factor = rowFactors[static_cast<std::size_t>(row)];
        const float* from = base.values + row * base.columns;
        float* to = level.storage.data() + row * base.columns;
        std::transform(from, from + visibleColumns(base, row), to, [factor](float w) { return w * factor; });
    }
    level.values = level.storage.data();
    return level;
}

// What is shown of each pair of `from`'s first `count` values, merged into `to`. A template, so that the loop over
// weights, which is the one a slider waits for, has no branch.
template <bool kDifferences>
void poolRow(const float* from, std::int64_t count, float* to) {
    const std::int64_t pairs = count / 2;
    for (std::int64_t i = 0; i < pairs; ++i)
        to[i] = pooledOf(to[i], pooledOf(from[2 * i], from[2 * i + 1], kDifferences), kDifferences);
    if (count % 2 != 0)
        to[pairs] = pooledOf(to[pairs], from[count - 1], kDifferences);
}

Pyramid::Level pooled(const Pyramid::Level& below, bool belowIsBase, bool differences) {
    Pyramid::Level level{(below.rows + 1) / 2, (below.columns + 1) / 2, nullptr, {}};
    level.storage.assign(static_cast<std::size_t>(level.rows * level.columns), differences ? kNoDifference : kNoData);
    const auto pool = differences ? poolRow<true> : poolRow<false>;
    for (std::int64_t row = 0; row < below.rows; ++row)
        pool(below.values + row * below.columns, belowIsBase ? visibleColumns(below, row) : below.columns,
             level.storage.data() + row / 2 * level.columns);
    level.values = level.storage.data();
    return level;
}

} // namespace

std::int64_t Pyramid::visible(std::int64_t row) const {
    return visibleColumns(m_levels.front(), row);
}

float Pyramid::at(int index, std::int64_t row, std::int64_t column) const {
    const Level& from = level(index);
    const float none = m_differences ? kNoDifference : kNoData;
    if (row < 0 || column < 0 || row >= from.rows || column >= from.columns)
        return none;
    if (index == 0 && column >= visible(row))
        return none;
    return from.values[row * from.columns + column];
}

std::shared_ptr<const Pyramid> buildPyramid(const float* values, std::int64_t rows, std::int64_t columns,
                                            std::span<const float> rowFactors, bool differences) {
    if (!values || rows < 1 || columns < rows)
        return nullptr;
    if (!rowFactors.empty() && rowFactors.size() != static_cast<std::size_t>(rows))
        return nullptr;
    auto pyramid = std::make_shared<Pyramid>();
    pyramid->m_differences = differences;
    Pyramid::Level base{rows, columns, values, {}};
    pyramid->m_levels.push_back(rowFactors.empty() ? std::move(base) : ownedBase(base, rowFactors, differences ? kNoDifference : kNoData));
    while (pyramid->m_levels.back().rows > 1 || pyramid->m_levels.back().columns > 1)
        pyramid->m_levels.push_back(pooled(pyramid->m_levels.back(), pyramid->m_levels.size() == 1, differences));
    return pyramid;
}

} // namespace fovea
