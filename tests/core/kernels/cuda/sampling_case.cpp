#include "tests/core/kernels/cuda/sampling_case.h"

#include <cmath>

#include "core/engine/sampler.h"
#include "tests/core/kernels/cuda/guarded.h"
#include "tests/core/kernels/cuda/stored_elements.h"

namespace fovea::cuda {
namespace {

// The first number of splitmix64, as the Sampler draws it: if it were another, choices would differ.
float firstDraw(std::uint64_t seed) {
    std::uint64_t z = seed + 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return static_cast<float>(z >> 40) * 0x1p-24f;
}

} // namespace

std::vector<int> SamplingCase::someTokens() const {
    std::vector<int> tokens;
    for (std::size_t row = 0; row < logits.size(); ++row)
        tokens.push_back(static_cast<int>((seed + 7 * row) % logits[row].size()));
    return tokens;
}

Chosen SamplingCase::run(Stream stream) const {
    std::vector<float> all, draws;
    for (std::size_t row = 0; row < logits.size(); ++row) {
        all.insert(all.end(), logits[row].begin(), logits[row].end());
        draws.push_back(firstDraw(seed + row));
    }
    const machine::Buffer logitMemory = machine::upload(all), drawMemory = machine::upload(draws);
    const Guarded<int> tokens(given ? someTokens() : std::vector<int>(logits.size(), -7));
    const Guarded<float> surprises(logits.size());
    ChooseTokens step;
    step.logits = static_cast<const float*>(logitMemory.data());
    step.vocabulary = static_cast<int>(logits.front().size());
    step.rows = static_cast<int>(logits.size());
    step.temperature = temperature;
    step.topK = topK;
    step.topP = topP;
    step.given = given;
    step.draws = temperature > 0 && !given ? static_cast<const float*>(drawMemory.data()) : nullptr;
    step.tokens = tokens.data();
    step.surprises = surprises.data();
    const Guarded<unsigned char> scratch(std::vector<unsigned char>(scratchBytes(step), 0xFF));
    step.scratch = scratch.data();
    chooseTokens(step, stream);
    machine::finish();
    scratch.read("scratch");
    return {tokens.read("tokens"), surprises.read("surprises")};
}

Chosen SamplingCase::truth() const {
    Chosen chosen{someTokens(), {}};
    for (std::size_t row = 0; row < logits.size(); ++row) {
        if (!given)
            chosen.tokens[row] = Sampler({temperature, topK, topP, seed + row}).next(logits[row]);
        chosen.surprises.push_back(surpriseOf(logits[row], chosen.tokens[row]));
    }
    return chosen;
}

std::string SamplingCase::text() const {
    return "V=" + std::to_string(logits.front().size()) + " T=" + std::to_string(temperature) +
           " k=" + std::to_string(topK) + " p=" + std::to_string(topP) + " seed=" + std::to_string(seed) +
           (given ? " given" : "");
}

std::vector<float> madeUpLogits(int vocabulary, float spread, float step, unsigned seed) {
    std::vector<float> logits = madeUp(static_cast<std::size_t>(vocabulary), seed);
    for (float& logit : logits) {
        logit *= spread;
        if (step != 0)
            logit = std::round(logit / step) * step;
    }
    return logits;
}

} // namespace fovea::cuda
