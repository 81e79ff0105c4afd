#pragma once
// Times one layer's decode attention under several plans beside what the machine can read, all in the same run.
// Bandwidth and plans are measured in turn (R A B R A B …), so that a machine that slows down slows all of them.

#include <cstdint>
#include <functional>
#include <vector>

#include "core/bench/bench_layer.h"

namespace fovea {

struct AttentionBenchOptions {
    BenchShape shape;
    std::vector<AttentionPlan> plans; // a plan without `store` runs on f32
    int threads = 0;                  // 0: as many as libtorch has now
    int repeats = 15;                 // rounds; a sample lasts at least 2 ms
    std::function<void(int done, int total)> progress;
};

struct AttentionBenchResult {
    AttentionPlan plan;
    double medianSeconds = 0; // of one step of one layer
    double spread = 0;        // interquartile range, seconds
    double fastestSeconds = 0;
    std::int64_t countedBytes = 0; // the ledger's, of one step
    std::int64_t rows = 0;         // held after it, all KV heads
    double gbps = 0;               // countedBytes / medianSeconds, 10^9 bytes per second
};

struct AttentionBench {
    double readGbps = 0; // median of reading a buffer of workingSetBytes, same threads
    int threads = 0;
    std::int64_t workingSetBytes = 0;          // K and V of the prompt in the widest store under test
    std::vector<AttentionBenchResult> results; // in the order of the plans
};

// Bytes runAttentionBench will allocate.
std::int64_t benchMemory(const AttentionBenchOptions& options);

// Throws std::invalid_argument where the options make no sense or a plan cannot run on the layer, std::bad_alloc.
AttentionBench runAttentionBench(const AttentionBenchOptions& options);

} // namespace fovea
