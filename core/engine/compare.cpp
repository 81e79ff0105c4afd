#include "core/engine/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <stdexcept>

namespace fovea {

namespace {

using Row = std::span<const float>;

Row logitsOf(const Run& run, std::size_t step) {
    const auto V = static_cast<std::size_t>(run.spec.vocabulary);
    return Row(*run.logits).subspan(step * V, V);
}

// ln Σ exp
double logSum(Row logits) {
    const double largest = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (const float l : logits)
        sum += std::exp(l - largest);
    return largest + std::log(sum);
}

// Σ p · (ln p - ln q), nats.
double divergence(Row baseline, Row other) {
    const double zp = logSum(baseline), zq = logSum(other);
    double kl = 0;
    for (std::size_t i = 0; i < baseline.size(); ++i) {
        const double logP = baseline[i] - zp, p = std::exp(logP);
        if (p > 0)
            kl += p * (logP - (other[i] - zq));
    }
    return std::max(kl, 0.); // below 0 by rounding alone
}

// Ties go to the lowest id, as in sampling.
auto best(Row logits) {
    return std::max_element(logits.begin(), logits.end()) - logits.begin();
}

void requireComparable(const Run& a, const Run& b, std::size_t steps) {
    if (!a.logits || !b.logits)
        throw std::invalid_argument("Runs can be compared only when both kept their logits.");
    if (a.spec.vocabulary != b.spec.vocabulary)
        throw std::invalid_argument("Runs over different vocabularies cannot be compared.");
    for (std::size_t i = 0; i < steps; ++i)
        if (a.steps[i].fed != b.steps[i].fed || a.steps[i].position != b.steps[i].position)
            throw std::invalid_argument(
                "Runs that read different tokens cannot be compared step by step: run "
                "the second teacher-forced on the first's tokens.");
}

} // namespace

Comparison compareRuns(const Run& baseline, const Run& other) {
    const std::size_t steps = std::min(baseline.steps.size(), other.steps.size());
    requireComparable(baseline, other, steps);

    Comparison result;
    std::size_t agreed = 0;
    for (std::size_t i = 0; i < steps; ++i) {
        const Row p = logitsOf(baseline, i), q = logitsOf(other, i);
        const double kl = divergence(p, q);
        result.kl.push_back(static_cast<float>(kl));
        result.klMean += kl / static_cast<double>(steps);
        result.klMax = std::max(result.klMax, kl);
        if (best(p) == best(q))
            ++agreed;
        else if (!result.firstDivergent)
            result.firstDivergent = baseline.steps[i].position;
    }
    result.agreement = steps == 0 ? 1 : static_cast<double>(agreed) / static_cast<double>(steps);
    return result;
}

} // namespace fovea
