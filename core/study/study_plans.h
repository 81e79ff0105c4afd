#pragma once
// What a study of rounding tries: which tensors, to how many bits, by which method.
//
// Paper     Li, Ning, et al., "Evaluating Quantized Large Language Models", arXiv 2402.18158 (papers: qllm-eval): W to 8, 4,
//           3 and 2 bits; WA as W8A8, W4A8 and W4A4; KV to 8, 4, 3 and 2; and W with KV. RTN is the paper's; methods that
//           learn or split otherwise stand beside it, where the model has what they need.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fovea {

enum class RoundedTensors : std::uint8_t { Weights, WeightsActivations, Cache, WeightsCache };
inline constexpr int kRoundedTensors = 4;
constexpr std::string_view kRoundedTensorNames[] = {"W", "WA", "KV", "W+KV"};

struct StudyPlan {
    RoundedTensors tensors = RoundedTensors::Weights;
    std::string label;  // "W4A8": bits per value without those of scales
    std::string method; // "rtn", "kivi"
    std::string plan;   // shortest text; as it was asked for where it is no plan
    double weightBits = 0, activationBits = 0, cacheBits = 0; // 0: as the model has them
};

// In the order of tensors, methods within them, and falling bits.
std::vector<StudyPlan> studyPlans();

} // namespace fovea
