#pragma once
// The trainer of the bundled models: a small Llama with grouped queries, learnt from text mixed with made-up
// sequences that can only be predicted by looking back, so that attention has something to retrieve.
//
// Weights start at a standard deviation of 1/sqrt(fan-in), AdamW at 1e-3 with warm-up and a cosine; sequences
// grow from 64 tokens to the model's context as the time passes. Masters are fp32, products bf16.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace fovea {

struct TrainOptions {
    std::vector<std::filesystem::path> text; // UTF-8 files
    std::filesystem::path out;               // folder; its last name is the model's
    double minutes = 50;                     // wall clock
    std::int64_t tokens = 0;                 // above 0: train on so many instead, repeatably
    std::uint64_t seed = 1;

    int vocabulary = 1000;
    int width = 128;
    int layers = 4;
    int heads = 4;
    int kvHeads = 2;
    int ffn = 384;
    int context = 1024; // longest sequence, a power of two from 64

    double learningRate = 1e-3;
    std::int64_t batchTokens = 4096;     // per step, whatever the sequence length
    int threads = 0;                     // 0: as many as the machine has
    double saveMinutes = 5;              // between checkpoints; 0: only the last
    std::int64_t evaluateTokens = 60000; // of held-out text for the model card
    std::string command;                 // for the model card
};

struct TrainProgress {
    std::int64_t step = 0, tokens = 0;
    double done = 0; // 0..1
    int sequence = 0;
    double loss = 0; // nats per predicted token, averaged over the last steps
    double tokensPerSecond = 0, secondsLeft = 0;
    std::string note; // set when something else happened (saved, evaluated), else empty
};
using TrainObserver = std::function<void(const TrainProgress&)>;

struct TrainResult {
    std::int64_t steps = 0, tokens = 0;
    double seconds = 0;
    double loss = 0;
    bool cancelled = false; // what had been learnt by then was saved all the same
};

// Trains and writes the Hugging Face folder. Throws std::runtime_error (one line) when the text or the folder
// is of no use, std::invalid_argument when the options do not fit together.
TrainResult train(const TrainOptions& options, const TrainObserver& observer,
                  const std::atomic<bool>& cancel);

} // namespace fovea
