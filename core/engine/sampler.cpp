#include "core/engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

namespace fovea {

namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

// A logit that is not a number is never chosen.
float clean(float logit) {
    return std::isnan(logit) ? kNever : logit;
}

struct Candidate {
    int id;
    float logit;
    double p = 0;
};

// Most likely first, ties by id.
bool before(const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

int greedy(std::span<const float> logits) {
    int best = 0;
    for (int id = 1; id < std::ssize(logits); ++id)
        if (clean(logits[static_cast<std::size_t>(id)]) > clean(logits[static_cast<std::size_t>(best)]))
            best = id;
    return best;
}

} // namespace

Sampler::Sampler(SamplerOptions options) : m_options(options), m_state(options.seed) {}

// splitmix64 (Steele, Lea, Flood 2014): any seed will do, 0 too. The upper 24 bits are a float's mantissa.
float Sampler::draw() {
    if (!(m_options.temperature > 0))
        return 0;
    m_state += 0x9e3779b97f4a7c15u;
    std::uint64_t z = m_state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return static_cast<float>(z >> 40) * 0x1p-24f;
}

int chooseToken(std::span<const float> logits, const SamplerOptions& options, float draw) {
    if (logits.empty())
        throw std::invalid_argument("There are no logits to choose a token from.");
    const int best = greedy(logits);
    const float largest = clean(logits[static_cast<std::size_t>(best)]);
    // At temperature 0, or where exp would have no meaning, the best it is.
    if (!(options.temperature > 0) || std::isinf(largest))
        return best;

    std::vector<Candidate> candidates;
    candidates.reserve(logits.size());
    for (int id = 0; id < std::ssize(logits); ++id)
        candidates.push_back({id, clean(logits[static_cast<std::size_t>(id)])});
    std::sort(candidates.begin(), candidates.end(), before);
    if (options.topK > 0 && static_cast<std::size_t>(options.topK) < candidates.size())
        candidates.resize(static_cast<std::size_t>(options.topK));

    double total = 0;
    for (Candidate& c : candidates)
        total += c.p = std::exp((static_cast<double>(c.logit) - largest) / options.temperature);

    // The nucleus: the fewest candidates that hold topP of the mass.
    double mass = 0;
    std::size_t kept = 0;
    while (kept < candidates.size() && (kept == 0 || mass < options.topP * total))
        mass += candidates[kept++].p;

    double left = draw * mass;
    for (std::size_t i = 0; i < kept; ++i)
        if ((left -= candidates[i].p) < 0)
            return candidates[i].id;
    return candidates[kept - 1].id; // rounding only
}

float surpriseOf(std::span<const float> logits, int token) {
    const double largest = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (const float l : logits)
        sum += std::exp(l - largest);
    return static_cast<float>(largest + std::log(sum) - logits[static_cast<std::size_t>(token)]);
}

} // namespace fovea
