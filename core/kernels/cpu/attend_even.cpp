#include "core/kernels/cpu/attend_even.h"

#include <algorithm>
#include <numeric>

#include "core/kernels/cpu/attend_list.h"
#include "core/kernels/cpu/kernels.h"
#include "core/kernels/cpu/score_rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/attend_even.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "core/kernels/cpu/coded_rows-inl.h"
#include "core/kernels/cpu/mass-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

constexpr int kEvenRows = 64;        // of a tile, at most
constexpr int kExactFloats = 8192;   // of a tile's exact rows

// Records one after the other, whose scales are folded into the query.
struct FoldedCodes {
    const std::uint8_t* first;
    std::int64_t bytes;  // from row to row

    HWY_INLINE const std::uint8_t* row(int i) const { return first + i * bytes; }
    const std::uint8_t* ahead(int i, int) const { return row(i) + kCodesAhead; }
    HWY_INLINE const std::uint8_t* toAsk(int i, int) const { return row(i); }
    void describe(int count, const CodedShape&, CodedTile& to) const {
        std::fill_n(to.scales, count, 1.f);
        std::fill_n(to.zeros, count, 0.f);
    }
};

// Records one after the other, each with the s and then the m of its groups behind its codes.
struct SidedCodes {
    const std::uint8_t* first;
    std::int64_t bytes, codes;  // from row to row; of a row's codes

    HWY_INLINE const std::uint8_t* row(int i) const { return first + i * bytes; }
    const std::uint8_t* ahead(int i, int) const { return row(i) + kCodesAhead; }
    HWY_INLINE const std::uint8_t* toAsk(int i, int) const { return row(i); }
    // What is read is s·(q − z): z = −m/s.
    void describe(int count, const CodedShape& shape, CodedTile& to) const {
        const int groups = shape.form.groups();
        for (int i = 0; i < count; ++i)
            for (int g = 0; g < groups; ++g) {
                const float s = half(i, g), m = half(i, groups + g);
                to.scales[g * shape.tile + i] = s;
                to.zeros[g * shape.tile + i] = -m / s;
            }
    }
    float half(int i, int place) const {
        std::uint16_t bits = 0;
        std::memcpy(&bits, row(i) + codes + 2 * place, 2);
        return fromHalf(bits);
    }
};

// What does not change from tile to tile.
struct EvenStep {
    const KvView& cache;
    CodedShape keys, values;
    int dims, group, tile;
    const float* q;
    const SoftmaxState& state;
    float softcap;

    EvenStep(const KvView& view, int heads, const float* queries, const SoftmaxState& to, float cap)
        : cache(view), keys(formOf(view, view.mixedKeys->codec().even()->bits, kMostRowCodes), heads),
          values(formOf(view, view.mixedValues->codec().even()->bits, view.mixedValues->codec().even()->group), heads),
          dims(view.headDim), group(heads),
          tile(std::max(16, std::min({keys.tile, values.tile, kEvenRows, kExactFloats / dims / 16 * 16}))), q(queries),
          state(to), softcap(cap) {}

    static RowForm formOf(const KvView& view, int bits, int group) {
        return {.dims = view.headDim, .rows = view.slotsPerBlock, .codes = RtnParams{.bits = bits, .group = group}};
    }
};

// The exact rows of a tile, each at its place.
struct ExactTile {
    alignas(64) float rows[std::max(kExactFloats, 16 * kMostRowCodes)];
    const void* block = rows;
};

// Exact rows become floats, all are counted.
HWY_INLINE void fetch(const MixedRows& rows, const SlotPlaces& at, std::int64_t first, int count, int dims, ExactTile& to,
                      Traffic& moved) {
    rows.eachRun(at, first, count, [&](std::int64_t i, const MixedRows::Run& run) {
        if (run.codes)
            rows.countRun(first + i, run, moved);
        else
            rows.read(at, first + i, run.n, to.rows + i * dims, &moved);
    });
}

// scores[h·tile + i + …] of a run of codes, for `heads` of the group from `head` on.
template <int kBits>
HWY_INLINE void scoreRun(const EvenStep& step, const MixedRows::Run& run, int head, int heads, float* scores,
                         CodedTile& tile) {
    HWY_ALIGN float side[2 * kMostRowCodes];
    HWY_ALIGN float folded[kPassHeads * kMostRowCodes];
    const int d = step.dims, n = static_cast<int>(run.n);
    cpu::widen(ElementType::F16, run.side, side, 2 * std::int64_t{d});
    const FoldedCodes rows{reinterpret_cast<const std::uint8_t*>(run.codes), step.cache.mixedKeys->recordBytes()};
    for (int first = 0; first < heads; first += kPassHeads) {
        const int pass = std::min(kPassHeads, heads - first);
        float least[kPassHeads];
        for (int h = 0; h < pass; ++h) {
            const float* const y = step.q + std::int64_t{head + first + h} * d;
            for (int c = 0; c < d; ++c)
                folded[h * d + c] = y[c] * side[c];
            least[h] = dotOf(y, side + d, d);
        }
        float* const to = scores + first * step.tile;
        PassQueries queries;
        scoreCodes<kBits>(step.keys, rows, n, pass, folded, to, step.tile, queries, tile);
        for (int h = 0; h < pass; ++h)
            for (int i = 0; i < n; ++i)
                to[h * step.tile + i] += least[h];
    }
}

template <int kBits>
HWY_INLINE void attendEvenTile(const EvenStep& step, std::int64_t slot, int count, const LogitSpill& spill, Traffic& moved) {
    HWY_ALIGN float scores[kTileScores];
    ExactTile keys, values;
    CodedTile tile;
    const KvView& cache = step.cache;
    const int d = step.dims;
    fetch(*cache.mixedKeys, cache.keyPlaces(), slot, count, d, keys, moved);
    fetch(*cache.mixedValues, cache.valuePlaces(), slot, count, d, values, moved);

    std::int32_t inOrder[kEvenRows];
    std::iota(inOrder, inOrder + count, 0);
    const RowTable exactKeys{&keys.block, {.dims = d, .rows = step.tile}, Component::Keys};
    KvView exactValues;
    exactValues.values = &values.block;
    exactValues.slots = exactValues.slotsPerBlock = step.tile;
    exactValues.headDim = d;
    Traffic ofFloats;  // counted already
    for (int head = 0; head < step.group; head += kTileHeads) {
        const int heads = std::min(kTileHeads, step.group - head);
        cache.mixedKeys->eachRun(cache.keyPlaces(), slot, count, [&](std::int64_t i, const MixedRows::Run& run) HWY_ATTR {
            if (run.codes)
                scoreRun<kBits>(step, run, head, heads, scores + i, tile);
            else
                cpu::scoreRows(exactKeys, i, i + run.n, heads, step.q + std::int64_t{head} * d, scores, step.tile, nullptr,
                               nullptr, 0, ofFloats);
        });
        for (int h = 0; h < heads; ++h) {
            float* const row = scores + h * step.tile;
            capLogits(row, count, step.softcap);
            if (spill.to)
                std::copy_n(row, count, spill.ofHead(head + h).to);
            expTile(row, count, step.state.m[head + h], step.state.l[head + h], step.state.o + (head + h) * d, d);
        }
        float* const o = step.state.o + head * d;
        cache.mixedValues->eachRun(cache.valuePlaces(), slot, count, [&](std::int64_t i, const MixedRows::Run& run) HWY_ATTR {
            if (run.codes)
                addCodedValues<kBits>(step.values,
                                      SidedCodes{reinterpret_cast<const std::uint8_t*>(run.codes),
                                                 cache.mixedValues->recordBytes(), step.values.form.codeBytes()},
                                      static_cast<int>(run.n), heads, scores + i, step.tile, o, tile);
            else
                cpu::addValues(exactValues, {inOrder + i, static_cast<std::size_t>(run.n)}, heads, scores + i, step.tile, o,
                               ofFloats);
        });
    }
}

void attendEvenTarget(const KvView& cache, std::int64_t first, std::int64_t last, int group, const float* q,
                      const SoftmaxState& state, float softcap, const LogitSpill& spill, Traffic& moved) {
    const EvenStep step(cache, group, q, state, softcap);
    ofBits(step.keys.form.codes->bits, [&](auto bits) HWY_ATTR {
        for (std::int64_t slot = first; slot < last; slot += step.tile) {
            const int count = static_cast<int>(std::min<std::int64_t>(step.tile, last - slot));
            attendEvenTile<bits()>(step, slot, count, spill.from(slot), moved);
            moved[Component::Scores] += spill.bytes(count, group);
        }
    });
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(attendEvenTarget);

void attendEven(const KvView& cache, std::int64_t first, std::int64_t last, int group, const float* q,
                const SoftmaxState& state, float softcap, Traffic& moved, const LogitSpill& spill) {
    HWY_DYNAMIC_DISPATCH(attendEvenTarget)(cache, first, last, group, q, state, softcap, spill, moved);
}

}  // namespace fovea::cpu
#endif
