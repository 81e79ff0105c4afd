#pragma once
// SparQ's choice for a ReadCase, run on a machine and judged by the definition.

#include <string>
#include <vector>

#include "tests/core/kernels/cuda/read_case.h"

namespace fovea::cuda {

struct SparqSettings {
    int components = 8, tokens = 16, local = 4;
    bool alpha = true, tau = true, sumLogits = false;
    std::vector<std::vector<std::int32_t>> byAge = {}; // of each KV head; empty: in order
};

struct SparqOutcome {
    std::vector<std::int32_t> components;          // (G, r)
    std::vector<float> taus, tops, sums, alphas;   // (H)
    std::vector<float> logits;                     // (H, stride), NaN where nothing is live
    std::vector<std::vector<std::int32_t>> chosen; // of each KV head
    std::vector<std::int64_t> seenTokens = {};     // (H) where there are sights

    bool operator==(const SparqOutcome& other) const; // bit for bit
};

// Throws if a kernel writes past the end of what it was given.
SparqOutcome runSparq(const ReadCase& problem, const SparqSettings& settings, Stream stream);
// "", or what is wrong with the outcome.
std::string wrongSparq(const ReadCase& problem, const SparqSettings& settings, const SparqOutcome& outcome);

} // namespace fovea::cuda
