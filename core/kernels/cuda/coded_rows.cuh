#pragma once
// Rows of K or V that are held as codes (core/cache/row_form.h), as a loader of attend_span.cuh, of score_keys.cuh and,
// into its tiles, of prefill.cuh. A value is x̂ = s·(q − z): codes become the whole numbers q − z in registers, exactly, and in decode s
// meets the sum or the weight that they are multiplied with, so that no row is written decoded but into a prompt's tile.
//
// Which codes a thread takes, code_words.cuh says.
//
//   reads   per row ⌈d·b/8⌉ bytes of codes, each once; per group of components 2 bytes of scale and those of the zero,
//           once per thread, for which the first-level cache has them: a block's rows lie side by side
//   limits  d a multiple of 8, of 16 at 3 bits, whose words would lie across addresses otherwise
//
// kParts is how many groups a thread's eight codes may belong to. 1: groups of 128 and more, and all rows of bytes, whose
// codes lie in order. 4: any group, for a run of two codes lies within one.

#include <cstdint>

#include "core/kernels/cuda/code_words.cuh"
#include "core/kernels/cuda/row_codes.h"

namespace fovea::cuda {

template <int kBits, int kParts, int kLanes>
class CodedRows {
public:
    static constexpr bool kScaled = kParts == 1; // widened rows still lack scale(share)
    struct Share {
        unsigned codes[kCodeWords<kBits>];
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
        loadCodes<kBits, uint2>(bytes + static_cast<std::int64_t>(row) * m_rowBytes, m_place, m_lane,
                                share.codes);
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

    // q − z, times s where a thread has several.
    __device__ __forceinline__ void widen(const Share& share, float (&out)[kElements]) const {
        unsigned words[kCodeWords<kBits>];
        inUnits<kBits>(m_place, share.codes, words);
#pragma unroll
        for (int part = 0; part < kParts; ++part) {
            const float zero = static_cast<float>(static_cast<int>(share.scales[part]) >> 16);
#pragma unroll
            for (int i = 0; i < kPartCodes; ++i) {
                const int k = part * kPartCodes + i;
                const float code = codeLess<kBits>(words, k, zero);
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

    CodePlace m_place;
    int m_lane;
    bool m_held;
    int m_rows, m_rowBytes;
    RowCodes m_codes;
    int m_groups;
};

} // namespace fovea::cuda
