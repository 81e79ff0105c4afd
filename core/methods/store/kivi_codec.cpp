#include "core/methods/store/kivi_codec.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "core/cache/row_form.h"
#include "core/kernels/cpu/kernels.h"
#include "core/methods/quantise/code_run.h"
#include "core/methods/quantise/rtn.h"
#include "core/model/half_float.h"

namespace fovea {

namespace {

constexpr int kBinary16 = 2;

// Scale and least value of a group, as held.
struct Group {
    std::uint16_t scale, least;
};

// What the values of a group reach.
struct Reach {
    float least = std::numeric_limits<float>::infinity(), most = -least;
    bool numbers = true;

    void add(float x) {
        least = std::min(least, x);
        most = std::max(most, x);
        numbers &= std::isfinite(x);
    }
};

// A group that cannot be held has a scale that is no number, and so has what is read of it.
Group groupOf(const KiviParams& p, const Reach& reach) {
    const double range = static_cast<double>(reach.most) - static_cast<double>(reach.least);
    const Group held{toHalf(static_cast<float>(std::max(range, kLeastRange) / p.levels())), toHalf(reach.least)};
    if (reach.numbers && std::isfinite(fromHalf(held.scale)) && std::isfinite(fromHalf(held.least)))
        return held;
    return {toHalf(std::numeric_limits<float>::quiet_NaN()), 0};
}

std::uint8_t codeOf(const KiviParams& p, const Group& group, float x) {
    const double s = fromHalf(group.scale), m = fromHalf(group.least);
    if (std::isnan(s))
        return 0;
    return static_cast<std::uint8_t>(std::clamp(std::nearbyint((x - m) / s), 0., static_cast<double>(p.levels())));
}

std::uint16_t halfAt(const std::byte* side, std::int64_t i) {
    std::uint16_t half = 0;
    std::memcpy(&half, side + kBinary16 * i, kBinary16);
    return half;
}
void putGroup(std::byte* side, std::int64_t groups, std::int64_t i, const Group& group) {
    std::memcpy(side + kBinary16 * i, &group.scale, kBinary16);
    std::memcpy(side + kBinary16 * (groups + i), &group.least, kBinary16);
}

void addLevels(std::vector<float>& to, const KiviParams& p, const Group& group) {
    for (int code = 0; code <= p.levels(); ++code)
        to.push_back(static_cast<float>(code) * fromHalf(group.scale) + fromHalf(group.least));
}

class KeyCodec final : public RowCodec {
public:
    KeyCodec(const KiviParams& params, int dims) : m_params(params), m_even{params.bits, 1}, m_dims(dims) {}
    const EvenCodes* even() const override { return &m_even; }

    void write(std::span<const UncodedRow> rows, std::byte* side) const override {
        Reach reach[kMostRowCodes];
        measure(rows, reach);
        Group groups[kMostRowCodes];
        for (int c = 0; c < m_dims; ++c)
            putGroup(side, m_dims, c, groups[c] = groupOf(m_params, reach[c]));
        std::uint8_t codes[kMostRowCodes];
        for (const UncodedRow& row : rows) {
            for (int c = 0; c < m_dims; ++c)
                codes[c] = codeOf(m_params, groups[c], row.values[c]);
            packCodes(m_params.bits, codes, m_dims, reinterpret_cast<std::uint8_t*>(row.codes));
        }
    }

    void read(std::span<const CodedRow> rows) const override {
        const std::byte* widened = nullptr; // the side that `scales` are of
        float scales[2 * kMostRowCodes];
        for (const CodedRow& row : rows) {
            if (row.side != widened)
                cpu::widen(ElementType::F16, widened = row.side, scales, 2 * m_dims);
            cpu::widenCodes(m_params.bits, row.codes, row.to, 1, m_dims);
            for (int c = 0; c < m_dims; ++c)
                row.to[c] = row.to[c] * scales[c] + scales[m_dims + c];
        }
    }

    LevelGroups levelGroups() const override { return {m_params.levels() + 1, m_params.group, 1}; }
    std::vector<float> levels(std::span<const UncodedRow> rows) const override {
        Reach reach[kMostRowCodes];
        measure(rows, reach);
        std::vector<float> all;
        for (int c = 0; c < m_dims; ++c)
            addLevels(all, m_params, groupOf(m_params, reach[c]));
        return all;
    }

private:
    void measure(std::span<const UncodedRow> rows, Reach* channels) const {
        for (const UncodedRow& row : rows)
            for (int c = 0; c < m_dims; ++c)
                channels[c].add(row.values[c]);
    }

    KiviParams m_params;
    EvenCodes m_even;
    int m_dims;
};

class ValueCodec final : public RowCodec {
public:
    ValueCodec(const KiviParams& params, int dims)
        : m_params(params), m_even{params.bits, params.group}, m_dims(dims),
          m_groups((dims + params.group - 1) / params.group) {}
    const EvenCodes* even() const override { return &m_even; }

    void write(std::span<const UncodedRow> rows, std::byte* side) const override {
        const float* const values = rows[0].values;
        std::uint8_t codes[kMostRowCodes];
        for (int g = 0; g < m_groups; ++g) {
            const Group group = groupAt(values, g);
            putGroup(side, m_groups, g, group);
            for (int c = g * m_params.group; c < endOf(g); ++c)
                codes[c] = codeOf(m_params, group, values[c]);
        }
        packCodes(m_params.bits, codes, m_dims, reinterpret_cast<std::uint8_t*>(rows[0].codes));
    }

    void read(std::span<const CodedRow> rows) const override {
        for (const CodedRow& row : rows) {
            cpu::widenCodes(m_params.bits, row.codes, row.to, 1, m_dims);
            for (int g = 0; g < m_groups; ++g) {
                const float scale = fromHalf(halfAt(row.side, g)), least = fromHalf(halfAt(row.side, m_groups + g));
                for (int c = g * m_params.group; c < endOf(g); ++c)
                    row.to[c] = row.to[c] * scale + least;
            }
        }
    }

    LevelGroups levelGroups() const override { return {m_params.levels() + 1, 1, m_params.group}; }
    std::vector<float> levels(std::span<const UncodedRow> rows) const override {
        std::vector<float> all;
        for (int g = 0; g < m_groups; ++g)
            addLevels(all, m_params, groupAt(rows[0].values, g));
        return all;
    }

private:
    int endOf(int group) const { return std::min((group + 1) * m_params.group, m_dims); }
    Group groupAt(const float* values, int group) const {
        Reach reach;
        for (int c = group * m_params.group; c < endOf(group); ++c)
            reach.add(values[c]);
        return groupOf(m_params, reach);
    }

    KiviParams m_params;
    EvenCodes m_even;
    int m_dims, m_groups;
};

} // namespace

MixedStore kiviStore(const KiviParams& p, int d) {
    const std::int64_t codes = codeBytes(p.bits, d), groups = (d + p.group - 1) / p.group;
    return {.keys = {.sizes = {.codes = codes, .side = 2 * kBinary16 * d, .sharing = p.group},
                     .exact = {.bulk = p.residual}},
            .values = {.sizes = {.codes = codes, .side = 2 * kBinary16 * groups}, .exact = {.newest = p.residual}}};
}

std::shared_ptr<const RowCodec> kiviKeyCodec(const KiviParams& params, int headDim) {
    return std::make_shared<KeyCodec>(params, headDim);
}

std::shared_ptr<const RowCodec> kiviValueCodec(const KiviParams& params, int headDim) {
    return std::make_shared<ValueCodec>(params, headDim);
}

} // namespace fovea
