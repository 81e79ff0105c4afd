#include "tests/core/kernels/cuda/acts_case.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "core/methods/quantise/rtn.h"

namespace fovea::cuda {
namespace {

constexpr std::int64_t kUnit = 128;

// The column, of a unit, whose code is byte `at` of it.
std::int64_t columnOfByte(int weightBits, std::int64_t at) {
    if (weightBits == 8)
        return at;
    constexpr int kRuns[] = {0, 4, 1, 5, 2, 6, 3, 7}; // of 16 columns
    const std::int64_t word = at / 4;
    return kRuns[word / 16 * 4 + at % 4] * 16 + word % 16;
}

// Zeros of either sign are the same.
bool sameFloat(float a, float b) {
    return a == b || (std::isnan(a) && std::isnan(b));
}

void require(bool holds, const std::string& what, std::int64_t vector, std::int64_t at) {
    if (!holds)
        throw std::runtime_error(what + " of vector " + std::to_string(vector) + ", at " +
                                 std::to_string(at));
}

} // namespace

RoundedVector roundedByFormula(const RoundedAs& acts, const float* x, std::int64_t n) {
    RoundedVector made;
    made.whole.assign(static_cast<std::size_t>(n), 0);
    if (!std::all_of(x, x + n, [](float v) { return std::isfinite(v); })) {
        made.scale = std::numeric_limits<float>::quiet_NaN();
        return made;
    }
    const double most = *std::max_element(x, x + n), least = *std::min_element(x, x + n);
    const int half = 1 << (acts.bits - 1), levels = 2 * half - 1;
    double s = 0, lowest = -half, highest = half - 1;
    made.zero = half;
    if (acts.symmetric) {
        s = std::max(std::max(most, -least), kLeastRange) / (half - 1);
    } else {
        s = std::max(most - least, kLeastRange) / levels;
        const double z = std::clamp(-std::nearbyint(least / s), 0., double(levels));
        lowest = -z, highest = levels - z;
        made.zero = static_cast<int>(z);
    }
    made.scale = static_cast<float>(s);
    for (std::int64_t i = 0; i < n; ++i)
        made.whole[static_cast<std::size_t>(i)] =
            static_cast<int>(std::clamp(std::nearbyint(x[i] / s), lowest, highest));
    return made;
}

RoundedActs::RoundedActs(const RoundedAs& acts, const std::vector<float>& x, std::int64_t components,
                         int bitsOfWeights, Stream stream)
    : n(components), vectors(static_cast<std::int64_t>(x.size()) / components), weightBits(bitsOfWeights),
      rounded(x.size()), codes(static_cast<std::size_t>(weightBits == 0 ? 0 : vectors * (n / kUnit * kUnit))),
      zeros(static_cast<std::size_t>(vectors)), scales(static_cast<std::size_t>(vectors)) {
    const Guarded<float> from(x);
    RoundActs step;
    step.bits = acts.bits;
    step.symmetric = acts.symmetric;
    step.x = from.data();
    step.n = n;
    step.vectors = vectors;
    step.rounded = rounded.data();
    if (weightBits != 0) {
        step.whole = whole();
        step.weightBits = weightBits;
    }
    roundActs(step, stream);
    machine::finish();
}

WholeVectors RoundedActs::whole() const {
    return {codes.data(), zeros.data(), scales.data()};
}

void RoundedActs::check(const RoundedAs& acts, const std::vector<float>& x) const {
    const std::vector<float> values = rounded.read("rounded"), s = scales.read("scales");
    const std::vector<unsigned char> bytes = codes.read("codes");
    const std::vector<int> z = zeros.read("zeros");
    const std::int64_t inUnits = weightBits == 0 ? 0 : n / kUnit * kUnit;
    for (std::int64_t v = 0; v < vectors; ++v) {
        const RoundedVector wanted = roundedByFormula(acts, x.data() + v * n, n);
        for (std::int64_t i = 0; i < n; ++i)
            require(sameFloat(values[static_cast<std::size_t>(v * n + i)],
                              wanted.value(static_cast<std::size_t>(i))),
                    "a value", v, i);
        if (weightBits == 0)
            continue;
        require(sameFloat(s[static_cast<std::size_t>(v)], wanted.scale), "the scale", v, 0);
        const int zero = z[static_cast<std::size_t>(v)];
        require(std::isnan(wanted.scale) || zero == wanted.zero, "the zero", v, 0);
        for (std::int64_t i = 0; i < inUnits; ++i) {
            const std::int64_t column = i / kUnit * kUnit + columnOfByte(weightBits, i % kUnit);
            require(bytes[static_cast<std::size_t>(v * inUnits + i)] - zero ==
                        wanted.whole[static_cast<std::size_t>(column)],
                    "a code", v, i);
        }
    }
}

} // namespace fovea::cuda
