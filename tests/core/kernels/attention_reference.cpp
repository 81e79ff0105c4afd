#include "tests/core/kernels/attention_reference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace fovea::test {
namespace {

constexpr double kEpsilon = std::numeric_limits<float>::epsilon();

std::vector<double> softmax(const std::vector<double>& logits) {
    const double top = *std::max_element(logits.begin(), logits.end());
    std::vector<double> p(logits.size());
    std::transform(logits.begin(), logits.end(), p.begin(), [top](double s) { return std::exp(s - top); });
    const double sum = std::accumulate(p.begin(), p.end(), 0.0);
    for (double& x : p)
        x /= sum;
    return p;
}

// The lanes of a vector and the rows of a tile cut a sum of n terms into parts: an error of about n/16 ulps in the
// worst case, never below a few.
double summation(double n) { return (8 + n / 16) * kEpsilon; }

}  // namespace

std::vector<std::int32_t> everySlot(const KvBlocks& cache) {
    std::vector<std::int32_t> slots(static_cast<std::size_t>(cache.shape().slots));
    std::iota(slots.begin(), slots.end(), 0);
    return slots;
}

Attended attend(const KvBlocks& cache, int kvHead, const float* q, const std::vector<std::int32_t>& slots) {
    const auto d = static_cast<std::size_t>(cache.shape().headDim);
    std::vector<double> logits;
    double largest = 0, largestValue = 0;
    for (const std::int32_t slot : slots) {
        const std::vector<float> k = cache.key(kvHead, slot);
        double dot = 0, size = 0;
        for (std::size_t i = 0; i < d; ++i) {
            dot += double{q[i]} * k[i];
            size += std::fabs(double{q[i]} * k[i]);
        }
        logits.push_back(dot / std::sqrt(static_cast<double>(d)));
        largest = std::max(largest, size / std::sqrt(static_cast<double>(d)));
    }
    const std::vector<double> p = softmax(logits);
    Attended result{std::vector<double>(d, 0.0), 0};
    for (std::size_t t = 0; t < slots.size(); ++t) {
        const std::vector<float> v = cache.value(kvHead, slots[t]);
        for (std::size_t i = 0; i < d; ++i) {
            result.output[i] += p[t] * v[i];
            largestValue = std::max(largestValue, std::fabs(double{v[i]}));
        }
    }
    // A logit off by δ changes its weight by the factor e^δ, twice: in the numerator and in the sum.
    const double delta = largest * summation(static_cast<double>(d));
    result.bound = largestValue * (2 * delta + 2 * summation(static_cast<double>(slots.size())));
    return result;
}

Approximation approximate(const SparqParams& params, const KvBlocks& cache, int kvHead, const float* q) {
    const AttentionShape& shape = cache.shape();
    const int d = shape.headDim, g = shape.group();
    std::vector<double> size(static_cast<std::size_t>(d));
    for (int h = 0; h < g; ++h)
        for (int i = 0; i < d; ++i)
            size[static_cast<std::size_t>(i)] += std::fabs(double{q[h * d + i]});
    Approximation result;
    result.components.resize(static_cast<std::size_t>(d));
    std::iota(result.components.begin(), result.components.end(), 0);
    std::stable_sort(result.components.begin(), result.components.end(),
                     [&](int a, int b) { return size[static_cast<std::size_t>(a)] > size[static_cast<std::size_t>(b)]; });
    result.components.resize(static_cast<std::size_t>(std::min(params.components, d)));
    std::sort(result.components.begin(), result.components.end());

    const auto slots = static_cast<std::size_t>(shape.slots);
    result.value.assign(slots, 0);
    double largest = 0;
    for (int h = 0; h < g; ++h) {
        double chosen = 0, all = 0;
        for (const std::int32_t i : result.components)
            chosen += std::fabs(double{q[h * d + i]});
        for (int i = 0; i < d; ++i)
            all += std::fabs(double{q[h * d + i]});
        result.tau.push_back(std::sqrt(params.tau && chosen > 0 ? d * chosen / all : d));
        std::vector<double> logits(slots);
        for (std::size_t s = 0; s < slots; ++s) {
            const std::vector<float> k = cache.key(kvHead, static_cast<std::int64_t>(s));
            double sum = 0;
            for (const std::int32_t i : result.components) {
                logits[s] += q[h * d + i] * double{k[static_cast<std::size_t>(i)]} / result.tau.back();
                sum += std::fabs(q[h * d + i] * double{k[static_cast<std::size_t>(i)]} / result.tau.back());
            }
            largest = std::max(largest, sum);
        }
        result.shares.push_back(softmax(logits));
        // One query head is compared by its logits, to which its softmax is monotone.
        const bool byShare = params.select == SparqParams::Select::Softmax && g > 1;
        for (std::size_t s = 0; s < slots; ++s)
            result.value[s] += byShare ? result.shares.back()[s] : logits[s];
        result.logits.push_back(std::move(logits));
    }
    const double delta = largest * summation(static_cast<double>(params.components));
    const double top = *std::max_element(result.value.begin(), result.value.end());
    result.bound = params.select == SparqParams::Select::Softmax && g > 1
                       ? top * (2 * delta + 2 * summation(static_cast<double>(slots)))
                       : g * delta + g * kEpsilon;
    return result;
}

}  // namespace fovea::test
