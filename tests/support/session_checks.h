#pragma once
// What tests of sessions ask of a step. Included last: it brings in catch2/catch.hpp.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "core/cache/traffic.h"
#include "core/engine/session.h"

#include <catch2/catch.hpp>

namespace fovea::test {

inline const std::atomic<bool> kGoOn = false;
inline constexpr Backend kBackends[] = {Backend::Cpu, Backend::Reference};

inline std::vector<int> randomTokens(std::int64_t n, int vocabulary = 50, unsigned seed = 3) {
    std::mt19937 random(seed);
    std::vector<int> tokens;
    for (std::int64_t i = 0; i < n; ++i)
        tokens.push_back(static_cast<int>(random() % static_cast<unsigned>(vocabulary)));
    return tokens;
}

// max |a - b| / max |b|
inline double difference(std::span<const float> a, std::span<const float> b) {
    REQUIRE(a.size() == b.size());
    double off = 0, scale = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        off = std::max(off, static_cast<double>(std::abs(a[i] - b[i])));
        scale = std::max(scale, static_cast<double>(std::abs(b[i])));
    }
    REQUIRE(std::isfinite(off));
    REQUIRE(scale > 0);
    return off / scale;
}

inline void requireSame(const Traffic& formula, const Traffic& counted) {
    for (int c = 0; c < kComponents; ++c) {
        INFO("component " << kComponentNames[static_cast<std::size_t>(c)]);
        REQUIRE(formula[static_cast<Component>(c)] == counted[static_cast<Component>(c)]);
    }
}

} // namespace fovea::test
