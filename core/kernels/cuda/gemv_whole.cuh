#pragma once
// y = x̂·Wᵀ for packed rows and vectors of whole numbers: rounded activations (round_acts.h), multiplied in bytes.
//
//   y_i = u · Σ_g s_ig · Σ_{j in g} (q_ij − z_ig)·X_j,   X_j = c_j − zₓ,   u the vector's scale
//   Σ (q − z)·X = Σ q·c − zₓ·(Σ q − 8z) − z·Σ c          of a lane's eight codes, exactly, in 32 bits
//
// so that X of 9 bits (asymmetric at 8) costs no second digit: Σ q is a row's, Σ c a vector's.
//
// multiplyWhole<kBits, kVectors, kWords>, grid (tiles of 16 rows, tiles of kVectors vectors)
//   as multiplyPacked (gemv_packed.cuh), of which it has the rows of a warp, the shares of lanes and the groups, which
//   here are whole units; x̂ is met behind the last whole unit alone
//   kWords   codes lie at multiples of the words that lanes load (wholeWords); else bytes are loaded one by one
//   reads    each byte of W once per tile of vectors, and of x a quarter of what floats would be, in whole words
//   work     of eight weights some 20 instructions, most of them for codes and group, and 6 for every further vector
//   limits   groups of a multiple of 128
//   nvcc     13.0: 80 to 168 registers (sm_80, sm_90); of eight vectors some spill up to 8 bytes

#include "core/kernels/cuda/byte_products.cuh"
#include "core/kernels/cuda/gemv_packed.cuh"

namespace fovea::cuda {

// A unit of one row.
struct WholeUnit {
    unsigned codes[2];
    float scale;
    int zero, sum; // z; Σ q − 8z
};

template <int kBits>
__device__ __forceinline__ WholeUnit wholeUnit(const LaneCodes<kBits>& codes, unsigned group) {
    WholeUnit unit;
    codeBytes<kBits>(codes, unit.codes);
    unit.scale = groupOf(group).scale;
    unit.zero = static_cast<short>(group >> 16);
    unit.sum =
        static_cast<int>(addProducts(unit.codes[0], kOneEach, addProducts(unit.codes[1], kOneEach, 0))) -
        kLaneCodes * unit.zero;
    return unit;
}

// One unit of each row against the vectors.
template <int kVectors>
__device__ __forceinline__ void multiplyUnitWhole(const GemvArguments& a, const WholeVectors& by, int unit,
                                                  int lane, const WholeUnit (&rows)[kPackedRows],
                                                  float (&sums)[kPackedRows][kVectors]) {
    const std::int64_t unitsOfVector = a.in / kUnitCodes;
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
        const std::int64_t vector = min(static_cast<std::int64_t>(blockIdx.y) * kVectors + v, a.vectors - 1);
        const auto* const words =
            reinterpret_cast<const unsigned*>(by.codes + (vector * unitsOfVector + unit) * kUnitCodes) + lane;
        const unsigned first = words[0], second = words[kUnitLanes128];
        const int zero = by.zeros[vector];
        const int sum = static_cast<int>(addProducts(first, kOneEach, addProducts(second, kOneEach, 0)));
#pragma unroll
        for (int r = 0; r < kPackedRows; ++r) {
            const WholeUnit& row = rows[r];
            const int products =
                static_cast<int>(addProducts(row.codes[0], first, addProducts(row.codes[1], second, 0)));
            const int whole = products - zero * row.sum - row.zero * sum;
            sums[r][v] = fmaf(row.scale, static_cast<float>(whole), sums[r][v]);
        }
    }
}

template <int kBits, int kVectors, bool kWords>
__global__ void __launch_bounds__(kGemvThreads)
    multiplyWhole(GemvArguments a, PackedRows form, WholeVectors by) {
    constexpr int kUnitBytes = kUnitCodes * kBits / 8, kTogether = 2, kSteps = kAhead<kBits, kVectors>;
    const RowTile<kPackedRows> tile = tileOfWarp<kPackedRows>(a);
    if (tile.live == 0)
        return;
    const unsigned char* const row =
        static_cast<const unsigned char*>(tile.product.w) + tile.first * form.bytes;
    const int lane = static_cast<int>(threadIdx.x) % kWarp, inUnit = lane % kUnitLanes128,
              mine = lane / kUnitLanes128;
    const std::int64_t groups = (a.in + form.group - 1) / form.group;
    const int units = static_cast<int>(a.in / kUnitCodes), unitsAtOnce = kWarp * (form.group / kUnitCodes);
    const GroupsOfUnits<kBits> groupsOfUnits(form.group);

    float sums[kPackedRows][kVectors] = {};
    for (int begin = 0, firstGroup = 0; begin < units; begin += unitsAtOnce, firstGroup += kWarp) {
        const int end = min(begin + unitsAtOnce, units);
        unsigned held[kPackedRows] = {};
#pragma unroll
        for (int r = 0; r < kPackedRows; ++r)
            if (firstGroup + lane < groups && r < tile.live)
                held[r] = groupWord<kBits>(form, row + r * form.bytes, groups, firstGroup + lane);
        for (int step = begin; step < end; step += kTogether * kSteps) {
            LaneCodes<kBits> codes[kSteps][kPackedRows] = {};
#pragma unroll
            for (int i = 0; i < kSteps; ++i)
#pragma unroll
                for (int r = 0; r < kPackedRows; ++r)
                    if (const int unit = step + kTogether * i + mine; unit < end && r < tile.live)
                        codes[i][r] =
                            loadCodes<kBits, kWords>(row + r * form.bytes + form.codesAt +
                                                         static_cast<std::int64_t>(unit) * kUnitBytes,
                                                     inUnit);
#pragma unroll
            for (int i = 0; i < kSteps; ++i) {
                const int unit = step + kTogether * i + mine;
                if (step + kTogether * i >= end)
                    break; // the whole warp, since shuffles follow
                WholeUnit rows[kPackedRows];
#pragma unroll
                for (int r = 0; r < kPackedRows; ++r)
                    rows[r] = wholeUnit<kBits>(
                        codes[i][r],
                        shuffle(held[r], (groupsOfUnits.of(unit, inUnit, 0) - firstGroup) & (kWarp - 1)));
                if (unit < end)
                    multiplyUnitWhole<kVectors>(a, by, unit, inUnit, rows, sums);
            }
        }
    }
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
        const float scale =
            by.scales[min(static_cast<std::int64_t>(blockIdx.y) * kVectors + v, a.vectors - 1)];
#pragma unroll
        for (int r = 0; r < kPackedRows; ++r)
            sums[r][v] = roundedProduct(sums[r][v], scale);
    }
    multiplyRest<kBits, kVectors>(a, form, row, tile.live, groups, sums);
    writeSums<kPackedRows, kVectors>(a, tile, sums);
}

} // namespace fovea::cuda
