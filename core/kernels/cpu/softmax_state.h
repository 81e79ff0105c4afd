#pragma once
// The state of a softmax-weighted sum over some of the tokens: for each of g query heads the largest logit m,
// l = Σ exp(s - m) and o = Σ exp(s - m)·v (d). States of disjoint tokens merge in any grouping (Milakov and
// Gimelshein, arXiv 1805.02867), which is what lets one head's tokens be split over threads.
// No token, or none but with logit -inf: m = -inf, l = 0, o = 0. A logit that is NaN leaves m alone, and makes l and o NaN.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace fovea::cpu {

inline constexpr float kNoLogit = -std::numeric_limits<float>::infinity();

struct SoftmaxState {
    float* o = nullptr;  // (g, d)
    float* m = nullptr;  // (g)
    float* l = nullptr;  // (g)

    // Whole cache lines, so that of states side by side each begins at one.
    static std::int64_t floats(int group, int dims) { return (std::int64_t{group} * (dims + 2) + 15) / 16 * 16; }
    static SoftmaxState at(float* memory, int group, int dims) {
        float* const m = memory + std::int64_t{group} * dims;
        return {memory, m, m + group};
    }
    void clear(int group, int dims) const {
        std::fill_n(o, std::int64_t{group} * dims, 0.f);
        std::fill_n(m, group, kNoLogit);
        std::fill_n(l, group, 0.f);
    }
};

// Where the logits of one KV head's g query heads go on the way to their softmax, row h from to + h·stride on; null:
// nowhere.
struct LogitSpill {
    float* to = nullptr;
    std::int64_t stride = 0;

    LogitSpill from(std::int64_t first) const { return {to ? to + first : nullptr, stride}; }
    LogitSpill ofHead(std::int64_t h) const { return {to ? to + h * stride : nullptr, stride}; }
    std::int64_t bytes(std::int64_t rows, int group) const {
        return to ? rows * group * static_cast<std::int64_t>(sizeof(float)) : 0;
    }
};

// Of logits none of which is above -inf what they add to l: nothing, unless one is no number.
inline float massOfNone(const float* logits, std::int64_t count) {
    const bool number = std::none_of(logits, logits + count, [](float logit) { return std::isnan(logit); });
    return number ? 0.f : std::numeric_limits<float>::quiet_NaN();
}

// Factor by which sums relative to maximum `from` are multiplied to be relative to `to` >= from.
inline float rescale(float from, float to) { return from == to ? 1.f : std::exp(from - to); }

// (m, l) += (otherM, otherL); returns the factors for the two o in `scale` and `otherScale`.
inline void mergeMass(float& m, float& l, float otherM, float otherL, float& scale, float& otherScale) {
    const float top = std::max(m, otherM);
    scale = rescale(m, top);
    otherScale = rescale(otherM, top);
    l = l * scale + otherL * otherScale;
    m = top;
}

inline void merge(const SoftmaxState& into, const SoftmaxState& other, int group, int dims) {
    for (int h = 0; h < group; ++h) {
        float scale, otherScale;
        mergeMass(into.m[h], into.l[h], other.m[h], other.l[h], scale, otherScale);
        float* const o = into.o + std::int64_t{h} * dims;
        const float* const p = other.o + std::int64_t{h} * dims;
        for (int i = 0; i < dims; ++i)
            o[i] = o[i] * scale + p[i] * otherScale;
    }
}

}  // namespace fovea::cpu
