#pragma once
// Weighted k-means in one dimension, as good as it can be: the levels of a non-uniform quantiser.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fovea {

// What numbers on [−1, 1] weigh, piece by piece: a histogram of their weights, sums and squares, in which any number of
// them may be gathered.
class WeighedNumbers {
public:
    static constexpr std::int64_t kPieces = 2048;

    WeighedNumbers();
    // Numbers beyond [−1, 1] count as nothing. weights (n) >= 0, or empty: each weighs 1.
    void add(std::span<const float> numbers, std::span<const float> weights);

    // `count` levels, ascending, between which Σ w·(x − level(x))² is the least that runs of whole pieces allow
    // (dynamic programming over the pieces; no seed, no start). Where fewer numbers differ the greatest comes repeatedly;
    // where nothing weighs anything, evenly spaced levels.
    std::vector<float> levels(int count) const;

private:
    struct Piece {
        double weight = 0, sum = 0, squares = 0;
    };
    static std::vector<std::size_t> bestRuns(const std::vector<Piece>& before, std::size_t most);

    std::vector<Piece> m_pieces;
};

// −1 … 1 in even steps: what a uniform quantiser has.
std::vector<float> evenLevels(int count);

} // namespace fovea
