#pragma once
// Choices of tokens, run on a machine, and what the CPU chooses and is surprised by.

#include <cstdint>
#include <string>
#include <vector>

#include "core/kernels/cuda/sampling.h"

namespace fovea::cuda {

struct Chosen {
    std::vector<int> tokens;
    std::vector<float> surprises;
};

struct SamplingCase {
    std::vector<std::vector<float>> logits; // of each text, as many
    float temperature = 0;
    int topK = 0;
    float topP = 1;
    std::uint64_t seed = 1; // of the first text; the next has the next
    bool given = false;     // tokens are some that nobody chose

    // Draws are those that a Sampler of the text's seed begins with.
    Chosen run(Stream stream) const;
    Chosen truth() const;
    std::string text() const;

private:
    std::vector<int> someTokens() const;
};

// One text's: of a normal distribution, times `spread`, rounded to whole multiples of `step` where that is not 0.
std::vector<float> madeUpLogits(int vocabulary, float spread, float step, unsigned seed);

} // namespace fovea::cuda
