#pragma once
// Choices of tokens, run on a machine, and what the CPU's Sampler chooses.

#include <cstdint>
#include <string>
#include <vector>

#include "core/kernels/cuda/sampling.h"

namespace fovea::cuda {

struct SamplingCase {
    std::vector<std::vector<float>> logits; // of each text, as many
    float temperature = 0;
    int topK = 0;
    float topP = 1;
    std::uint64_t seed = 1; // of the first text; the next has the next

    // Draws are those that a Sampler of the text's seed begins with.
    std::vector<int> run(Stream stream) const;
    std::vector<int> truth() const;
    std::string text() const;
};

// One text's: of a normal distribution, times `spread`, rounded to whole multiples of `step` where that is not 0.
std::vector<float> madeUpLogits(int vocabulary, float spread, float step, unsigned seed);

} // namespace fovea::cuda
