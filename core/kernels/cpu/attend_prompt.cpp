// What a block of eight queries takes: its scores (8, S) in the caches, K's panels and V once each from the nearest cache
// that holds them, and no more than the head's outputs written. Work: 4·d flops per score, 16 accumulators in registers.

#include "core/kernels/cpu/attend_prompt.h"

#include <algorithm>
#include <limits>
#include <numeric>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/attend_prompt.cpp"
#include <hwy/foreach_target.h> // IWYU pragma: keep

#include "core/kernels/cpu/for_each-inl.h"
#include "core/kernels/cpu/mass-inl.h"
#include "core/kernels/cpu/soft_cap-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

constexpr int kQueries = 8; // in work at once
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

// Slots [first, last) that at least one query of a block sees.
struct Stretch {
    std::int64_t first, last;
};

inline Stretch seenBy(const bool* hidden, std::int64_t slots, int queries) {
    Stretch all{slots, 0};
    for (int i = 0; i < queries; ++i, hidden += slots) {
        std::int64_t first = 0, last = slots;
        while (first < last && hidden[first])
            ++first;
        while (last > first && hidden[last - 1])
            --last;
        if (first < last)
            all = {std::min(all.first, first), std::max(all.last, last)};
    }
    return all.first < all.last ? all : Stretch{0, 0};
}

// A block's queries, scaled, component by component: (d, 8), 0 for those that are not there.
inline void takeQueries(const PromptHead& head, std::int64_t first, int queries, float* q) {
    for (int c = 0; c < head.keys->dims; ++c)
        for (int i = 0; i < kQueries; ++i)
            *q++ = i < queries ? head.q[(first + i) * head.qStride + c] * head.scale : 0.0f;
}

// scores (8, stride): q · k for whole panels that hold the stretch, from `scores` = slot 0 on.
HWY_ATTR inline void dotPanels(const KeyPanels& keys, const Stretch& at, const float* q, float* scores,
                               std::int64_t stride) {
    const Widest d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    constexpr std::int64_t kSlots = KeyPanels::kPanelSlots;
    for (std::int64_t panel = at.first / kSlots; panel * kSlots < at.last; ++panel)
        for (std::int64_t part = 0; part < kSlots; part += 2 * lanes) {
            hn::Vec<Widest> sum[kQueries][2];
            for (auto& of : sum)
                of[0] = of[1] = hn::Zero(d);
            const float* k = keys.columns.data() + panel * kSlots * keys.dims + part;
            for (int c = 0; c < keys.dims; ++c, k += kSlots) {
                const auto low = hn::LoadU(d, k), high = hn::LoadU(d, k + lanes);
                for (int i = 0; i < kQueries; ++i) {
                    const auto query = hn::Set(d, q[c * kQueries + i]);
                    sum[i][0] = hn::MulAdd(query, low, sum[i][0]);
                    sum[i][1] = hn::MulAdd(query, high, sum[i][1]);
                }
            }
            float* const to = scores + panel * kSlots + part;
            for (int i = 0; i < kQueries; ++i) {
                hn::StoreU(sum[i][0], d, to + i * stride);
                hn::StoreU(sum[i][1], d, to + i * stride + lanes);
            }
        }
}

// Logits where their query sees the slot, −∞ elsewhere.
template <class D>
HWY_INLINE hn::Vec<D> masked(D d, const bool* hidden, const float* logits) {
    const hn::Rebind<std::uint8_t, D> bytes;
    const hn::RebindToUnsigned<D> whole;
    const auto flags = hn::PromoteTo(whole, hn::LoadU(bytes, reinterpret_cast<const std::uint8_t*>(hidden)));
    return hn::IfThenElse(hn::RebindMask(d, hn::Eq(flags, hn::Zero(whole))), hn::LoadU(d, logits),
                          hn::Set(d, kMinusInfinity));
}

struct Mask {
    const bool* hidden;
    float *logits, *greatest;

    template <class D>
    HWY_INLINE void operator()(D d, std::int64_t i) const {
        const auto logit = masked(d, hidden + i, logits + i);
        hn::StoreU(logit, d, logits + i);
        hn::StoreU(greaterLogit<D>(logit, hn::LoadU(d, greatest)), d, greatest);
    }
};

struct Exponential {
    float *logits, *sums;
    float greatest;

    template <class D>
    HWY_INLINE void operator()(D d, std::int64_t i) const {
        const auto below = hn::Sub(hn::LoadU(d, logits + i), hn::Set(d, greatest));
        const auto p = exponential(d, below);
        hn::StoreU(p, d, logits + i);
        hn::StoreU(hn::Add(hn::LoadU(d, sums), p), d, sums);
    }
};

// Logits of one query become exp(logit − greatest), 0 where hidden; returns their sum.
inline float weigh(const bool* hidden, const Stretch& at, float softcap, float* scores) {
    constexpr int kLanes = 16;
    static_assert(HWY_MAX_BYTES <= 4 * kLanes);
    const std::int64_t n = at.last - at.first;
    float* const logits = scores + at.first;
    capLogits(logits, n, softcap);
    float lanes[kLanes];
    std::fill_n(lanes, kLanes, kMinusInfinity);
    forEach(n, Mask{hidden + at.first, logits, lanes});
    const float greatest = *std::max_element(lanes, lanes + kLanes);
    if (greatest == kMinusInfinity) { // of none: that of -∞ − -∞ is no number
        const float none = massOfNone(logits, n);
        std::fill_n(logits, n, none);
        return none;
    }
    std::fill_n(lanes, kLanes, 0.0f);
    forEach(n, Exponential{logits, lanes, greatest});
    return std::accumulate(lanes, lanes + kLanes, 0.0f);
}

// Components [c, c + count·lanes) of a block's outputs, count 1 or 2.
template <int kCount, class D>
HWY_INLINE void mixComponents(D d, const PromptHead& head, const Stretch& at, const float* weights,
                              std::int64_t stride, int c, hn::Vec<D> (&sum)[kQueries][kCount]) {
    const int dims = head.keys->dims;
    const int lanes = static_cast<int>(hn::Lanes(d));
    for (auto& of : sum)
        for (auto& part : of)
            part = hn::Zero(d);
    for (std::int64_t slot = at.first; slot < at.last; ++slot) {
        const float* const row = head.values + slot * dims + c;
        hn::Vec<D> value[kCount];
        for (int part = 0; part < kCount; ++part)
            value[part] = hn::LoadU(d, row + part * lanes);
        for (int i = 0; i < kQueries; ++i) {
            const auto p = hn::Set(d, weights[i * stride + slot]);
            for (int part = 0; part < kCount; ++part)
                sum[i][part] = hn::MulAdd(p, value[part], sum[i][part]);
        }
    }
}

// Where a block's outputs go, and what its weights add up to.
struct BlockOut {
    std::int64_t first;
    int queries;
    const float* sums;
};

template <int kCount, class D>
HWY_INLINE void mixInto(D d, const PromptHead& head, const Stretch& at, const float* weights,
                        std::int64_t stride, int c, const BlockOut& to) {
    hn::Vec<D> sum[kQueries][kCount];
    mixComponents<kCount>(d, head, at, weights, stride, c, sum);
    for (int i = 0; i < to.queries; ++i) {
        const auto share = hn::Set(d, to.sums[i] == 0 ? 0.0f : 1 / to.sums[i]);
        for (int part = 0; part < kCount; ++part)
            hn::StoreU(hn::Mul(sum[i][part], share), d,
                       head.out + (to.first + i) * head.outStride + c +
                           part * static_cast<int>(hn::Lanes(d)));
    }
}

void attendPromptTarget(const PromptHead& head) {
    const Widest d;
    const int lanes = static_cast<int>(hn::Lanes(d)), dims = head.keys->dims;
    const std::int64_t slots = head.keys->slots;
    // Rows of scores that are no multiple of a page apart, which would share few lines of the first cache.
    const std::int64_t stride =
        (slots + KeyPanels::kPanelSlots - 1) / KeyPanels::kPanelSlots * KeyPanels::kPanelSlots + 16;
    LineFloats q(static_cast<std::size_t>(kQueries * dims)),
        scores(static_cast<std::size_t>(kQueries * stride));
    for (std::int64_t first = 0; first < head.tokens; first += kQueries) {
        const int queries = static_cast<int>(std::min<std::int64_t>(kQueries, head.tokens - first));
        const bool* const hidden = head.hidden + first * slots;
        const Stretch at = seenBy(hidden, slots, queries);
        takeQueries(head, first, queries, q.data());
        dotPanels(*head.keys, at, q.data(), scores.data(), stride);
        float sums[kQueries] = {};
        for (int i = 0; i < queries; ++i)
            sums[i] = weigh(hidden + i * slots, at, head.softcap, scores.data() + i * stride);
        const BlockOut to{first, queries, sums};
        int c = 0;
        for (; c + 2 * lanes <= dims; c += 2 * lanes)
            mixInto<2>(d, head, at, scores.data(), stride, c, to);
        for (; c + lanes <= dims; c += lanes)
            mixInto<1>(d, head, at, scores.data(), stride, c, to);
        for (; c < dims; ++c)
            mixInto<1>(Single(), head, at, scores.data(), stride, c, to);
    }
}

struct Finite {
    const float* x;
    bool* all;

    template <class D>
    HWY_INLINE void operator()(D d, std::int64_t i) const {
        *all &= hn::AllTrue(d, hn::IsFinite(hn::LoadU(d, x + i)));
    }
};

bool allFiniteTarget(const float* x, std::int64_t n) {
    bool all = true;
    forEach(n, Finite{x, &all});
    return all;
}

} // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(attendPromptTarget);
HWY_EXPORT(allFiniteTarget);

KeyPanels::KeyPanels(const float* keys, std::int64_t n, int d)
    : columns(static_cast<std::size_t>((n + kPanelSlots - 1) / kPanelSlots * kPanelSlots * d)), slots(n),
      dims(d) {
    for (std::int64_t slot = 0; slot < n; ++slot) {
        float* const to = columns.data() + slot / kPanelSlots * kPanelSlots * d + slot % kPanelSlots;
        for (int c = 0; c < d; ++c)
            to[c * kPanelSlots] = keys[slot * d + c];
    }
}

void attendPrompt(const PromptHead& head) {
    HWY_DYNAMIC_DISPATCH(attendPromptTarget)(head);
}

bool allFinite(std::span<const float> x) {
    return HWY_DYNAMIC_DISPATCH(allFiniteTarget)(x.data(), std::ssize(x));
}

} // namespace fovea::cpu
#endif
