// A tile of rows that are held as codes (core/cache/row_form.h): where its rows lie, and their scales and zeros as floats.
// Compiled once per instruction set.

#if defined(FOVEA_CORE_KERNELS_CPU_CODED_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_CORE_KERNELS_CPU_CODED_TILE_INL_H_
#undef FOVEA_CORE_KERNELS_CPU_CODED_TILE_INL_H_
#else
#define FOVEA_CORE_KERNELS_CPU_CODED_TILE_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstring>

#include "core/cache/row_form.h"
#include "core/kernels/cpu/attend-inl.h"
#include "core/kernels/cpu/rtn_rows-inl.h"
#include "core/model/half_float.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

constexpr int kPassHeads = 4;       // query heads that meet a row at once, at most
constexpr int kCodeFloats = 4096;   // of a tile, for each of the buffers below
constexpr int kMostSteps = kMostRowCodes / kNarrowestUnit;
constexpr int kCodesAhead = 384; // bytes asked for ahead of those in work

// What does not change from tile to tile.
struct CodedShape {
    RowForm form;
    int heads;              // g
    int dims, steps, step;  // d, and components of a step
    int tile;               // rows
    bool digits;            // are products formed in bytes (coded_digits-inl.h)?

    CodedShape(const RowForm& rows, int group)
        : form(rows), heads(group), dims(rows.dims), step(std::min(rows.codes->group, kWidestUnit)) {
        steps = (dims + step - 1) / step;
        digits = machineMultipliesBytes() && step == kWidestUnit && dims % kWidestUnit == 0;
        const int sums = std::min(group, kPassHeads) * steps;
        tile = std::min({kTileRows, kTileScores / std::min(group, kTileHeads), kCodeFloats / sums}) / 16 * 16;
    }
    int groupOf(int s) const { return s * step / form.codes->group; }
    int width(int s) const { return std::min(step, dims - s * step); }
};
static_assert(kCodeFloats / (kPassHeads * kMostSteps) >= 16);

// Scales and zeros of a tile's rows, (groups, tile) each, and what is between codes and the tile's result: sums of codes,
// or weights times scales, (heads of a pass, steps, tile).
struct CodedTile {
    HWY_ALIGN float scales[kCodeFloats];
    HWY_ALIGN float zeros[kCodeFloats];
    HWY_ALIGN float work[kCodeFloats];
};

// Where the second half of a tile of `count` rows begins: memory gives a core two streams a quarter faster than one, so
// that rows are taken from both in turn, in fours.
constexpr int halfOf(int count) {
    return count / 2 / 4 * 4;
}

// Rows of one block, one after the other.
struct RunOfCodes {
    const std::uint8_t* block;
    std::int64_t first;
    RowForm form;
    std::int64_t bytes = form.codeBytes();  // from row to row

    HWY_INLINE const std::uint8_t* row(int i) const { return block + (first + i) * bytes; }
    // What to ask for while row i is in work. It may lie past the end of memory, where asking does no harm.
    const std::uint8_t* ahead(int i, int) const { return row(i) + kCodesAhead; }
    // Row i, to be asked for, which may lie beyond the tile's `count`.
    HWY_INLINE const std::uint8_t* toAsk(int i, int) const { return row(i); }

    // Asks for what describe() will read: a tile's scales and zeros are read all at once, which memory is slow to answer.
    void askToDescribe(int count) const {
        for (int g = 0; g < form.groups(); ++g) {
            const std::int64_t at = std::int64_t{g} * form.rows + first;
            for (std::int64_t byte = 0; byte < 2 * std::int64_t{count}; byte += 64)
                __builtin_prefetch(block + form.scales() + 2 * at + byte, 0, 3);
            for (std::int64_t byte = 0; byte < std::int64_t{form.zeroBytes()} * count; byte += 64)
                __builtin_prefetch(block + form.zeros() + form.zeroBytes() * at + byte, 0, 3);
        }
    }

    void describe(int count, const CodedShape& shape, CodedTile& to) const {
        for (int g = 0; g < form.groups(); ++g) {
            const std::int64_t at = std::int64_t{g} * form.rows + first;
            widenHalves(block + form.scales() + 2 * at, count, to.scales + g * shape.tile);
            float* const zeros = to.zeros + g * shape.tile;
            const std::uint8_t* const from = block + form.zeros() + form.zeroBytes() * at;
            if (form.zeroBytes() == 0)
                std::fill_n(zeros, count, static_cast<float>(form.codes->middle()));
            else if (form.zeroBytes() == 1)
                widenCodes<8>(from, count, zeros);
            else
                for (int i = 0; i < count; ++i)
                    zeros[i] = wide(from, i);
        }
    }

    static float wide(const std::uint8_t* from, int i) {
        std::int16_t zero = 0;
        std::memcpy(&zero, from + 2 * i, 2);
        return zero;
    }
};

// Row i is the row of slots[i].
struct ListOfCodes {
    const void* const* blocks;
    const std::int32_t* slots;
    RowForm form;

    std::int64_t bytes = form.codeBytes();

    RunOfCodes at(int i) const {
        return {static_cast<const std::uint8_t*>(blocks[slots[i] / form.rows]), slots[i] % form.rows, form, bytes};
    }
    HWY_INLINE const std::uint8_t* row(int i) const {
        return static_cast<const std::uint8_t*>(blocks[slots[i] / form.rows]) + slots[i] % form.rows * bytes;
    }
    const std::uint8_t* ahead(int i, int count) const { return row(std::min(i + 8, count - 1)); }
    HWY_INLINE const std::uint8_t* toAsk(int i, int count) const { return row(std::min(i, count - 1)); }

    void describe(int count, const CodedShape& shape, CodedTile& to) const {
        for (int i = 0; i < count; ++i) {
            const RunOfCodes one = at(i);
            for (int g = 0; g < form.groups(); ++g) {
                const std::int64_t place = std::int64_t{g} * form.rows + one.first;
                std::uint16_t scale = 0;
                std::memcpy(&scale, one.block + form.scales() + 2 * place, 2);
                to.scales[g * shape.tile + i] = fromHalf(scale);
                const std::uint8_t* const zero = one.block + form.zeros() + form.zeroBytes() * place;
                to.zeros[g * shape.tile + i] = form.zeroBytes() == 0   ? static_cast<float>(form.codes->middle())
                                               : form.zeroBytes() == 1 ? static_cast<float>(*zero)
                                                                       : RunOfCodes::wide(zero, 0);
            }
        }
    }
};

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
