#include "core/calibrate/level_clusters.h"

#include <algorithm>
#include <limits>

namespace fovea {

WeighedNumbers::WeighedNumbers() : m_pieces(kPieces) {}

void WeighedNumbers::add(std::span<const float> numbers, std::span<const float> weights) {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const double x = numbers[i], w = weights.empty() ? 1 : weights[i];
        if (!(x >= -1 && x <= 1) || !(w > 0))
            continue;
        const auto at = static_cast<std::int64_t>((x + 1) / 2 * kPieces);
        Piece& piece = m_pieces[static_cast<std::size_t>(std::min(at, kPieces - 1))];
        piece.weight += w;
        piece.sum += w * x;
        piece.squares += w * x * x;
    }
}

std::vector<float> WeighedNumbers::levels(int count) const {
    std::vector<Piece> before(1); // sums of the first i pieces that weigh something
    for (const Piece& p : m_pieces)
        if (p.weight > 0)
            before.push_back({before.back().weight + p.weight, before.back().sum + p.sum,
                              before.back().squares + p.squares});
    if (before.size() == 1)
        return evenLevels(count);
    const std::vector<std::size_t> ends = bestRuns(before, static_cast<std::size_t>(count));
    std::vector<float> levels;
    std::size_t first = 0;
    for (const std::size_t last : ends) {
        levels.push_back(static_cast<float>((before[last].sum - before[first].sum) /
                                            (before[last].weight - before[first].weight)));
        first = last;
    }
    levels.resize(static_cast<std::size_t>(count), levels.back());
    return levels;
}

std::vector<float> evenLevels(int count) {
    std::vector<float> levels(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < levels.size(); ++i)
        levels[i] = count == 1 ? 0.f : 2.f * static_cast<float>(i) / static_cast<float>(count - 1) - 1;
    return levels;
}

// Where the runs end in the cheapest division of n pieces into `most` of them, or n where there are fewer. `before` (n + 1).
std::vector<std::size_t> WeighedNumbers::bestRuns(const std::vector<Piece>& before, std::size_t most) {
    const std::size_t n = before.size() - 1, runs = std::min(most, n);
    // Σ w·(x − mean)² of pieces first … last − 1
    const auto cost = [&before](std::size_t first, std::size_t last) {
        const double w = before[last].weight - before[first].weight,
                     sum = before[last].sum - before[first].sum;
        return before[last].squares - before[first].squares - sum * sum / w;
    };
    // least[i]: the cost of the first i pieces in k + 1 runs; begin[k][i]: where the last of these begins.
    std::vector<double> least(n + 1), next(n + 1);
    std::vector<std::vector<std::size_t>> begin(runs, std::vector<std::size_t>(n + 1, 0));
    for (std::size_t i = 1; i <= n; ++i)
        least[i] = cost(0, i);
    for (std::size_t k = 1; k < runs; ++k, least.swap(next))
        for (std::size_t i = k + 1; i <= n; ++i) {
            next[i] = std::numeric_limits<double>::infinity();
            for (std::size_t first = k; first < i; ++first)
                if (const double all = least[first] + cost(first, i); all < next[i])
                    next[i] = all, begin[k][i] = first;
        }
    std::vector<std::size_t> ends(runs);
    for (std::size_t k = runs, last = n; k-- > 0; last = begin[k][last])
        ends[k] = last;
    return ends;
}

} // namespace fovea
