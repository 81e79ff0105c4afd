#pragma once
// KVQuant: round keys per channel before RoPE, where channels that are large stay large at every position; to levels
// that lie where the numbers of a layer are and matter, learnt from a text; and keep the few numbers that fit no range
// as they are.
//
// Paper     Hooper, Kim, Mohammadzadeh, Mahoney, Shao, Keutzer, Gholami, "KVQuant: Towards 10 Million Context Length LLM
//           Inference with KV Cache Quantization", arXiv 2401.18079 (papers: kvquant), sections 3.1 to 3.6
// Symbols   b bits, o outliers (a share), T tokens cached, D numbers of a token's keys (values) that are coded together:
//           here the d of one KV head; [l, u] what a range covers, x' a number on [−1, 1] of its range, C the 2^b levels, R
//           what they are read as
// Range     offset = (u + l)/2, range = (u − l)/2, x' = (x − offset)/range, with l and u the 100·o/2 and 100·(1 − o/2)
//           percentiles, interpolated linearly
// Keys      before RoPE; l and u of each channel, over the text that was learnt from
// Values    l and u of each token, over its D numbers, when it is cached
// Code      nearest of C to x', the lower among equals;  x̂ = R_code·range + offset
// nuq       C by k-means in one dimension over the text's x' within [−1, 1], one for each layer's keys and one for its
//           values, each number weighing as much as the square of its gradient times its range, for it is the error of
//           x that matters (core/calibrate/level_clusters.h)
// Q-Norm    R = (C − μ̂)·σ/σ̂ + μ: the x̂' of the text have its mean μ and deviation σ again, instead of their own μ̂, σ̂
// Outliers  of those outside [l, u] the m = ⌈o·D⌉ with the largest |x'| of a token, the lower channel among equals, stay
//           as they are; the others take the outermost level
// Exact     the first `exact` tokens of the text stay as they are
// Differs   D is of one KV head, and not of all heads together as the authors have it, because each KV head keeps and
//           forgets tokens for itself: a value's range is closer, and costs 32/d bits instead of 32/(G·d).
//           m bounds what a token holds, so that bytes are a closed form; the authors' keys have as many outliers as the
//           thresholds let through. A constant channel or token has a range of at least 1e-5.
//           A token's values of which one is no number come back as none; a key that is none as its channel's middle level.
// Held      offset and range in binary16, codes chosen under them as held (RtnScale::Held); outliers in binary16, each
//           with its channel in 16 bits.
// Defaults  b = 3, o = .01, one exact token, as the paper's KVQuant-1 %. Q-Norm at 2 bits alone, where it matters.

#include <cstdint>
#include <optional>

namespace fovea {

struct KvquantParams {
    int bits = 3;                  // b: 4, 3 or 2
    double outliers = .01;         // o: 0..kMostOutliers
    int exact = 1;                 // 0..kMostExact
    std::optional<bool> norm = {}; // Q-Norm; empty: at 2 bits

    static constexpr double kMostOutliers = .1;
    static constexpr int kMostExact = 1024;
    static constexpr std::int64_t kMostWidth = 65536; // D: a channel is 16 bits

    int levels() const { return 1 << bits; }
    bool normed() const { return norm ? *norm : bits == 2; }
    bool operator==(const KvquantParams&) const = default;
};

inline constexpr double kLeastKvRange = 1e-5;

// `width` is D.
bool kvquantFits(const KvquantParams& params, std::int64_t width);

// m: how many numbers of a token's D stay as they are, at the most.
std::int64_t kvquantOutliers(const KvquantParams& params, std::int64_t width);

// Formula: bytes held of the keys, and of the values, that are coded together: n = min(T, exact) rows of e bytes per
// number, and of each other token ⌈b·D/8⌉ of codes and 4·m of outliers, and 4 of a value's offset and range.
std::int64_t predictKvquantKeyBytes(const KvquantParams& params, std::int64_t tokens, std::int64_t width, int exactBytes);
std::int64_t predictKvquantValueBytes(const KvquantParams& params, std::int64_t tokens, std::int64_t width,
                                      int exactBytes);
// Formula: what one layer's learnt tables hold in binary16: 2·width of keys' offsets and ranges, C and R of both.
std::int64_t predictKvquantTableBytes(const KvquantParams& params, std::int64_t width);
// Bits per number of a rounded value: b + 32·m/D + 32/D where b·D fills its bytes; of a key without 32/D.
double kvquantBits(const KvquantParams& params, std::int64_t width);

} // namespace fovea
