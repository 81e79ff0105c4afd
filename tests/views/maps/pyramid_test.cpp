#include <catch2/catch.hpp>

#include <set>
#include <vector>

#include "views/maps/pyramid.h"

using namespace fovea;

TEST_CASE("A pyramid holds the largest weight of every block, whatever the sides", "[views.maps]") {
    for (const std::int64_t n : {1, 2, 3, 7, 37}) {
        std::vector<float> values(static_cast<std::size_t>(n * n));
        for (std::size_t i = 0; i < values.size(); ++i)
            values[i] = static_cast<float>(i * 7919 % 1009) / 1009;
        const auto pyramid = buildPyramid(values.data(), n, n);
        REQUIRE(pyramid);
        REQUIRE(pyramid->level(pyramid->levels() - 1).rows == 1);
        for (int level = 0; level < pyramid->levels(); ++level)
            for (std::int64_t row = 0; row < pyramid->level(level).rows; ++row)
                for (std::int64_t column = 0; column < pyramid->level(level).columns; ++column) {
                    float expected = kNoData;
                    for (std::int64_t r = row << level; r < std::min(n, (row + 1) << level); ++r)
                        for (std::int64_t c = column << level; c < std::min(r + 1, (column + 1) << level);
                             ++c)
                            expected = std::max(expected, values[static_cast<std::size_t>(r * n + c)]);
                    REQUIRE(pyramid->at(level, row, column) == expected);
                }
    }
}

TEST_CASE("Values above the diagonal are never data", "[views.maps]") {
    std::vector<float> values(64 * 64, 1e9F);
    for (std::size_t row = 0; row < 64; ++row)
        std::fill_n(values.begin() + static_cast<std::ptrdiff_t>(row * 64), row + 1, 0.25F);
    const auto pyramid = buildPyramid(values.data(), 64, 64);
    for (int level = 0; level < pyramid->levels(); ++level)
        for (std::int64_t row = 0; row < pyramid->level(level).rows; ++row)
            for (std::int64_t column = 0; column < pyramid->level(level).columns; ++column)
                REQUIRE(pyramid->at(level, row, column) == (column <= row ? 0.25F : kNoData));
}

TEST_CASE("A pyramid with row factors scales each row and leaves its source alone", "[views.maps]") {
    const std::vector<float> values{1, 0, 0.5F, 0.25F};
    const std::vector<float> factors{2, 8};
    const auto pyramid = buildPyramid(values.data(), 2, 2, factors);
    CHECK(pyramid->at(0, 0, 0) == 2);
    CHECK(pyramid->at(0, 0, 1) == kNoData);
    CHECK(pyramid->at(0, 1, 0) == 4);
    CHECK(pyramid->at(1, 0, 0) == 4);
    CHECK(values[0] == 1);
    CHECK_FALSE(buildPyramid(values.data(), 2, 2, std::vector<float>{1}));
    CHECK_FALSE(buildPyramid(nullptr, 2, 2));
    CHECK_FALSE(buildPyramid(values.data(), 0, 0));
}

TEST_CASE("Rows that are the last of more keys see every key before them", "[views.maps]") {
    const std::vector<float> values(2 * 5, 0.5F);
    const auto pyramid = buildPyramid(values.data(), 2, 5);
    CHECK(pyramid->at(0, 0, 3) == 0.5F);
    CHECK(pyramid->at(0, 0, 4) == kNoData);
    CHECK(pyramid->at(0, 1, 4) == 0.5F);
}
