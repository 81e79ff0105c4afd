#include "core/methods/store/kvquant_codec.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "core/cache/row_form.h"
#include "core/kernels/cpu/table_rows.h"
#include "core/methods/quantise/code_run.h"
#include "core/methods/store/position_turn.h"
#include "core/model/half_float.h"

namespace fovea {

namespace {

using Outlier = cpu::HeldOutlier;
constexpr std::uint16_t kNoChannel = 0xFFFF;
constexpr std::int64_t kRangeBytes = 4; // offset and range in binary16

double held(double x) {
    return fromHalf(toHalf(static_cast<float>(x)));
}

// The q-th quantile of ascending numbers, linear between neighbours.
double quantile(std::span<const float> sorted, double q) {
    const double at = q * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(at), above = std::min(below + 1, sorted.size() - 1);
    const double low = sorted[below], high = sorted[above];
    return low + (high - low) * (at - static_cast<double>(below));
}

class Codec : public RowCodec {
public:
    const cpu::TableCodes* table() const override { return &m_codes; }
    void read(std::span<const CodedRow> rows) const override { cpu::readTable(m_codes, rows); }

protected:
    Codec(const KvquantParams& params, int dims, KvquantLevels levels)
        : m_params(params), m_dims(dims), m_outliers(static_cast<int>(kvquantOutliers(params, dims))),
          m_levels(std::move(levels)), m_table{.bits = params.bits,
                                               .dims = dims,
                                               .outliers = m_outliers,
                                               .tail = params.outliers / 2} {
        m_table.repeat(m_levels.read);
        m_table.chosen = m_levels.levels.data();
        m_codes.levels = &m_table;
    }

    // R·range + offset, ascending.
    void addLevels(std::vector<float>& to, float offset, float range) const {
        const auto first = to.insert(to.end(), m_levels.read.begin(), m_levels.read.end());
        for (auto level = first; level != to.end(); ++level)
            *level = *level * range + offset;
        std::sort(first, to.end());
    }

    // The nearest level, the lower among equals.
    std::uint8_t nearest(double scaled) const {
        std::size_t best = 0;
        for (std::size_t i = 1; i < m_levels.levels.size(); ++i)
            if (std::fabs(scaled - m_levels.levels[i]) < std::fabs(scaled - m_levels.levels[best]))
                best = i;
        return static_cast<std::uint8_t>(best);
    }

    // scaled (d): x' of `values` (d)
    void writeRow(const float* values, const double* scaled, std::byte* codes, std::byte* outliers) const {
        std::uint8_t chosen[kMostRowCodes];
        for (int c = 0; c < m_dims; ++c)
            chosen[c] = nearest(scaled[c]);
        packCodes(m_params.bits, chosen, m_dims, reinterpret_cast<std::uint8_t*>(codes));

        std::uint16_t order[kMostRowCodes];
        for (int c = 0; c < m_dims; ++c)
            order[c] = static_cast<std::uint16_t>(c);
        const int m = std::min(m_outliers, m_dims);
        std::partial_sort(order, order + m, order + m_dims, [&](int a, int b) {
            const double x = std::fabs(scaled[a]), y = std::fabs(scaled[b]);
            return x > y || (x == y && a < b);
        });
        for (int i = 0; i < m_outliers; ++i) {
            Outlier one{0, kNoChannel};
            if (i < m && std::fabs(scaled[order[i]]) > 1)
                one = {toHalf(values[order[i]]), order[i]};
            std::memcpy(outliers + i * sizeof one, &one, sizeof one);
        }
    }
    KvquantParams m_params;
    int m_dims, m_outliers;
    KvquantLevels m_levels;
    cpu::LevelTable m_table;
    cpu::TableCodes m_codes;
};

class KeyCodec final : public Codec {
public:
    KeyCodec(const KvquantParams& params, int dims, KvquantLevels levels,
             std::shared_ptr<const PositionTurn> turn)
        : Codec(params, dims, std::move(levels)), m_turn(std::move(turn)),
          m_offset(m_levels.offset.begin(), m_levels.offset.end()),
          m_range(m_levels.range.begin(), m_levels.range.end()) {
        m_table.offset = m_offset.data();
        m_table.range = m_range.data();
        if (m_turn) {
            m_angles = m_turn->forth();
            m_codes.turn = &m_angles;
        }
    }

    void write(std::span<const UncodedRow> rows, std::byte* side) const override {
        float key[kMostRowCodes];
        double scaled[kMostRowCodes];
        std::copy_n(rows[0].values, m_dims, key);
        if (m_turn)
            m_turn->back(key, rows[0].position);
        for (int c = 0; c < m_dims; ++c) {
            const auto channel = static_cast<std::size_t>(c);
            const double x = (key[c] - m_levels.offset[channel]) / m_levels.range[channel];
            scaled[c] = std::isnan(x) ? 0 : x;
        }
        writeRow(key, scaled, rows[0].codes, side);
    }

    LevelGroups levelGroups() const override { return {m_params.levels(), 0, 1}; }
    std::vector<float> levels(std::span<const UncodedRow>) const override {
        std::vector<float> all;
        for (std::size_t c = 0; c < m_offset.size(); ++c)
            addLevels(all, m_offset[c], m_range[c]);
        return all;
    }

private:
    std::shared_ptr<const PositionTurn> m_turn;
    std::vector<float> m_offset, m_range;
    cpu::TurnTable m_angles;
};

class ValueCodec final : public Codec {
public:
    ValueCodec(const KvquantParams& params, int dims, KvquantLevels levels)
        : Codec(params, dims, std::move(levels)) {}

    void write(std::span<const UncodedRow> rows, std::byte* side) const override {
        const float* const values = rows[0].values;
        if (!std::all_of(values, values + m_dims, [](float x) { return std::isfinite(x); }))
            return writeNone(rows[0], side);
        const HeldRange range = rangeOf(values);
        std::memcpy(side, &range, kRangeBytes);
        const double offset = fromHalf(range.offset), width = fromHalf(range.range);
        double scaled[kMostRowCodes];
        for (int c = 0; c < m_dims; ++c)
            scaled[c] = (values[c] - offset) / width;
        writeRow(values, scaled, rows[0].codes, side + kRangeBytes);
    }

    LevelGroups levelGroups() const override { return {m_params.levels(), 1, m_dims}; }
    std::vector<float> levels(std::span<const UncodedRow> rows) const override {
        const HeldRange held = rangeOf(rows[0].values);
        std::vector<float> all;
        addLevels(all, fromHalf(held.offset), fromHalf(held.range));
        return all;
    }

private:
    // In binary16.
    struct HeldRange {
        std::uint16_t offset, range;
    };
    static_assert(sizeof(HeldRange) == kRangeBytes);

    // A row that no range covers is read as no numbers.
    void writeNone(const UncodedRow& row, std::byte* side) const {
        const double scaled[kMostRowCodes] = {};
        writeRow(row.values, scaled, row.codes, side + kRangeBytes);
        const HeldRange none{toHalf(std::numeric_limits<float>::quiet_NaN()), 0};
        std::memcpy(side, &none, kRangeBytes);
    }

    // Of numbers (d).
    HeldRange rangeOf(const float* values) const {
        float sorted[kMostRowCodes];
        std::copy_n(values, m_dims, sorted);
        std::sort(sorted, sorted + m_dims);
        const std::span<const float> all(sorted, static_cast<std::size_t>(m_dims));
        const double l = quantile(all, m_params.outliers / 2), u = quantile(all, 1 - m_params.outliers / 2);
        return {toHalf(static_cast<float>((u + l) / 2)),
                toHalf(static_cast<float>(std::max((u - l) / 2, kLeastKvRange)))};
    }
};

} // namespace

MixedStore kvquantStore(const KvquantParams& p, int d) {
    const std::int64_t codes = codeBytes(p.bits, d);
    const std::int64_t outliers = kvquantOutliers(p, d) * static_cast<std::int64_t>(sizeof(Outlier));
    return {
        .keys = {.sizes = {.codes = codes, .side = outliers}, .exact = {.first = p.exact}},
        .values = {.sizes = {.codes = codes, .side = kRangeBytes + outliers}, .exact = {.first = p.exact}}};
}

std::shared_ptr<const RowCodec> kvquantKeyCodec(const KvquantParams& params, int headDim,
                                                KvquantLevels levels,
                                                std::shared_ptr<const PositionTurn> turn) {
    for (auto* const table : {&levels.offset, &levels.range})
        for (double& x : *table)
            x = held(x);
    return std::make_shared<KeyCodec>(params, headDim, std::move(levels), std::move(turn));
}

std::shared_ptr<const RowCodec> kvquantValueCodec(const KvquantParams& params, int headDim,
                                                  KvquantLevels levels) {
    return std::make_shared<ValueCodec>(params, headDim, std::move(levels));
}

} // namespace fovea
