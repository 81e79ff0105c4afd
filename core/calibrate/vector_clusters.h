#pragma once
// Weighted k-means over vectors, begun by k-means++ (Arthur and Vassilvitskii, SODA 2007): each further centroid is one
// of the vectors, drawn as often as its weight times its squared distance from those that are there.

#include <cstdint>
#include <span>
#include <vector>

namespace fovea {

struct ClusterTask {
    std::span<const float> vectors; // (n, width), n >= 1
    std::span<const float> weights; // (n) >= 0, or empty: each weighs 1
    int width = 1, count = 1;
    std::uint64_t seed = 0;
    int mostRounds = 30; // of Lloyd's; fewer where the error no longer falls by a thousandth
};

struct Clusters {
    std::vector<float> centroids; // (count, width)
    double error = 0;             // Σ w·|x − C(x)|² in the last round
    int rounds = 0;
};

// The same for the same task, on any number of threads. A centroid that nothing is nearest to stays where it was drawn;
// where fewer vectors differ, some are alike. Vectors that weigh nothing have no say; if none does, all weigh 1.
Clusters cluster(const ClusterTask& task);

} // namespace fovea
