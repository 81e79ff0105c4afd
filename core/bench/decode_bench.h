#pragma once
// Times whole decode steps and the reading of a prompt, of a Llama with random weights, through the Session that
// everything else uses. A step reads every weight once, so bytes of weights / time is held against what the machine can
// read, measured in the same run over as many bytes. Limit and plans are measured in turn.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/engine/session.h"
#include "core/model/random_model.h"
#include "core/plan/attention_plan.h"

namespace fovea {

struct DecodeBenchOptions {
    // Large enough for matrices to come from memory, small enough for what is between them to be seen.
    RandomShape shape{.layers = 12,
                      .queryHeads = 12,
                      .kvHeads = 12,
                      .headDim = 64,
                      .ffn = 2048,
                      .vocabulary = 32000,
                      .context = 4096,
                      .type = ElementType::BF16,
                      .tied = false,
                      .hugePages = true};
    std::vector<AttentionPlan> plans;
    Backend backend = Backend::Cpu; // or Cuda
    int promptTokens = 256; // read at once, for its own figure; steps begin after one token
    int threads = 0;        // 0: as many as libtorch has now
    int repeats = 15;       // rounds, a step of each plan in each
    std::function<void(int done, int total)> progress;
};

struct DecodeBenchResult {
    AttentionPlan plan;
    double medianSeconds = 0, spread = 0, fastestSeconds = 0; // of a step; spread: interquartile range
    double attentionSeconds = 0;     // of which inside attention kernels, of the last step
    std::int64_t weightBytes = 0;    // counted, of one step
    std::int64_t attentionBytes = 0; // counted, of the last step
    double gbps = 0;                 // weightBytes / medianSeconds, 10^9 bytes per second
    double promptSeconds = 0;        // median
    double promptGflops = 0;         // promptFlops / promptSeconds, 10^9 per second
};

struct DecodeBench {
    // Median of reading as many bytes as the first plan's weights, same threads; on a GPU of copying half as many, where
    // what is read and what is written both count.
    double limitGbps = 0;
    std::string device; // the GPU's name; empty: the CPU
    int threads = 0;
    std::int64_t parameters = 0;            // of the model
    std::int64_t promptFlops = 0;           // formula: 2 · tokens · weights of the layers' matrices
    std::vector<DecodeBenchResult> results; // in the order of the plans
};

// Throws std::invalid_argument where the options make no sense or need more memory than there is, PlanError.
DecodeBench runDecodeBench(const DecodeBenchOptions& options);

} // namespace fovea
