#include "core/kernels/cpu/table_rows.h"

#include <algorithm>
#include <cstring>

#include "core/cache/row_form.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/table_rows.cpp"
#include <hwy/foreach_target.h> // IWYU pragma: keep

#include "core/kernels/cpu/level_lookup-inl.h"
#include "core/kernels/cpu/loader-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

// What a row's levels are multiplied by and moved by: each channel its own, or all the row's.
struct ChannelRanges {
    const float *offset, *range;

    template <class D>
    HWY_INLINE hn::Vec<D> apply(D d, hn::Vec<D> level, std::int64_t c) const {
        return hn::MulAdd(level, hn::LoadU(d, range + c), hn::LoadU(d, offset + c));
    }
    float apply(float level, std::int64_t c) const { return level * range[c] + offset[c]; }
};
struct RowRange {
    float offset, range;

    template <class D>
    HWY_INLINE hn::Vec<D> apply(D d, hn::Vec<D> level, std::int64_t) const {
        return hn::MulAdd(level, hn::Set(d, range), hn::Set(d, offset));
    }
    float apply(float level, std::int64_t) const { return level * range + offset; }
};

template <int kBits, int kLanes, int kRun, class D, class Levels, class Range>
HWY_INLINE void readRuns(D d, const typename Codes<kBits>::template Words<D>& words, const Levels& levels,
                         const Range& range, std::int64_t at, float* to) {
    const std::int64_t c = at + kRun * kLanes;
    hn::StoreU(range.apply(d, levels.of(codeBits<kBits, kRun>(d, words)), c), d, to + c);
    if constexpr (kRun + 1 < kRunsPerUnit)
        readRuns<kBits, kLanes, kRun + 1>(d, words, levels, range, at, to);
}

template <int kBits, class Range>
HWY_INLINE void readLevelRow(const LevelTable& table, const std::uint8_t* codes, const Range& range,
                             float* to) {
    const std::int64_t whole = forEachUnit<kBits>(
        codes, table.dims, [&](std::int64_t at, const std::uint8_t* unit, auto lanes) HWY_ATTR {
            const hn::CappedTag<float, lanes()> d;
            const LevelsOf<kBits, decltype(d)> levels(d, table.levels);
            for (int lane = 0; lane < lanes(); lane += static_cast<int>(hn::Lanes(d)))
                readRuns<kBits, lanes(), 0>(d, Codes<kBits>::template load<lanes()>(d, unit, lane), levels,
                                            range, at + lane, to);
        });
    for (std::int64_t c = whole; c < table.dims; ++c)
        to[c] = range.apply(
            table.levels[static_cast<int>(lastCode<kBits>(codes + whole * kBits / 8, c - whole))], c);
}

// Outliers of all rows after the codes of all: a vector that is stored waits if a part of it is written anew at once.
HWY_INLINE void putOutliers(const LevelTable& table, std::int64_t before, std::span<const CodedRow> rows) {
    const Single one;
    for (const CodedRow& row : rows) {
        const auto* const held = reinterpret_cast<const hwy::float16_t*>(row.side + before);
        for (int i = 0; i < table.outliers; ++i) {
            std::uint16_t channel = 0;
            std::memcpy(&channel, held + 2 * i + 1, sizeof channel);
            const bool is = channel < table.dims;
            float none;
            float* const places[] = {&none,
                                     row.to + is * channel}; // no branch: nobody could tell where it goes
            hn::StoreU(F16Loader::load(one, held + 2 * i), one, places[is]);
        }
    }
}

void readLevelsTarget(const LevelTable& table, std::span<const CodedRow> rows) {
    ofLevelBits(table.bits, [&](auto bits) HWY_ATTR {
        for (const CodedRow& row : rows) {
            const auto* const codes = reinterpret_cast<const std::uint8_t*>(row.codes);
            if (table.range) {
                readLevelRow<bits()>(table, codes, ChannelRanges{table.offset, table.range}, row.to);
            } else {
                const auto* const own = reinterpret_cast<const hwy::float16_t*>(row.side);
                const RowRange range{hn::GetLane(F16Loader::load(Single(), own)),
                                     hn::GetLane(F16Loader::load(Single(), own + 1))};
                readLevelRow<bits()>(table, codes, range, row.to);
            }
        }
    });
    putOutliers(table, table.range ? 0 : 2 * static_cast<std::int64_t>(sizeof(std::uint16_t)), rows);
}

// Numbers of b bits one after the other, from the lowest bit of a byte on.
class CodeString {
public:
    static constexpr std::int64_t kBeyond = sizeof(std::uint32_t); // bytes read where a code begins

    // n codes
    CodeString(const std::byte* codes, int bits, std::int64_t n) : m_bits(bits) {
        const auto bytes = static_cast<std::size_t>(codeBytes(bits, n));
        std::memcpy(m_codes, codes, bytes);
        std::memset(m_codes + bytes, 0, kBeyond);
    }
    HWY_INLINE std::uint32_t operator[](std::int64_t i) const {
        std::uint32_t word;
        std::memcpy(&word, m_codes + i * m_bits / 8, sizeof word);
        return word >> i * m_bits % 8 & ((1u << m_bits) - 1);
    }

private:
    int m_bits;
    std::byte m_codes[2 * kMostRowCodes + kBeyond];
};
struct CodeBytes {
    const std::byte* codes;
    CodeBytes(const std::byte* from, int, std::int64_t) : codes(from) {}
    HWY_INLINE std::uint32_t operator[](std::int64_t i) const {
        return std::to_integer<std::uint32_t>(codes[i]);
    }
};

// Two centroids of four channels are widened together where there is an instruction for eight. Returns how many there were.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
template <class CodesOf>
HWY_INLINE std::int64_t readPairs(const CodesOf& codes, std::int64_t groups, const hwy::float16_t* group,
                                  std::int64_t groupSize, float* to) {
    const hn::CappedTag<float, 8> d;
    const hn::Rebind<hwy::float16_t, decltype(d)> halves;
    const hn::Repartition<std::uint16_t, decltype(halves)> whole;
    const hn::Half<decltype(whole)> part;
    const auto at = [&](std::int64_t g, int off) HWY_ATTR {
        return hn::LoadU(part, reinterpret_cast<const std::uint16_t*>(group + off * groupSize) +
                                   4 * codes[g + off]);
    };
    std::int64_t g = 0;
    for (; g + 2 <= groups; g += 2, group += 2 * groupSize, to += 8)
        hn::StoreU(hn::PromoteTo(d, hn::BitCast(halves, hn::Combine(whole, at(g, 1), at(g, 0)))), d, to);
    return g;
}
#endif

template <int kChannels, class CodesOf>
HWY_INLINE void readCentroidRow(const CentroidTable& table, const CodedRow& row) {
    const hn::CappedTag<float, kChannels> d;
    const std::int64_t groups = table.dims / kChannels, groupSize = std::int64_t{kChannels} << table.bits;
    const auto* group = reinterpret_cast<const hwy::float16_t*>(table.centroids);
    float* to = row.to;
    const CodesOf codes(row.codes, table.bits, groups);
    std::int64_t g = 0;
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
    if constexpr (kChannels == 4) {
        g = readPairs(codes, groups, group, groupSize, to);
        group += g * groupSize;
        to += g * kChannels;
    }
#endif
    for (; g < groups; ++g, group += groupSize, to += kChannels) {
        const auto* const from = group + std::int64_t{codes[g]} * kChannels;
        for (int c = 0; c < kChannels; c += static_cast<int>(hn::MaxLanes(d)))
            hn::StoreU(F16Loader::load(d, from + c), d, to + c);
    }
}

template <class CodesOf>
HWY_INLINE void readCentroidRows(const CentroidTable& table, std::span<const CodedRow> rows) {
    const auto all = [&](auto channels) HWY_ATTR {
        for (const CodedRow& row : rows)
            readCentroidRow<channels(), CodesOf>(table, row);
    };
    switch (table.channels) {
    case 1:
        return all(std::integral_constant<int, 1>());
    case 2:
        return all(std::integral_constant<int, 2>());
    case 4:
        return all(std::integral_constant<int, 4>());
    default:
        return all(std::integral_constant<int, 8>());
    }
}

void readCentroidsTarget(const CentroidTable& table, std::span<const CodedRow> rows) {
    if (table.bits == 8)
        readCentroidRows<CodeBytes>(table, rows);
    else
        readCentroidRows<CodeString>(table, rows);
}

template <class D>
HWY_INLINE void turnPairs(D d, const float* far, const float* near, std::int64_t half, std::int64_t i,
                          float* row) {
    const auto farCos = hn::LoadU(d, far + i), farSin = hn::LoadU(d, far + half + i);
    const auto nearCos = hn::LoadU(d, near + i), nearSin = hn::LoadU(d, near + half + i);
    const auto cosine = hn::NegMulAdd(farSin, nearSin, hn::Mul(farCos, nearCos));
    const auto sine = hn::MulAdd(farSin, nearCos, hn::Mul(farCos, nearSin));
    const auto x = hn::LoadU(d, row + i), y = hn::LoadU(d, row + half + i);
    hn::StoreU(hn::NegMulAdd(y, sine, hn::Mul(x, cosine)), d, row + i);
    hn::StoreU(hn::MulAdd(x, sine, hn::Mul(y, cosine)), d, row + half + i);
}

void turnRowsTarget(const TurnTable& table, std::span<const CodedRow> rows) {
    const Widest d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    for (const CodedRow& row : rows) {
        const float* const far = table.far + row.position / kTurnNear * 2 * table.half;
        const float* const near = table.near + row.position % kTurnNear * 2 * table.half;
        std::int64_t i = 0;
        for (; i + lanes <= table.half; i += lanes)
            turnPairs(d, far, near, table.half, i, row.to);
        for (; i < table.half; ++i)
            turnPairs(Single(), far, near, table.half, i, row.to);
    }
}

} // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(readLevelsTarget);
HWY_EXPORT(readCentroidsTarget);
HWY_EXPORT(turnRowsTarget);

void readLevels(const LevelTable& table, std::span<const CodedRow> rows) {
    HWY_DYNAMIC_DISPATCH(readLevelsTarget)(table, rows);
}

void readCentroids(const CentroidTable& table, std::span<const CodedRow> rows) {
    HWY_DYNAMIC_DISPATCH(readCentroidsTarget)(table, rows);
}

void turnRows(const TurnTable& table, std::span<const CodedRow> rows) {
    HWY_DYNAMIC_DISPATCH(turnRowsTarget)(table, rows);
}

} // namespace fovea::cpu
#endif
