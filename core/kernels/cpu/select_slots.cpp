#include "core/kernels/cpu/select_slots.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/select_slots.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/kernels/cpu/softmax_state.h"

#ifndef FOVEA_CORE_KERNELS_CPU_SELECT_SLOTS_ONCE
#define FOVEA_CORE_KERNELS_CPU_SELECT_SLOTS_ONCE
namespace fovea::cpu {

constexpr int kSelectTile = 256;
constexpr std::int64_t kCandidateRoom = 1024;  // beyond those wanted: how often the bar is raised
constexpr std::int64_t kPadding = 16;          // a whole vector is stored where a few lanes are meant

// The candidates so far, in slot order; one logits row of `stride` per query head.
struct Candidates {
    float* values;
    std::int32_t* slots;
    float* logits;
    std::int64_t stride, room;
    std::int64_t wanted;  // k without the local window
    int group;
    std::int64_t size = 0;
    float bar = kNoLogit;  // only what is above it can be among the best
};

}  // namespace fovea::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using Wide = hn::ScalableTag<float>;
using Whole = hn::RebindToSigned<Wide>;

inline int lanes() { return static_cast<int>(hn::Lanes(Wide())); }

// NaN is the least of all, and there is one zero, so that values can be ordered by their bits.
inline HWY_ATTR hn::Vec<Wide> comparable(hn::Vec<Wide> v) {
    const Wide d;
    return hn::Add(hn::IfThenElse(hn::IsNaN(v), hn::Set(d, kNoLogit), v), hn::Zero(d));
}
inline float comparable(float v) { return std::isnan(v) ? kNoLogit : v + 0.f; }

// Integers in the order of the numbers.
inline HWY_ATTR hn::Vec<Whole> orderedBits(hn::Vec<Wide> v) {
    const Whole d;
    const auto bits = hn::BitCast(d, v);
    return hn::Xor(bits, hn::And(hn::ShiftRight<31>(bits), hn::Set(d, 0x7FFFFFFF)));
}
inline std::int32_t orderedBits(float v) {
    const auto bits = std::bit_cast<std::int32_t>(v);
    return bits ^ ((bits >> 31) & 0x7FFFFFFF);
}
inline float fromOrderedBits(std::int32_t bits) {
    return std::bit_cast<float>(bits ^ ((bits >> 31) & 0x7FFFFFFF));
}

// The `wanted`th largest value: the largest threshold that at least so many values reach.
inline HWY_ATTR float findBar(const Candidates& c) {
    const Wide d;
    std::fill_n(c.values + c.size, kPadding, kNoLogit);
    std::int64_t low = orderedBits(c.bar), high = orderedBits(std::numeric_limits<float>::infinity());
    while (low < high) {
        const std::int64_t middle = low + (high - low + 1) / 2;
        const auto threshold = hn::Set(Whole(), static_cast<std::int32_t>(middle - 1));
        std::int64_t reached = 0;
        for (std::int64_t i = 0; i < c.size; i += lanes())
            reached += static_cast<std::int64_t>(
                hn::CountTrue(Whole(), hn::Gt(orderedBits(hn::LoadU(d, c.values + i)), threshold)));
        if (reached >= c.wanted)
            low = middle;
        else
            high = middle - 1;
    }
    return fromOrderedBits(static_cast<std::int32_t>(low));
}

inline void moveCandidate(Candidates& c, std::int64_t from, std::int64_t to) {
    c.values[to] = c.values[from];
    c.slots[to] = c.slots[from];
    for (int h = 0; h < c.group; ++h)
        c.logits[h * c.stride + to] = c.logits[h * c.stride + from];
}

// Raises the bar and drops what is below it, and of what lies on it the last.
inline HWY_ATTR void keepBest(Candidates& c) {
    if (c.size <= c.wanted)
        return;
    c.bar = findBar(c);
    std::int64_t ties = c.wanted;
    for (std::int64_t i = 0; i < c.size; ++i)
        ties -= c.values[i] > c.bar;
    std::int64_t kept = 0;
    for (std::int64_t i = 0; i < c.size; ++i)
        if (c.values[i] > c.bar || (c.values[i] == c.bar && ties-- > 0))
            moveCandidate(c, i, kept++);
    c.size = kept;
}

// values[i] = what slot i of the tile is compared by: the group's sum of ŝ or of logits.
inline HWY_ATTR void groupValues(SparqParams::Select select, const float* logits, std::int64_t stride, int count,
                                 int group, const float* m, const float* l, float* values) {
    const Wide d;
    const int whole = count / lanes() * lanes();
    std::fill_n(values, count, 0.f);
    for (int h = 0; h < group; ++h) {
        const float* const row = logits + h * stride;
        if (select == SparqParams::Select::Logits) {
            for (int i = 0; i < count; ++i)
                values[i] += row[i];
            continue;
        }
        if (!(l[h] > 0))
            continue;
        const float share = 1.f / l[h];
        const auto shift = hn::Set(d, m[h]), scale = hn::Set(d, share);
        for (int i = 0; i < whole; i += lanes()) {
            const auto p = hn::Exp(d, hn::Sub(hn::LoadU(d, row + i), shift));
            hn::StoreU(hn::MulAdd(p, scale, hn::LoadU(d, values + i)), d, values + i);
        }
        for (int i = whole; i < count; ++i)
            values[i] += std::exp(row[i] - m[h]) * share;
    }
}

// Adds the slots of the tile whose value is above the bar, which may rise underway; all of them while there are
// too few.
inline HWY_ATTR void scanTile(const float* values, int count, std::int32_t slot, const float* logits,
                              std::int64_t stride, Candidates& c) {
    const Wide d;
    const Whole integers;
    const int whole = count / lanes() * lanes();
    for (int i = 0; i < whole; i += lanes()) {
        const auto value = comparable(hn::LoadU(d, values + i));
        auto above = hn::Gt(value, hn::Set(d, c.bar));
        if (c.size < c.wanted)
            above = hn::Eq(value, value);
        else if (hn::AllFalse(d, above))
            continue;
        // Whole vectors, for which there is room: storing the chosen lanes alone is several times slower.
        hn::StoreU(hn::Compress(value, above), d, c.values + c.size);
        hn::StoreU(hn::Compress(hn::Iota(integers, slot + i), hn::RebindMask(integers, above)), integers,
                   c.slots + c.size);
        for (int h = 0; h < c.group; ++h)
            hn::StoreU(hn::Compress(hn::LoadU(d, logits + h * stride + i), above), d,
                       c.logits + h * c.stride + c.size);
        c.size += static_cast<std::int64_t>(hn::CountTrue(d, above));
        if (c.size >= c.room)
            keepBest(c);
    }
    for (int i = whole; i < count; ++i) {
        const float value = comparable(values[i]);
        if (c.size >= c.wanted && !(value > c.bar))
            continue;
        c.values[c.size] = value;
        c.slots[c.size] = slot + i;
        for (int h = 0; h < c.group; ++h)
            c.logits[h * c.stride + c.size] = logits[h * stride + i];
        ++c.size;
    }
    if (c.size >= c.room)
        keepBest(c);
}

// Slots [first, last).
HWY_ATTR void scanRun(SparqParams::Select select, const float* logits, std::int64_t stride,
                      std::int64_t first, std::int64_t last, const float* m, const float* l, Candidates& c,
                      Traffic& moved) {
    HWY_ALIGN float values[kSelectTile];
    for (; first < last; first += kSelectTile) {
        const int count = static_cast<int>(std::min<std::int64_t>(kSelectTile, last - first));
        const float* tile = logits + first;
        if (c.group > 1) {
            groupValues(select, tile, stride, count, c.group, m, l, values);
            tile = values;
        }
        scanTile(tile, count, static_cast<std::int32_t>(first), logits + first, stride, c);
        moved[Component::Scores] += std::int64_t{count} * c.group * static_cast<std::int64_t>(sizeof(float));
    }
}

// Every slot but those skipped: the newest, which are candidates by right, and what no head sees.
void scanSlotsTarget(SparqParams::Select select, const float* logits, std::int64_t stride, std::int64_t slots,
                     std::span<const std::int32_t> skipped, const float* m, const float* l, Candidates& c,
                     Traffic& moved) {
    std::int64_t first = 0;
    for (const std::int32_t slot : skipped) {
        scanRun(select, logits, stride, first, slot, m, l, c, moved);
        first = slot + 1;
    }
    scanRun(select, logits, stride, first, slots, m, l, c, moved);
    keepBest(c);
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(scanSlotsTarget);

namespace {

Candidates candidatesIn(SlotCandidates& memory, std::int64_t wanted, std::int64_t chosen, int group) {
    const std::int64_t room = chosen + kCandidateRoom;
    const std::int64_t stride = room + kSelectTile + kPadding;
    memory.values.resize(static_cast<std::size_t>(stride));
    memory.slots.resize(static_cast<std::size_t>(stride));
    memory.logits.resize(static_cast<std::size_t>(stride * group));
    Candidates c{memory.values.data(), memory.slots.data(), memory.logits.data(), stride, room, wanted, group};
    if (wanted == 0)
        c.bar = std::numeric_limits<float>::infinity();
    return c;
}

// The slots of the n newest tokens that are seen, ascending.
std::span<const std::int32_t> newestSlots(SlotCandidates& memory, const std::int32_t* byAge, std::int64_t slots,
                                          std::int64_t n, std::span<const std::int32_t> unseen) {
    memory.newest.resize(static_cast<std::size_t>(n));
    if (!unseen.empty()) {
        auto to = memory.newest.begin();
        for (std::int64_t age = slots - 1; to != memory.newest.end() && age >= 0; --age) {
            const std::int32_t slot = byAge ? byAge[age] : static_cast<std::int32_t>(age);
            if (!std::binary_search(unseen.begin(), unseen.end(), slot))
                *to++ = slot;
        }
        std::sort(memory.newest.begin(), memory.newest.end());
        return memory.newest;
    }
    if (byAge) {
        std::copy_n(byAge + (slots - n), n, memory.newest.begin());
        std::sort(memory.newest.begin(), memory.newest.end());
    } else {
        std::iota(memory.newest.begin(), memory.newest.end(), static_cast<std::int32_t>(slots - n));
    }
    return memory.newest;
}

void addNewest(Candidates& c, const float* logits, std::int64_t stride,
               std::span<const std::int32_t> newest) {
    for (const std::int32_t slot : newest) {
        c.slots[c.size] = slot;
        for (int h = 0; h < c.group; ++h)
            c.logits[h * c.stride + c.size] = logits[h * stride + slot];
        ++c.size;
    }
}

}  // namespace

void selectSlots(const SparqParams& params, const float* logits, std::int64_t stride, std::int64_t slots,
                 const std::int32_t* byAge, int group, const float* m, const float* l,
                 std::span<std::int32_t> chosen, float* alpha, SlotCandidates& memory, Traffic& moved,
                 std::span<const std::int32_t> unseen) {
    const auto n = static_cast<std::int64_t>(chosen.size());
    const std::int64_t local = std::clamp<std::int64_t>(params.localTokens(), 0, n);
    Candidates c = candidatesIn(memory, n - local, n, group);
    const std::span<const std::int32_t> newest = newestSlots(memory, byAge, slots, local, unseen);
    std::span<const std::int32_t> skipped = newest;
    if (!unseen.empty()) {
        memory.skipped.resize(newest.size() + unseen.size());
        std::merge(newest.begin(), newest.end(), unseen.begin(), unseen.end(), memory.skipped.begin());
        skipped = memory.skipped;
    }
    HWY_DYNAMIC_DISPATCH(scanSlotsTarget)(params.select, logits, stride, slots, skipped, m, l, c, moved);
    std::merge(c.slots, c.slots + c.size, newest.begin(), newest.end(), chosen.begin());
    addNewest(c, logits, stride, newest);
    moved[Component::Scores] += local * group * static_cast<std::int64_t>(sizeof(float));
    moved[Component::Indices] += n * static_cast<std::int64_t>(sizeof(std::int32_t));
    for (int h = 0; h < group; ++h) {
        alpha[h] = 1;
        if (!params.alpha)
            continue;
        float mass = 0;
        if (l[h] != 0)
            for (std::int64_t i = 0; i < n; ++i)
                mass += std::exp(c.logits[h * c.stride + i] - m[h]);
        alpha[h] = l[h] == 0 ? 0.f : std::min(mass / l[h], 1.f); // of NaN NaN
    }
}

void selectValues(const float* values, std::int64_t count, std::span<const std::int32_t> always,
                  std::span<std::int32_t> chosen, SlotCandidates& memory, Traffic& moved) {
    const auto n = static_cast<std::int64_t>(chosen.size());
    Candidates c = candidatesIn(memory, n - std::ssize(always), n, 1);
    HWY_DYNAMIC_DISPATCH(scanSlotsTarget)
    (SparqParams::Select::Logits, values, count, count, always, nullptr, nullptr, c, moved);
    std::merge(c.slots, c.slots + c.size, always.begin(), always.end(), chosen.begin());
    moved[Component::Indices] += n * static_cast<std::int64_t>(sizeof(std::int32_t));
}

}  // namespace fovea::cpu
#endif
