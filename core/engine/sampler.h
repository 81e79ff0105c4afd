#pragma once
// What follows logits: a token, and how surprising it is. The same seed chooses the same tokens on every machine and standard
// library.

#include <cstdint>
#include <span>

namespace fovea {

struct SamplerOptions {
    float temperature = 0; // 0: greedy
    int topK = 0;          // 0: no limit
    float topP = 1;        // 1: no limit
    std::uint64_t seed = 1;
};

// The token that `draw` from [0, 1), a multiple of 2^-24, falls on; ties go to the lowest id, and a logit that is no number is
// never chosen. Throws std::invalid_argument where there are none.
int chooseToken(std::span<const float> logits, const SamplerOptions& options, float draw);
// -ln softmax(logits)[token]
float surpriseOf(std::span<const float> logits, int token);

// How a text goes on after a step.
struct NextToken {
    float draw = 0; // that it is chosen by
    int token = 0;  // chosen, or given
    float surprise = 0;
};

// The draws of one text.
class Sampler {
public:
    explicit Sampler(SamplerOptions options);
    float draw(); // for the next token; 0 at temperature 0, which needs none
    int next(std::span<const float> logits) { return chooseToken(logits, m_options, draw()); }

private:
    SamplerOptions m_options;
    std::uint64_t m_state;
};

} // namespace fovea
