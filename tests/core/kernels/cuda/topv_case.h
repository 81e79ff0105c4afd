#pragma once
// Top-k V's choice for a ReadCase, run on a machine and judged by the definition.

#include <string>
#include <vector>

#include "tests/core/kernels/cuda/read_case.h"

namespace fovea::cuda {

struct TopvOutcome {
    std::vector<float> logits;                     // (H, stride), NaN where nothing is live
    std::vector<float> tops, sums, kept;           // (H)
    std::vector<float> weights;                    // (H, k), NaN beyond what was chosen
    std::vector<std::vector<std::int32_t>> chosen; // of each KV head

    bool operator==(const TopvOutcome& other) const; // bit for bit
};

// Throws if a kernel writes past the end of what it was given.
TopvOutcome runTopv(const ReadCase& problem, int tokens, Stream stream);
// "", or what is wrong with the outcome.
std::string wrongTopv(const ReadCase& problem, int tokens, const TopvOutcome& outcome);

// The sum of chosen values, by addListedValues: (H, d). Values are the case's keys, under another name.
std::vector<float> chosenValues(const ReadCase& problem, int tokens, const TopvOutcome& outcome,
                                bool renormalise, Stream stream);
// The same by the definition.
std::vector<double> trueSum(const ReadCase& problem, int tokens, const TopvOutcome& outcome,
                            bool renormalise);

} // namespace fovea::cuda
