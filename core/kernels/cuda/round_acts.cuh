#pragma once
// Activations rounded per token: X and s of a vector, x̂ = X·s.
//
//   asym     s = max(xmax − xmin, 1e-5) / Q;  z = clamp(−round(xmin/s), 0, Q);  X = clamp(round(x/s), −z, Q − z)
//   sym      s = max(max|x|, 1e-5) / M;  X = clamp(round(x/s), −M − 1, M)           core/methods/quantise/acts.h
//
// What is wanted is the CPU's X, bit for bit: s and quotients in fp64, whose division is rounded as IEEE has it here too, and
// no product stands beside a sum.
//
// roundVectors, grid (vectors)
//   block    256 threads: one vector
//   thread   every 256th component for the range; then four components at a time that stand in one word of codes
//            (packed_codes.cuh: side by side for weights of 8 bits, else columns lane + 16·{0, 4, 1, 5} or {2, 6, 3, 7} of a
//            unit of 128), and behind the last whole unit every 256th
//   shared   three floats per warp
//   barriers one, between the range and the rounding: what a thread writes to x is then its own
//   reads    x twice, the second time from the first-level cache where it fits
//   writes   x̂, and a byte for each X
//   limits   bound by latency for a token; of a prompt by one division in fp64 per component
//   nvcc     13.0: 48 registers (sm_80, sm_90), none spilt

#include <cstdint>

#include "core/kernels/cuda/packed_codes.cuh"
#include "core/kernels/cuda/reduce.cuh"
#include "core/kernels/cuda/round_acts.h"

namespace fovea::cuda {

constexpr int kRoundThreads = 256, kRoundWarps = kRoundThreads / kWarp;
constexpr int kWordsOfUnit = kUnitCodes / 4;

struct ActLevels {
    double scale = 1, lowest = 0, highest = 0; // what X lies between
    int zero = 0;                              // of the codes X + zero, which are not negative
};

__device__ __forceinline__ ActLevels levelsOf(int bits, bool symmetric, float least, float most) {
    constexpr double kLeastRange = 1e-5; // core/methods/quantise/rtn.h
    ActLevels levels;
    if (symmetric) {
        const int middle = 1 << (bits - 1);
        const double size = fmax(fabs(static_cast<double>(least)), fabs(static_cast<double>(most)));
        levels.scale = fmax(size, kLeastRange) / (middle - 1);
        levels.lowest = -middle;
        levels.highest = middle - 1;
        levels.zero = middle;
        return levels;
    }
    const double all = (1 << bits) - 1;
    levels.scale = fmax(static_cast<double>(most) - static_cast<double>(least), kLeastRange) / all;
    const double zero = fmin(fmax(-rint(static_cast<double>(least) / levels.scale), 0.0), all);
    levels.lowest = -zero;
    levels.highest = all - zero;
    levels.zero = static_cast<int>(zero);
    return levels;
}

// X of one component; writes its x̂.
struct RoundOne {
    ActLevels levels;
    float scale; // NaN where something is not finite
    const float* x;
    float* rounded;

    __device__ __forceinline__ int operator()(std::int64_t i) const {
        double whole = 0;
        if (!isnan(scale))
            whole = fmin(fmax(rint(static_cast<double>(x[i]) / levels.scale), levels.lowest), levels.highest);
        rounded[i] = roundedProduct(static_cast<float>(whole), scale);
        return static_cast<int>(whole);
    }
};

__global__ void __launch_bounds__(kRoundThreads) roundVectors(RoundActs a) {
    const std::int64_t vector = blockIdx.x;
    const float* const x = a.x + vector * a.n;
    const int thread = static_cast<int>(threadIdx.x);
    SharedMemory shared = sharedMemory();
    const Shared<float> ranges =
        shared.take<float>(3 * kRoundWarps); // -least, most, and 0 where all is finite

    float below = -INFINITY, most = -INFINITY, odd = 0.0f;
    for (std::int64_t i = thread; i < a.n; i += kRoundThreads) {
        below = fmaxf(below, -x[i]);
        most = fmaxf(most, x[i]);
        odd += x[i] - x[i];
    }
    below = warpMax(below), most = warpMax(most), odd = warpSum(odd);
    if (thread % kWarp == 0) {
        const int at = thread / kWarp * 3;
        ranges[at] = below, ranges[at + 1] = most, ranges[at + 2] = odd;
    }
    blockSync();
#pragma unroll
    for (int warp = 0; warp < kRoundWarps; ++warp) {
        below = fmaxf(below, ranges[3 * warp]);
        most = fmaxf(most, ranges[3 * warp + 1]);
        odd += ranges[3 * warp + 2];
    }

    RoundOne round;
    round.x = x;
    round.rounded = a.rounded + vector * a.n;
    round.scale = NAN;
    if (odd == 0.0f) {
        round.levels = levelsOf(a.bits, a.symmetric, -below, most);
        round.scale = static_cast<float>(round.levels.scale);
    }
    const std::int64_t inUnits = a.whole.codes ? a.n / kUnitCodes * kUnitCodes : 0;
    if (a.whole.codes && thread == 0) {
        a.whole.scales[vector] = round.scale;
        a.whole.zeros[vector] = round.levels.zero;
    }
    const bool apart = a.weightBits < 8;
    auto* const words = reinterpret_cast<unsigned*>(a.whole.codes + vector * inUnits);
    for (std::int64_t w = thread; w < inUnits / 4; w += kRoundThreads) {
        const int inUnit = static_cast<int>(w % kWordsOfUnit), lane = inUnit % kUnitLanes128,
                  half = inUnit / kUnitLanes128;
        unsigned word = 0;
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const std::int64_t column =
                apart ? w / kWordsOfUnit * kUnitCodes + (2 * half + i / 2 + i % 2 * 4) * kUnitLanes128 + lane
                      : w * 4 + i;
            word |= static_cast<unsigned>(round(column) + round.levels.zero) << 8 * i;
        }
        words[w] = word;
    }
    for (std::int64_t i = inUnits + thread; i < a.n; i += kRoundThreads)
        round(i);
}

} // namespace fovea::cuda
