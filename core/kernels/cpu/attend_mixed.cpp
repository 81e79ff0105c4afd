#include "core/kernels/cpu/attend_mixed.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "core/kernels/cpu/attend_all.h"
#include "core/kernels/cpu/attend_even.h"
#include "core/kernels/cpu/attend_list.h"
#include "core/kernels/cpu/attend_table.h"
#include "core/kernels/cpu/score_rows.h"

namespace fovea::cpu {

namespace {

constexpr std::int64_t kTileFloats = 8192, kMostTileRows = 64;
static_assert(kMostRowCodes <= kTileFloats);

// A tile's rows of one component, as floats.
struct FloatTile {
    alignas(64) std::array<float, kTileFloats> rows;
    const void* block = rows.data();
};

std::int64_t tileRowsOf(int dims) {
    return std::min(kMostTileRows, kTileFloats / dims);
}

// The tiles' rows as a cache of their own.
KvView asFloats(const KvView& cache, const FloatTile& keys, const FloatTile& values, std::int64_t rows) {
    KvView view;
    view.keys = &keys.block;
    view.values = &values.block;
    view.slots = rows;
    view.slotsPerBlock = static_cast<int>(rows);
    view.headDim = cache.headDim;
    return view;
}

// visit(first, count) of tiles of [first, last).
template <class Visit>
void forEachTile(int dims, std::int64_t first, std::int64_t last, const Visit& visit) {
    for (const std::int64_t rows = tileRowsOf(dims); first < last; first += rows)
        visit(first, std::min(rows, last - first));
}

// What rows of floats count of themselves is not what was moved: of a tile's scores it is.
void addScores(const Traffic& ofFloats, Traffic& moved) {
    moved[Component::Scores] += ofFloats[Component::Scores];
}

void countList(std::int64_t slots, Traffic& moved) {
    moved[Component::Indices] += slots * static_cast<std::int64_t>(sizeof(std::int32_t));
}

std::span<const std::int32_t> part(std::span<const std::int32_t> slots, std::int64_t first, std::int64_t count) {
    return slots.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
}

} // namespace

void attendMixed(const KvView& cache, std::int64_t first, std::int64_t last, int group, const float* q,
                 const SoftmaxState& state, float softcap, Traffic& moved, const LogitSpill& spill) {
    if (cache.mixedKeys->codec().even() && cache.mixedValues->codec().even())
        return attendEven(cache, first, last, group, q, state, softcap, moved, spill);
    if (cache.mixedKeys->codec().table() && cache.mixedValues->codec().table() && group <= kMostTableHeads)
        return attendTable(cache, first, last, group, q, state, softcap, moved, spill);
    FloatTile keys, values;
    forEachTile(cache.headDim, first, last, [&](std::int64_t slot, std::int64_t count) {
        cache.mixedKeys->read(cache.keyPlaces(), slot, count, keys.rows.data(), &moved);
        cache.mixedValues->read(cache.valuePlaces(), slot, count, values.rows.data(), &moved);
        Traffic ofFloats;
        attendMoreSlots(asFloats(cache, keys, values, count), 0, count, group, q, state, softcap, ofFloats,
                        spill.from(slot));
        addScores(ofFloats, moved);
    });
}

void attendMixedOfList(const KvView& cache, std::span<const std::int32_t> slots, int group, const float* q,
                       const SoftmaxState& state, float softcap, Traffic& moved, const LogitSpill& spill) {
    FloatTile keys, values;
    forEachTile(cache.headDim, 0, std::ssize(slots), [&](std::int64_t at, std::int64_t count) {
        const auto listed = part(slots, at, count);
        cache.mixedKeys->read(cache.keyPlaces(), listed, keys.rows.data(), &moved);
        cache.mixedValues->read(cache.valuePlaces(), listed, values.rows.data(), &moved);
        Traffic ofFloats;
        attendMoreSlots(asFloats(cache, keys, values, count), 0, count, group, q, state, softcap, ofFloats,
                        spill.from(at));
        addScores(ofFloats, moved);
        countList(count, moved);
    });
}

void addMixedValues(const KvView& cache, std::span<const std::int32_t> slots, int group, const float* p,
                    std::int64_t stride, float* o, Traffic& moved) {
    std::array<std::int32_t, kMostTileRows> inOrder;
    std::iota(inOrder.begin(), inOrder.end(), 0);
    FloatTile values;
    forEachTile(cache.headDim, 0, std::ssize(slots), [&](std::int64_t at, std::int64_t count) {
        cache.mixedValues->read(cache.valuePlaces(), part(slots, at, count), values.rows.data(), &moved);
        Traffic ofFloats;
        addValues(asFloats(cache, values, values, count), part(inOrder, 0, count), group, p + at, stride, o, ofFloats);
        countList(count, moved);
    });
}

void scoreMixed(const RowTable& table, std::int64_t first, std::int64_t last, int group, const float* q, float* scores,
                std::int64_t stride, float* m, float* l, float softcap, Traffic& moved) {
    FloatTile rows;
    forEachTile(table.form.dims, first, last, [&](std::int64_t row, std::int64_t count) {
        table.mixed->read({table.blocks, table.positions, table.form.rows}, row, count, rows.rows.data(), &moved);
        const RowTable tile{&rows.block, {.dims = table.form.dims, .rows = static_cast<int>(count)}, table.component};
        Traffic ofFloats;
        scoreRows(tile, 0, count, group, q, scores + row, stride, m, l, softcap, ofFloats);
        addScores(ofFloats, moved);
    });
}

} // namespace fovea::cpu
