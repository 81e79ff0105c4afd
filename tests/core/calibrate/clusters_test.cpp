// k-means in one dimension, which can be held against every possible division, and over vectors.

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "core/calibrate/level_clusters.h"
#include "core/calibrate/vector_clusters.h"

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

struct Weighed {
    std::vector<float> numbers, weights;
};

double errorOf(const Weighed& x, const std::vector<float>& levels) {
    double sum = 0;
    for (std::size_t i = 0; i < x.numbers.size(); ++i) {
        double nearest = std::numeric_limits<double>::infinity();
        for (const float level : levels)
            nearest = std::min(nearest, std::pow(x.numbers[i] - static_cast<double>(level), 2));
        sum += x.weights[i] * nearest;
    }
    return sum;
}

std::vector<float> levelsOf(const Weighed& x, int count) {
    WeighedNumbers numbers;
    numbers.add(x.numbers, x.weights);
    return numbers.levels(count);
}

// The least error of three runs of ascending numbers, by trying all.
double leastOfThree(const Weighed& x) {
    const auto mean = [&x](std::size_t first, std::size_t last) {
        double weight = 0, sum = 0;
        for (std::size_t i = first; i < last; ++i)
            weight += x.weights[i], sum += static_cast<double>(x.weights[i]) * x.numbers[i];
        return static_cast<float>(sum / weight);
    };
    double least = std::numeric_limits<double>::infinity();
    const std::size_t n = x.numbers.size();
    for (std::size_t a = 1; a + 1 < n; ++a)
        for (std::size_t b = a + 1; b < n; ++b)
            least = std::min(least, errorOf(x, {mean(0, a), mean(a, b), mean(b, n)}));
    return least;
}

// Five blobs of vectors in a plane, far apart.
struct Blobs {
    std::vector<float> vectors, weights;
};

Blobs blobs() {
    std::mt19937 random(7);
    std::normal_distribution<float> normal(0, .1f);
    Blobs b;
    for (int i = 0; i < 500; ++i) {
        b.vectors.push_back(static_cast<float>(i % 5) * 10 + normal(random));
        b.vectors.push_back(static_cast<float>(i % 5 % 2) * 10 + normal(random));
        b.weights.push_back(1);
    }
    return b;
}

} // namespace

TEST_CASE("Levels are the best that there are", "[core.calibrate]") {
    // By hand: runs {−1, −.5} and {.5}; the heavy −1 pulls the mean to (3·(−1) − .5)/4.
    CHECK(levelsOf({{-1, -.5f, .5f}, {3, 1, 1}}, 2) == std::vector<float>{-.875f, .5f});
    std::mt19937 random(5);
    for (int round = 0; round < 20; ++round) {
        Weighed x;
        for (int i = 0; i < 12; ++i) { // each in a piece of its own
            x.numbers.push_back(-1 + .16f * static_cast<float>(i) +
                                .001f * static_cast<float>(random() % 100));
            x.weights.push_back(static_cast<float>(1 + random() % 50));
        }
        const std::vector<float> levels = levelsOf(x, 3);
        CHECK(std::is_sorted(levels.begin(), levels.end()));
        CHECK(errorOf(x, levels) == Approx(leastOfThree(x)).epsilon(1e-5));
    }
}

TEST_CASE("Levels of few numbers, of none, and of numbers beyond the range", "[core.calibrate]") {
    CHECK(levelsOf({{-.5f, .25f}, {1, 1}}, 4) == std::vector<float>{-.5f, .25f, .25f, .25f});
    CHECK(levelsOf({{}, {}}, 4) == evenLevels(4));
    CHECK(levelsOf({{.3f}, {0}}, 2) == std::vector<float>{-1, 1});
    const float nan = std::numeric_limits<float>::quiet_NaN();
    CHECK(levelsOf({{.5f, 3, -7, nan, .25f}, {1, 1, 1, 1, nan}}, 1) == std::vector<float>{.5f});
    CHECK(evenLevels(4) == std::vector<float>{-1, 2.f / 3 - 1, 2 * 2.f / 3 - 1, 1});
    CHECK(levelsOf({{-1, 1}, {1, 1}}, 2) == std::vector<float>{-1, 1}); // both ends belong to it
}

TEST_CASE("Numbers of a text may come in parts", "[core.calibrate]") {
    WeighedNumbers parts, whole;
    const std::vector<float> a = {-.5f, .1f}, b = {.7f};
    parts.add(a, {});
    parts.add(b, {});
    whole.add(std::vector<float>{-.5f, .1f, .7f}, {});
    CHECK(parts.levels(2) == whole.levels(2));
}

TEST_CASE("k-means++ finds clusters that are there, the same each time", "[core.calibrate]") {
    const Blobs b = blobs();
    ClusterTask task{.vectors = b.vectors, .weights = {}, .width = 2, .count = 5, .seed = 3};
    const Clusters found = cluster(task);
    std::vector<float> firsts;
    for (std::size_t k = 0; k < 5; ++k)
        firsts.push_back(std::round(found.centroids[2 * k]));
    std::sort(firsts.begin(), firsts.end());
    CHECK(firsts == std::vector<float>{0, 10, 20, 30, 40});
    CHECK(found.error < 500 * 2 * .1 * .1 * 1.3);
    CHECK(cluster(task).centroids == found.centroids);
    task.seed = 4;
    CHECK(cluster(task).centroids != found.centroids); // another order
}

TEST_CASE("A vector's weight is as many of it", "[core.calibrate]") {
    // One centroid: the weighted mean. Zero weights have no say, all zero count alike.
    const std::vector<float> x = {0, 0, 4, 8}, heavy = {3, 1}, none = {0, 0}, one = {0, 2};
    ClusterTask task{.vectors = x, .weights = heavy, .width = 2, .count = 1, .seed = 1};
    CHECK(cluster(task).centroids == std::vector<float>{1, 2});
    task.weights = none;
    CHECK(cluster(task).centroids == std::vector<float>{2, 4});
    task.weights = one;
    CHECK(cluster(task).centroids == std::vector<float>{4, 8});
    CHECK(cluster(task).error == 0);
}

TEST_CASE("More centroids than vectors repeat them", "[core.calibrate]") {
    const std::vector<float> x = {1, 2, 1, 2};
    const Clusters found = cluster({.vectors = x, .weights = {}, .width = 2, .count = 4, .seed = 9});
    CHECK(found.error == 0);
    CHECK(found.centroids == std::vector<float>{1, 2, 1, 2, 1, 2, 1, 2});
}
