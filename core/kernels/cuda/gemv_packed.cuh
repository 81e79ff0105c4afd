#pragma once
// y = x·Wᵀ for rows rounded to nearest and packed, whose codes become numbers in registers.
//
//   y_i = Σ_g s_ig · Σ_{j in g} (q_ij - z_ig) · x_j        core/methods/quantise/rtn.h
//
// A code becomes a float by an or: 2^23 + q is a float whose last bits are q. Taking 2^23 + z from it is exact, and
// costs no more than taking 2^23. Scales meet sums of two products.
//
// multiplyPacked<kBits, kVectors, kWhole>, grid (tiles of 16 rows, tiles of kVectors vectors)
//   block    128 threads: four warps that never meet
//   warp     4 rows for kVectors vectors (gemv_rows.cuh), two units of 128 codes of each at a time, kAhead such
//            steps asked for before the first is used
//   lane     eight codes of a unit (packed_codes.cuh) and the x that they meet; and, for 32 groups at a time, scale
//            and zero of one group of each row, which the others get by shuffles: they are read and taken out of
//            their bits once per group
//   kWhole   codes lie at multiples of the words that lanes load (4 bytes; of 3 and 2 bits 2 bytes), which
//            launchers see from the row's layout; else bytes are loaded one by one
//   reads    each byte of W once per tile of vectors; codes behind the last whole unit more than once, from the cache
//   writes   vectors·rows floats
//   work     per weight 4.5 instructions and 1.5 more for every further vector: of 4 bits and fewer bound by arithmetic
//            on an H100 (reasoned, not measured)
//   nvcc     13.0: 117 to 219 registers (sm_80, sm_90); of eight vectors some spill up to 44 bytes

#include "core/kernels/cuda/gemv_rows.cuh"
#include "core/kernels/cuda/packed_groups.cuh"

namespace fovea::cuda {

constexpr int kPackedRows = 4;
// Steps of two units whose codes a lane asks for before it uses the first: 64 bytes, of 3 and 2 bits 32.
// With many vectors there is no room for more than two.
template <int kBits, int kVectors>
constexpr int kAhead = kBits == 8 || kVectors == kMostVectors ? 2 : 4;

// One lane's share of a step: eight codes of each row against the x they meet.
template <int kBits, int kVectors, bool kWhole>
__device__ __forceinline__ void multiplyUnit(const GemvArguments& a, std::int64_t firstColumn, int lane,
                                             const float (&weights)[kPackedRows][kLaneCodes],
                                             const float (&scales)[kPackedRows][kPairs],
                                             float (&sums)[kPackedRows][kVectors]) {
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
        const float* const from = vectorOf<kVectors>(a, v) + firstColumn;
        float x[kLaneCodes];
#pragma unroll
        for (int k = 0; k < kLaneCodes; k += 4) {
            if constexpr (kBits == 8 && kWhole) {
                const float4 four = *reinterpret_cast<const float4*>(from + columnInUnit<kBits>(lane, k));
                x[k] = four.x, x[k + 1] = four.y, x[k + 2] = four.z, x[k + 3] = four.w;
            } else {
#pragma unroll
                for (int i = 0; i < 4; ++i)
                    x[k + i] = from[columnInUnit<kBits>(lane, k + i)];
            }
        }
#pragma unroll
        for (int r = 0; r < kPackedRows; ++r)
#pragma unroll
            for (int pair = 0; pair < kPairs; ++pair) {
                const float two =
                    fmaf(weights[r][2 * pair + 1], x[2 * pair + 1], weights[r][2 * pair] * x[2 * pair]);
                sums[r][v] = fmaf(scales[r][pair], two, sums[r][v]);
            }
    }
}

// Units first … end - 1, whose groups the lanes hold from `firstGroup` on.
template <int kBits, int kVectors, bool kWhole>
__device__ __forceinline__ void multiplyUnits(const GemvArguments& a, const PackedRows& form,
                                              const unsigned char* row, int liveRows, int first, int end,
                                              int firstGroup, const unsigned (&groups)[kPackedRows],
                                              float (&sums)[kPackedRows][kVectors]) {
    constexpr int kUnitBytes = kUnitCodes * kBits / 8, kTogether = 2; // units of a step
    const int lane = static_cast<int>(threadIdx.x) % kUnitLanes128;
    const int mine = static_cast<int>(threadIdx.x) % kWarp / kUnitLanes128;
    const GroupsOfUnits<kBits> groupsOfUnits(form.group);
    const int pairsAlike = groupsOfUnits.pairsAlike();
    for (int step = first; step < end; step += kTogether * kAhead<kBits, kVectors>) {
        LaneCodes<kBits> codes[kAhead<kBits, kVectors>][kPackedRows] = {};
#pragma unroll
        for (int i = 0; i < kAhead<kBits, kVectors>; ++i)
#pragma unroll
            for (int r = 0; r < kPackedRows; ++r)
                if (const int unit = step + kTogether * i + mine; unit < end && r < liveRows)
                    codes[i][r] = loadCodes<kBits, kWhole>(row + r * form.bytes + form.codesAt +
                                                               static_cast<std::int64_t>(unit) * kUnitBytes,
                                                           lane);
#pragma unroll
        for (int i = 0; i < kAhead<kBits, kVectors>; ++i) {
            const int unit = step + kTogether * i + mine;
            if (step + kTogether * i >= end)
                break; // the whole warp, since shuffles follow
            float weights[kPackedRows][kLaneCodes], scales[kPackedRows][kPairs];
#pragma unroll
            for (int r = 0; r < kPackedRows; ++r) {
                Group group;
#pragma unroll
                for (int pair = 0; pair < kPairs; ++pair) {
                    if ((pair & (pairsAlike - 1)) == 0)
                        group = groupOf(shuffle(groups[r], (groupsOfUnits.of(unit, lane, pair) - firstGroup) &
                                                               (kWarp - 1)));
                    scales[r][pair] = group.scale;
                    weights[r][2 * pair] = centred(codes[i][r].code(2 * pair), group);
                    weights[r][2 * pair + 1] = centred(codes[i][r].code(2 * pair + 1), group);
                }
            }
            if (unit < end)
                multiplyUnit<kBits, kVectors, kWhole>(a, static_cast<std::int64_t>(unit) * kUnitCodes, lane,
                                                      weights, scales, sums);
        }
    }
}

// The columns behind the last whole unit, one at a time.
template <int kBits, int kVectors>
__device__ __forceinline__ void multiplyRest(const GemvArguments& a, const PackedRows& form,
                                             const unsigned char* row, int liveRows, std::int64_t groups,
                                             float (&sums)[kPackedRows][kVectors]) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    for (std::int64_t column = a.in / kUnitCodes * kUnitCodes + lane; column < a.in; column += kWarp) {
#pragma unroll
        for (int r = 0; r < kPackedRows; ++r) {
            if (r >= liveRows)
                break;
            const unsigned char* const mine = row + r * form.bytes;
            const Group group = groupOf(groupWord<kBits>(form, mine, groups, column / form.group));
            const float weight =
                group.scale * centred(codeAt<kBits>(mine + form.codesAt, a.in, column), group);
#pragma unroll
            for (int v = 0; v < kVectors; ++v)
                sums[r][v] = fmaf(weight, vectorOf<kVectors>(a, v)[column], sums[r][v]);
        }
    }
}

template <int kBits, int kVectors, bool kWhole>
__global__ void __launch_bounds__(kGemvThreads) multiplyPacked(GemvArguments a, PackedRows form) {
    const RowTile<kPackedRows> tile = tileOfWarp<kPackedRows>(a);
    if (tile.live == 0)
        return;
    const unsigned char* const row =
        static_cast<const unsigned char*>(tile.product.w) + tile.first * form.bytes;
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const std::int64_t groups = (a.in + form.group - 1) / form.group;
    const int units = static_cast<int>(a.in / kUnitCodes);
    const int unitsAtOnce = kWarp * form.group / kUnitCodes; // of 32 groups: 8 or more

    float sums[kPackedRows][kVectors] = {};
    for (int first = 0, firstGroup = 0; first < units; first += unitsAtOnce, firstGroup += kWarp) {
        unsigned held[kPackedRows] = {};
#pragma unroll
        for (int r = 0; r < kPackedRows; ++r)
            if (firstGroup + lane < groups && r < tile.live)
                held[r] = groupWord<kBits>(form, row + r * form.bytes, groups, firstGroup + lane);
        multiplyUnits<kBits, kVectors, kWhole>(a, form, row, tile.live, first,
                                               min(first + unitsAtOnce, units), firstGroup, held, sums);
    }
    multiplyRest<kBits, kVectors>(a, form, row, tile.live, groups, sums);
    writeSums<kPackedRows, kVectors>(a, tile, sums);
}

} // namespace fovea::cuda
