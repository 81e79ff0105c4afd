#pragma once
// What a store makes of one head's keys and values, in numbers: the error of each, where the channels' weight lies before
// and after RoPE, what the numbers are and to which levels they go, what stands far out, and what a number costs. All of it
// is computed from what a run captured; nothing is run again.

#include <cstdint>
#include <vector>

#include "core/engine/code_levels.h"
#include "core/methods/store/store.h"

namespace fovea {

class Capture;

// |x| over the tokens of one channel.
struct ChannelSize {
    float most = 0, mean = 0;
};

struct NumberHistogram {
    double first = 0, last = 0;       // where the first bin begins and the last one ends
    std::vector<std::int64_t> counts; // of bins of the same width
};

// Numbers farther than kOutlierDeviations standard deviations from the mean of all of a head's.
inline constexpr double kOutlierDeviations = 3;
inline constexpr double kNormalOutliers = .0027; // the share of normally distributed numbers that are
struct Outliers {
    double below = 0, above = 0; // the bounds
    std::int64_t count = 0;
    std::vector<std::int64_t> perChannel; // (d)
};

// Keys or values: T tokens by d channels.
struct StoredPart {
    std::int64_t tokens = 0;
    int channels = 0;
    bool beforeRope = false; // the store rounds these keys before RoPE, and so stand `exact` and `held`
    std::vector<float> exact, held;  // (T, d) x and x̂
    double relativeError = 0;        // √(Σ(x − x̂)² / Σx²); 0 where all x are 0
    float mostError = 0;             // largest |x − x̂|
    std::vector<float> channelError; // (d) √(mean (x − x̂)²)
    std::vector<ChannelSize> sizes;  // (d) as attention meets them: keys after RoPE
    std::vector<ChannelSize> before; // (d) keys before RoPE; empty for values, and where nothing turns back
    NumberHistogram histogram;       // of `exact`
    CodeLevels levels;
    Outliers outliers;          // of `exact`
    double bits = 0;            // per number, metadata included (storedBits)
    std::int64_t notFinite = 0; // of `exact`, left out of all that is summed here

    float error(std::int64_t token, int channel) const; // |x − x̂|, NaN where x is none
};

struct StoredHead {
    int layer = 0, kvHead = 0;
    ElementType type = ElementType::F32; // of what is held as floats
    StoredPart keys, values;
};

inline constexpr int kHistogramBins = 96;

// Of the first `tokens` >= 1 of the capture, as the newest of them finds them.
StoredHead storedHead(const Capture& capture, const Store& store, std::int64_t tokens, int layer, int kvHead);

} // namespace fovea
