#pragma once
// Rows of K or V that are held as codes (core/cache/row_form.h), as a loader of attend_span.cuh, of score_keys.cuh and,
// into its tiles, of prefill.cuh. A value is x̂ = s·(q − z): codes become the whole numbers q − z in registers, exactly, and in decode s
// meets the sum or the weight that they are multiplied with, so that no row is written decoded but into a prompt's tile.
//
// The layout of codes (core/methods/quantise/code_run.h) was made for vectors, and a warp is one: a unit of 8·L codes has
// L lanes, each with codes i, i + L, … i + 7·L in a word of its own. A thread takes one such word, so a team's lanes read
// neighbouring words. What is left of d beyond whole units is a string of bits, eight codes of it a thread.
//
//   reads   per row ⌈d·b/8⌉ bytes of codes, each once; per group of components 2 bytes of scale and those of the zero,
//           once per thread, for which the first-level cache has them: a block's rows lie side by side
//   limits  d a multiple of 8, of 16 at 3 bits, whose words would lie across addresses otherwise
//
// kParts is how many groups a thread's eight codes may belong to. 1: groups of 128 and more, and all rows of bytes, whose
// codes lie in order. 4: any group, for a run of two codes lies within one.

#include <cuda_fp16.h>

#include <cstdint>

#include <simt.h>

#include "core/kernels/cuda/attend_tile.h"
#include "core/kernels/cuda/row_codes.h"

namespace fovea::cuda {

// Which of a row's codes a lane takes: from `first` on, every `stride`-th, eight of them. `unit` is the lane at which its
// unit begins.
struct CodePlace {
    int first, stride, unit;
};

template <int kBits>
__device__ __forceinline__ CodePlace placeOfCodes(int lane, int headDim) {
    if (kBits == 8)
        return {lane * kElements, 1, lane};
    int unit = headDim / 128 * 16;
    if (lane < unit)
        return {lane / 16 * 16 * kElements + lane % 16, 16, lane / 16 * 16};
    for (const int lanes : {8, 4}) {
        if (headDim / kElements - unit < lanes)
            continue;
        if (lane < unit + lanes)
            return {unit * kElements + lane - unit, lanes, unit};
        unit += lanes;
    }
    return {lane * kElements, 1, lane};
}

// Eight codes of a string as a lane of a unit holds them: the k-th from bit (k mod 2)·16 + ⌊k/2⌋·4 on at 4 bits; at 3 its
// low bits from 2·k on and its third at 16 + k.
template <int kBits>
__device__ __forceinline__ unsigned asUnit(unsigned string) {
    if (kBits != 4 && kBits != 3)
        return string;
    unsigned word = 0;
#pragma unroll
    for (int k = 0; k < kElements; ++k) {
        const unsigned code = string >> (k * kBits) & ((1u << kBits) - 1);
        word |=
            kBits == 4 ? code << (k % 2 * 16 + k / 2 * 4) : (code & 3u) << (2 * k) | code >> 2 << (16 + k);
    }
    return word;
}

// A code where it stands in its word: code << shift, the other bits gone. All shifts leave it below 2^23.
template <int kBits>
__device__ __forceinline__ unsigned maskedCode(const unsigned* words, int k) {
    if (kBits == 8)
        return (words[k / 4] >> (k % 4 / 2 * 16)) & (0xffu << (k % 2 * 8));
    if (kBits == 4)
        return (words[0] >> (k % 2 * 16)) & (0xfu << (k / 2 * 4));
    if (kBits == 3)
        return (words[0] & (3u << (2 * k))) | (words[0] >> (14 - k) & (4u << (2 * k)));
    return words[0] & (3u << (2 * k));
}
template <int kBits>
__host__ __device__ constexpr int shiftOfCode(int k) {
    return kBits == 8 ? k % 2 * 8 : kBits == 4 ? k / 2 * 4 : 2 * k;
}

template <int kBits, int kParts, int kLanes>
class CodedRows {
public:
    static constexpr bool kScaled = kParts == 1; // widened rows still lack scale(share)
    struct Share {
        unsigned codes[kBits == 8 ? 2 : 1];
        unsigned scales[kParts]; // binary16 below, the zero above it
    };

    // Of a step (SpanArguments), of keys that are scored (KeyArguments) or of a prompt (AttendPrompt).
    template <class Arguments>
    __device__ __forceinline__ CodedRows(const Arguments& a, int lane)
        : m_place(placeOfCodes<kBits>(lane, a.headDim)), m_lane(lane), m_held(lane * kElements < a.headDim),
          m_rows(a.slotsPerBlock), m_rowBytes(a.headDim / kElements * kBits), m_codes(a.codes),
          m_groups((a.headDim + a.codes.group - 1) / a.codes.group) {}

    // The component that is element `element` of this lane; those at d and beyond are padding and hold zeros.
    __device__ __forceinline__ int component(int element) const {
        return m_place.first + element * m_place.stride;
    }

    // Zeros, with nothing read, where `live` is false.
    __device__ __forceinline__ Share load(const void* block, int row, bool live) const {
        Share share = {};
        if (!live || !m_held)
            return share;
        const unsigned char* bytes = static_cast<const unsigned char*>(block);
        loadCodes(bytes + static_cast<std::int64_t>(row) * m_rowBytes, share);
        const unsigned char* scales = bytes + static_cast<std::int64_t>(m_rows) * m_rowBytes;
        const unsigned char* zeros = scales + static_cast<std::int64_t>(2 * m_groups) * m_rows;
#pragma unroll
        for (int part = 0; part < kParts; ++part) {
            const std::int64_t at =
                static_cast<std::int64_t>(component(part * kPartCodes) / m_codes.group) * m_rows + row;
            int zero = 1 << (kBits - 1);
            if (m_codes.zeroBytes == 1)
                zero = zeros[at];
            if (m_codes.zeroBytes == 2)
                zero = reinterpret_cast<const std::int16_t*>(zeros)[at];
            share.scales[part] =
                reinterpret_cast<const std::uint16_t*>(scales)[at] | static_cast<unsigned>(zero) << 16;
        }
        return share;
    }

    // q − z, times s where a thread has several. 2^23 + code·2^shift is the code put into the mantissa of 2^23, which one
    // multiplication and addition takes out again without rounding; conversions of integers have a quarter of the rate.
    __device__ __forceinline__ void widen(const Share& share, float (&out)[kElements]) const {
        unsigned words[kBits == 8 ? 2 : 1];
        words[0] = m_place.stride == 1 ? asUnit<kBits>(share.codes[0]) : share.codes[0];
        if (kBits == 8)
            words[kBits / 8] = share.codes[kBits / 8];
#pragma unroll
        for (int part = 0; part < kParts; ++part) {
            const float zero = static_cast<float>(static_cast<int>(share.scales[part]) >> 16);
#pragma unroll
            for (int i = 0; i < kPartCodes; ++i) {
                const int k = part * kPartCodes + i;
                const unsigned bits = 0x4b000000u | maskedCode<kBits>(words, k);
                const float unit = 1.0f / static_cast<float>(1 << shiftOfCode<kBits>(k));
                const float code = reinterpret_cast<const float&>(bits) * unit - (8388608.0f * unit + zero);
                out[k] = kScaled ? code : code * scaleOf(share.scales[part]);
            }
        }
    }

    __device__ __forceinline__ float scale(const Share& share) const {
        return scaleOf(share.scales[0]);
    }

private:
    static constexpr int kPartCodes = kElements / kParts;

    static __device__ __forceinline__ float scaleOf(unsigned scaleAndZero) {
        return __half2float(__ushort_as_half(static_cast<unsigned short>(scaleAndZero & 0xffffu)));
    }

    __device__ __forceinline__ void loadCodes(const unsigned char* row, Share& share) const {
        if (kBits == 8) {
            const uint2 words = loadOnce(reinterpret_cast<const uint2*>(row) + m_lane);
            share.codes[0] = words.x;
            share.codes[kBits / 8] = words.y;
        } else if (kBits == 4) {
            share.codes[0] = loadOnce(reinterpret_cast<const unsigned*>(row) + m_lane);
        } else if (kBits == 2) {
            share.codes[0] = loadOnce(reinterpret_cast<const unsigned short*>(row) + m_lane);
        } else if (m_place.stride > 1) {
            const unsigned char* unit = row + m_place.unit * kBits;
            const int lane = m_lane - m_place.unit;
            share.codes[0] = loadOnce(reinterpret_cast<const unsigned short*>(unit) + lane) |
                             static_cast<unsigned>(loadOnce(unit + 2 * m_place.stride + lane)) << 16;
        } else {
            for (int byte = 0; byte < kBits; ++byte)
                share.codes[0] |= static_cast<unsigned>(loadOnce(row + m_lane * kBits + byte)) << (8 * byte);
        }
    }

    CodePlace m_place;
    int m_lane;
    bool m_held;
    int m_rows, m_rowBytes;
    RowCodes m_codes;
    int m_groups;
};

} // namespace fovea::cuda
