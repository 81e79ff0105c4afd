#pragma once
// A small generator (SplitMix64) whose numbers are the same on every machine and standard library.

#include <cmath>
#include <cstdint>
#include <span>

namespace fovea {

class Random {
public:
    explicit Random(std::uint64_t seed) : m_state(seed) {}

    // Where the generator stands; one made from it as a seed goes on from there.
    std::uint64_t state() const { return m_state; }

    std::uint64_t bits() {
        std::uint64_t z = (m_state += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; } // [0, 1)
    bool chance(double p) { return uniform() < p; }
    // [0, n); n is small beside 2^64, so the remainder's bias is nothing.
    std::int64_t below(std::int64_t n) {
        return static_cast<std::int64_t>(bits() % static_cast<std::uint64_t>(n));
    }
    std::int64_t between(std::int64_t low, std::int64_t high) { return low + below(high - low + 1); }
    // Standard normal (Box and Muller).
    double normal() {
        return std::sqrt(-2 * std::log(1 - uniform())) * std::cos(6.283185307179586 * uniform());
    }
    template <typename T>
    const T& pick(std::span<const T> from) {
        return from[static_cast<std::size_t>(below(static_cast<std::int64_t>(from.size())))];
    }

private:
    std::uint64_t m_state;
};

} // namespace fovea
