#pragma once
// Rows rounded to nearest and packed, as a loader of gemm_ordinary.cuh: a unit of 128 codes of each row becomes floats
// s·(q - z) in shared memory, once for all vectors of a tile.
//
//   lane     eight codes of a unit of every eighth row, in the words that decode loads (packed_codes.cuh), which become
//            columns 16 apart (of 8 bits neighbouring ones); behind the last whole unit one code at a time
//   reads    each code of a whole unit once; scales and zeros of a group as often as lanes need them, from the
//            first-level cache

#include "core/kernels/cuda/gemm_ordinary.cuh"
#include "core/kernels/cuda/packed_groups.cuh"

namespace fovea::cuda {

template <int kBits>
struct PackedWeights {
    static constexpr int kDepth = kUnitCodes;

    PackedRows form;
    bool whole; // codes lie at multiples of the words that lanes load

    __device__ __forceinline__ void load(const GemvArguments& a, const RowTile<kOrdinaryRows>& rows,
                                         std::int64_t first, Shared<float4> to) const {
        const std::int64_t groups = (a.in + form.group - 1) / form.group;
        const unsigned char* const w =
            static_cast<const unsigned char*>(rows.product.w) + rows.first * form.bytes;
        if (first + kUnitCodes <= a.in)
            loadUnit(rows.live, w, groups, first, to);
        else
            loadRest(rows.live, w, groups, a.in, first, to);
    }

private:
    __device__ __forceinline__ void loadUnit(int liveRows, const unsigned char* w, std::int64_t groups,
                                             std::int64_t first, Shared<float4> to) const {
        const int lane = static_cast<int>(threadIdx.x) % kUnitLanes128;
        const int unit = static_cast<int>(first / kUnitCodes);
        const GroupsOfUnits<kBits> groupsOfUnits(form.group);
#pragma unroll 2
        for (int row = static_cast<int>(threadIdx.x) / kUnitLanes128; row < kOrdinaryRows;
             row += kGemvThreads / kUnitLanes128) {
            float* const out = reinterpret_cast<float*>(&to[row * kRowFours<kDepth>]);
            const unsigned char* const mine = w + row * form.bytes;
            LaneCodes<kBits> codes = {};
            if (row < liveRows) {
                const unsigned char* const from =
                    mine + form.codesAt + std::int64_t{unit} * (kUnitCodes * kBits / 8);
                codes = whole ? loadCodes<kBits, true>(from, lane) : loadCodes<kBits, false>(from, lane);
            }
            Group group = {};
            int held = -1; // the number of `group`
#pragma unroll
            for (int k = 0; k < kLaneCodes; ++k) {
                if (const int its = groupsOfUnits.of(unit, lane, k / 2); row < liveRows && its != held) {
                    group = groupOf(groupWord<kBits>(form, mine, groups, its));
                    held = its;
                }
                out[columnInUnit<kBits>(lane, k)] = group.scale * centred(codes.code(k), group);
            }
        }
    }

    __device__ __forceinline__ void loadRest(int liveRows, const unsigned char* w, std::int64_t groups,
                                             std::int64_t in, std::int64_t first, Shared<float4> to) const {
        for (int i = static_cast<int>(threadIdx.x); i < kOrdinaryRows * kDepth; i += kGemvThreads) {
            const int row = i / kDepth;
            const std::int64_t column = first + i % kDepth;
            float value = 0.0f;
            if (row < liveRows && column < in) {
                const unsigned char* const mine = w + row * form.bytes;
                const Group group = groupOf(groupWord<kBits>(form, mine, groups, column / form.group));
                value = group.scale * centred(codeAt<kBits>(mine + form.codesAt, in, column), group);
            }
            reinterpret_cast<float*>(&to[row * kRowFours<kDepth>])[i % kDepth] = value;
        }
    }
};

} // namespace fovea::cuda
