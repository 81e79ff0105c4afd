#pragma once
// Max-pool pyramid of a causal matrix: each level halves both sides and keeps the largest value (of differences the one
// furthest from 0, with its sign), so that one
// bright column of 4096 is still seen when the whole map is as small as a stamp (plain downsampling loses
// most of them). Row i of `rows` sees columns 0 .. i + columns − rows; what lies above that diagonal is not
// data and is never read. No Qt; buildPyramid takes milliseconds and belongs off the interface's thread.

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

namespace fovea {

inline constexpr float kNoData = -1; // a block wholly above the diagonal; weights are never negative
// The same among differences, which may be.
inline constexpr float kNoDifference = std::numeric_limits<float>::quiet_NaN();
inline bool isNoData(float value, bool differences) { return differences ? std::isnan(value) : value < 0; }
// The one of two that a pooled pixel shows.
inline float pooledOf(float a, float b, bool differences) {
    if (!differences)
        return a < b ? b : a;
    return std::isnan(a) || std::abs(b) > std::abs(a) ? b : a;
}

class Pyramid {
public:
    struct Level {
        std::int64_t rows = 0, columns = 0;
        const float* values = nullptr; // (rows, columns)
        std::vector<float> storage;    // empty for level 0, which is the caller's
    };

    std::int64_t rows() const { return m_levels.front().rows; }
    std::int64_t columns() const { return m_levels.front().columns; }
    int levels() const { return static_cast<int>(m_levels.size()); }
    const Level& level(int index) const { return m_levels[static_cast<std::size_t>(index)]; }
    bool differences() const { return m_differences; }
    // Columns of row `row` that are data.
    std::int64_t visible(std::int64_t row) const;
    // The value shown for the block of cells [row, row + 1) · 2^index by [column, column + 1) · 2^index, or
    // kNoData (kNoDifference).
    float at(int index, std::int64_t row, std::int64_t column) const;

private:
    friend std::shared_ptr<const Pyramid> buildPyramid(const float*, std::int64_t, std::int64_t,
                                                       std::span<const float>, bool);
    std::vector<Level> m_levels;
    bool m_differences = false;
};

// `values` (rows, columns) must outlive the pyramid unless `rowFactors` (rows) is given: then level 0 is a
// copy, each row multiplied by its factor. columns >= rows >= 1, else null.
std::shared_ptr<const Pyramid> buildPyramid(const float* values, std::int64_t rows, std::int64_t columns,
                                            std::span<const float> rowFactors = {}, bool differences = false);

} // namespace fovea
