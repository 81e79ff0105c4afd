#include "core/kernels/cpu/attend_table.h"

#include <algorithm>
#include <array>

#include "core/kernels/cpu/table_rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/attend_table.cpp"
#include <hwy/foreach_target.h> // IWYU pragma: keep

#include "core/kernels/cpu/attend-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

constexpr int kTableRows = 32;     // of a tile, at most
constexpr int kTableFloats = 4096; // of a tile: rows that stay in the first cache beside angles and scores
constexpr int kFoldedHeads = 4;    // of a pass
static_assert(kMostRowCodes <= kTableFloats && kMostTableHeads * kTableRows <= kTileScores);

// A tile's rows, of keys or of values.
struct TileRows {
    const float* base;
    int dims;

    template <int Q>
    static constexpr int kAbreast = 8;

    struct Nothing { // is asked for ahead: codes were, as their rows became floats
        template <int Step>
        HWY_INLINE void ask(int, int) const {}
    };
    template <int R>
    HWY_INLINE void find(int first, const float* (&row)[R]) const {
        for (int i = 0; i < R; ++i)
            row[i] = base + (first + i) * dims;
    }
    template <int R, bool First>
    HWY_INLINE Nothing ahead(int) const {
        return {};
    }
};

// What does not change from tile to tile.
struct TableStep {
    const KvView& cache;
    int dims, group;
    const float* q;
    const SoftmaxState& state;
    float softcap;
    const TableCodes &keys, &values;
    int tile = std::min(kTableRows, kTableFloats / dims);

    TableStep(const KvView& view, int heads, const float* queries, const SoftmaxState& to, float cap)
        : cache(view), dims(view.headDim), group(heads), q(queries), state(to), softcap(cap),
          keys(*view.mixedKeys->codec().table()), values(*view.mixedValues->codec().table()) {}
};

// Rows [first, first + count) of slots as floats; coded ones are not turned.
HWY_INLINE void fetchUnturned(const MixedRows& rows, const TableCodes& codes, const SlotPlaces& at,
                              std::int64_t first, int count, int dims, float* to, Traffic& moved) {
    std::array<CodedRow, kTableRows> coded;
    std::size_t n = 0;
    rows.eachRun(at, first, count, [&](std::int64_t i, const MixedRows::Run& run) {
        if (!run.codes)
            return rows.read(at, first + i, run.n, to + i * dims, &moved);
        rows.countRun(first + i, run, moved);
        for (std::int64_t row = 0; row < run.n; ++row) {
            const std::byte* const record = run.codes + row * rows.recordBytes();
            coded[n++] = {record, run.side + row * rows.recordBytes(), 0, to + (i + row) * dims};
        }
    });
    readUnturned(codes, {coded.data(), n});
}

// The queries of a pass, turned back by far.
template <class D>
HWY_INLINE void foldQueries(D d, const TurnTable& turn, std::int64_t far, const float* q, int heads, int dims,
                            float* to) {
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const float *const cosines = turn.far + far * 2 * turn.half, *const sines = cosines + turn.half;
    for (int h = 0; h < heads; ++h, q += dims, to += dims) {
        for (std::int64_t i = 0; i < turn.half; i += lanes) {
            const auto cosine = hn::LoadU(d, cosines + i), sine = hn::LoadU(d, sines + i);
            const auto x = hn::LoadU(d, q + i), y = hn::LoadU(d, q + turn.half + i);
            hn::StoreU(hn::MulAdd(y, sine, hn::Mul(x, cosine)), d, to + i);
            hn::StoreU(hn::NegMulAdd(x, sine, hn::Mul(y, cosine)), d, to + turn.half + i);
        }
        std::copy(q + 2 * turn.half, q + dims, to + 2 * turn.half);
    }
}

// scores[h·kTableRows + i] of Q folded queries and R keys, which are turned by their near angles.
template <int Q, int R, class D>
HWY_INLINE void dotTurned(D d, const float* keys, const float* const* angles, std::int64_t half, int dims,
                          const float* q, float* scores) {
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    hn::Vec<D> sum[Q][R];
    for (int i = 0; i < R; ++i)
        for (int h = 0; h < Q; ++h)
            sum[h][i] = hn::Zero(d);
    for (std::int64_t c = 0; c < half; c += lanes)
        for (int i = 0; i < R; ++i) {
            const float* const key = keys + i * dims + c;
            const auto cosine = hn::LoadU(d, angles[i] + c), sine = hn::LoadU(d, angles[i] + half + c);
            const auto x = hn::LoadU(d, key), y = hn::LoadU(d, key + half);
            const auto a = hn::NegMulAdd(y, sine, hn::Mul(x, cosine)),
                       b = hn::MulAdd(x, sine, hn::Mul(y, cosine));
            for (int h = 0; h < Q; ++h) {
                const float* const query = q + h * dims + c;
                sum[h][i] =
                    hn::MulAdd(b, hn::LoadU(d, query + half), hn::MulAdd(a, hn::LoadU(d, query), sum[h][i]));
            }
        }
    for (std::int64_t c = 2 * half; c < dims; c += lanes)
        for (int i = 0; i < R; ++i)
            for (int h = 0; h < Q; ++h)
                sum[h][i] =
                    hn::MulAdd(hn::LoadU(d, keys + i * dims + c), hn::LoadU(d, q + h * dims + c), sum[h][i]);
    for (int h = 0; h < Q; ++h)
        if constexpr (R == 4)
            storeSums(d, sum[h], scores + h * kTableRows);
        else
            scores[h * kTableRows] = hn::GetLane(hn::SumOfLanes(d, sum[h][0]));
}

// The same of n keys of slots from `slot` on.
template <int Q, class D>
HWY_INLINE void scoreTurned(D d, const TableStep& step, std::int64_t slot, int n, const float* keys,
                            const float* q, float* scores) {
    HWY_ALIGN float folded[kFoldedHeads * kMostRowCodes];
    const TurnTable& turn = *step.keys.turn;
    const std::int64_t* const positions = step.cache.positions + slot;
    for (int i = 0; i < n;) {
        const std::int64_t far = positions[i] / kTurnNear;
        int end = i + 1;
        while (end < n && positions[end] / kTurnNear == far)
            ++end;
        foldQueries(d, turn, far, q, Q, step.dims, folded);
        const auto dot = [&](auto rows) HWY_ATTR {
            const float* angles[rows()];
            for (int r = 0; r < rows(); ++r)
                angles[r] = turn.near + positions[i + r] % kTurnNear * 2 * turn.half;
            dotTurned<Q, rows()>(d, keys + i * step.dims, angles, turn.half, step.dims, folded, scores + i);
            i += rows();
        };
        while (i + 4 <= end)
            dot(std::integral_constant<int, 4>());
        while (i < end)
            dot(std::integral_constant<int, 1>());
    }
}

// scores (group, kTableRows) of the tile's keys.
template <class D>
HWY_INLINE void scoreTile(D d, const TableStep& step, std::int64_t slot, int count, const float* keys,
                          float* scores) {
    step.cache.mixedKeys->eachRun(
        step.cache.keyPlaces(), slot, count, [&](std::int64_t i, const MixedRows::Run& run) HWY_ATTR {
            const int n = static_cast<int>(run.n);
            const float* const rows = keys + i * step.dims;
            forEachHeads(step.group, [&](auto heads, auto, int h) HWY_ATTR {
                const float* const q = step.q + std::int64_t{h} * step.dims;
                float* const to = scores + h * kTableRows + i;
                if (run.codes && step.keys.turn)
                    scoreTurned<heads()>(d, step, slot + i, n, rows, q, to);
                else
                    dotRows<F32Loader, heads(), false>(d, TileRows{rows, step.dims}, n, step.dims, q, to,
                                                       kTableRows);
            });
        });
}

template <class Unused>
struct AttendTable {
    template <class D>
    static void run(D d, const TableStep& step, std::int64_t first, std::int64_t last,
                    const LogitSpill& spill, Traffic& moved) {
        HWY_ALIGN float rows[kTableFloats];
        HWY_ALIGN float scores[kTileScores];
        const KvView& cache = step.cache;
        for (std::int64_t slot = first; slot < last; slot += step.tile) {
            const int count = static_cast<int>(std::min<std::int64_t>(step.tile, last - slot));
            fetchUnturned(*cache.mixedKeys, step.keys, cache.keyPlaces(), slot, count, step.dims, rows,
                          moved);
            scoreTile(d, step, slot, count, rows, scores);
            for (int h = 0; h < step.group; ++h) {
                float* const row = scores + h * kTableRows;
                capLogits(row, count, step.softcap);
                if (spill.to)
                    std::copy_n(row, count, spill.from(slot).ofHead(h).to);
                expTile(row, count, step.state.m[h], step.state.l[h], step.state.o + h * step.dims,
                        step.dims);
            }
            moved[Component::Scores] += spill.bytes(count, step.group);
            fetchUnturned(*cache.mixedValues, step.values, cache.valuePlaces(), slot, count, step.dims, rows,
                          moved);
            forEachHeads(step.group, [&](auto heads, auto, int h) HWY_ATTR {
                addRows<F32Loader, heads(), false>(d, TileRows{rows, step.dims}, count, step.dims,
                                                   scores + h * kTableRows, kTableRows,
                                                   step.state.o + std::int64_t{h} * step.dims);
            });
        }
    }
};

void attendTableTarget(const KvView& cache, std::int64_t first, std::int64_t last, int group, const float* q,
                       const SoftmaxState& state, float softcap, const LogitSpill& spill, Traffic& moved) {
    const TableStep step(cache, group, q, state, softcap);
    // What divides half the components that turn, and them all, divides those that do not.
    const std::int64_t half = step.keys.turn ? step.keys.turn->half : 0;
    const std::int64_t length = half % 16 == 0 && step.dims % 16 == 0 ? 16
                                : half % 8 == 0 && step.dims % 8 == 0 ? 8
                                                                      : 1;
    dispatchWidth<AttendTable, F32Loader>(length, step, first, last, spill, moved);
}

} // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(attendTableTarget);

void attendTable(const KvView& cache, std::int64_t first, std::int64_t last, int group, const float* q,
                 const SoftmaxState& state, float softcap, Traffic& moved, const LogitSpill& spill) {
    HWY_DYNAMIC_DISPATCH(attendTableTarget)(cache, first, last, group, q, state, softcap, spill, moved);
}

} // namespace fovea::cpu
#endif
