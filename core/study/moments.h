#pragma once
// What a stream of numbers is like: its largest size, spread and tails, in fp64 and without keeping a number.
//
// Paper     Li, Ning, et al., "Evaluating Quantized Large Language Models", arXiv 2402.18158, which tells by AbsMax,
//           standard deviation and kurtosis why weights, activations and K, V bear rounding so differently
// Sums      about the mean, joined as Pébay has it ("Formulas for Robust, One-Pass Parallel Computation of Covariances
//           and Arbitrary-Order Statistical Moments", Sandia SAND2008-6212, eq. 2.1 and 3.1): of the powers themselves
//           the fourth would lose all its digits where the mean is large beside the spread

#include <cstdint>
#include <span>

namespace fovea {

struct Moments {
    std::int64_t count = 0;
    double most = 0;                          // AbsMax: max |x|
    double mean = 0;                          // μ
    double second = 0, third = 0, fourth = 0; // Σ(x − μ)^k

    // A run of values: exact up to the rounding of fp64. NaN and infinities make NaN of all but the count.
    void add(std::span<const float> values);
    void add(const Moments& other);

    double deviation() const; // σ = √(Σ(x−μ)²/n)
    // n·Σ(x−μ)⁴/(Σ(x−μ)²)²: 3 of a normal distribution, more where a few values stand far out; 0 where all are alike.
    double kurtosis() const;
};

} // namespace fovea
