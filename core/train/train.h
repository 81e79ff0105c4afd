#pragma once
// The trainer of the bundled models: a small Llama with grouped queries, learnt from text mixed with made-up
// sequences that can only be predicted by looking back, so that attention has something to retrieve.
//
// Weights start at a standard deviation of 1/sqrt(fan-in), AdamW at 1e-3 with warm-up and a cosine; sequences
// grow from 64 tokens to the model's context as the time passes. Masters are fp32, products bf16.
//
// A training can be killed at any moment: its folder holds OUT/training.state (core/train/state.h), from
// which it goes on as if nothing had happened, and OUT/training.jsonl (core/train/training_log.h), both
// losses so far. With as many threads, a training bounded by tokens ends in the same weights, bit for bit,
// however often it was ended and resumed; one bounded by minutes asks the clock and cannot be repeated.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace fovea {

// What to do about an unfinished training in the folder.
enum class Begin : std::uint8_t {
    New,    // refuse: it would be lost
    Resume, // go on with it; refuse where there is none, or where it was begun with other options
    Fresh   // throw it away
};

struct TrainOptions {
    std::vector<std::filesystem::path> text; // UTF-8 files
    std::filesystem::path out;               // folder; its last name is the model's
    Begin begin = Begin::New;
    double minutes = 50;     // wall clock
    std::int64_t tokens = 0; // above 0: train on so many instead, repeatably
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
    int accumulate = 1; // parts a step's tokens are taken in, one after the other: less memory
    int threads = 0;                     // 0: as many as the machine has
    double saveSeconds = 60;             // between states; 0: after every step
    std::int64_t validateEvery = 100;    // steps between losses on held-out text; 0: never
    bool keepBest = false; // end with the weights of the lowest held-out loss, not with the last
    std::int64_t evaluateTokens = 60000; // of held-out text for the model card
    std::string command;                 // for the model card
};

struct TrainProgress {
    std::int64_t step = 0, tokens = 0;
    double done = 0; // 0..1
    int sequence = 0;
    double loss = 0; // nats per graded token, averaged over the last steps
    double tokensPerSecond = 0, secondsLeft = 0;
    std::string note;  // set when something else happened (saved, measured), else empty
    std::string entry; // the line that the log was given, if it was; JSON, without the newline
};
using TrainObserver = std::function<void(const TrainProgress&)>;

struct HeldOutLoss {
    std::int64_t step = 0, tokens = 0;
    double loss = 0; // nats per token
};

struct TrainResult {
    std::int64_t steps = 0, tokens = 0;
    double seconds = 0; // of training, all sittings together
    double loss = 0;
    int sittings = 1;                         // how often it was begun or resumed
    std::optional<HeldOutLoss> heldOut, best; // the last and the lowest
    bool cancelled = false;                   // what had been learnt by then was saved all the same
};

// The unfinished training of a folder, or nothing. Throws CheckpointError for a state that cannot be read.
std::optional<TrainOptions> unfinishedTraining(const std::filesystem::path& out);

// Trains and writes the Hugging Face folder. Throws std::runtime_error (one line) when the text, the folder
// or its state is of no use, std::invalid_argument when the options do not fit together or not the state's.
TrainResult train(const TrainOptions& options, const TrainObserver& observer,
                  const std::atomic<bool>& cancel);

} // namespace fovea
