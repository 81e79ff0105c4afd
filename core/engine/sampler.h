#pragma once
// Chooses the next token. The same seed chooses the same tokens on every machine and standard library.

#include <cstdint>
#include <span>

namespace fovea {

struct SamplerOptions {
    float temperature = 0; // 0: greedy
    int topK = 0;          // 0: no limit
    float topP = 1;        // 1: no limit
    std::uint64_t seed = 1;
};

class Sampler {
public:
    explicit Sampler(SamplerOptions options);
    int next(std::span<const float> logits); // ties go to the lowest id

private:
    float uniform(); // [0, 1)

    SamplerOptions m_options;
    std::uint64_t m_state;
};

} // namespace fovea
