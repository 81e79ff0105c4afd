#pragma once
// Attention in double precision, one scalar loop per equation, to hold the kernels against.

#include <cstdint>
#include <optional>
#include <vector>

#include "core/methods/read/sparq.h"
#include "tests/core/kernels/kv_blocks.h"

namespace fovea::test {

// One query head over `slots`: softmax(q·Kᵀ/√d)·V, and how far fp32 arithmetic may lie from it.
struct Attended {
    std::vector<double> output;  // (d)
    double bound = 0;
};
Attended attend(const KvBlocks& cache, int kvHead, const float* q, const std::vector<std::int32_t>& slots);

// All slots 0..S-1.
std::vector<std::int32_t> everySlot(const KvBlocks& cache);

// SparQ, stages 1 and 2 of the group of one KV head. q (g, d). `columns`: what the approximate logits are made of.
struct Approximation {
    std::vector<std::int32_t> components;     // i1
    std::vector<double> tau;                  // (g)
    std::vector<std::vector<double>> logits;  // (g, S)
    std::vector<std::vector<double>> shares;  // (g, S) ŝ
    std::vector<double> value;                // (S) what tokens are compared by
    double bound = 0;                         // of an fp32 `value`
};
Approximation approximate(const SparqParams& params, const KvBlocks& cache, int kvHead, const float* q);

}  // namespace fovea::test
