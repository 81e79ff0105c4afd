// What the definitions make of the rows of a MixedAppendCase.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "core/methods/quantise/code_run.h"
#include "core/model/half_float.h"
#include "tests/core/kernels/cuda/mixed_append_case.h"
#include "tests/core/kernels/cuda/stored_elements.h"

namespace fovea::cuda {
namespace {

std::size_t index(std::int64_t i) {
    return static_cast<std::size_t>(i);
}

float half(const unsigned char* bytes, std::int64_t i) {
    std::uint16_t bits;
    std::memcpy(&bits, bytes + 2 * i, 2);
    return fromHalf(bits);
}

std::string atComponent(const char* what, int c) {
    return std::string(what) + " of component " + std::to_string(c);
}

} // namespace

std::string MixedAppendCase::difference() const {
    for (const bool keys : {true, false})
        for (int head = 0; head < kHeads; ++head)
            for (std::int64_t slot = 0; slot < slots(); ++slot)
                if (const std::string why = compare(keys, head, slot); !why.empty())
                    return std::string(keys ? "key " : "value ") + std::to_string(slot) + " of KV head " +
                           std::to_string(head) + ": " + why;
    return m_shape.beside ? compareBeside() : "";
}

std::string MixedAppendCase::compare(bool keys, int kvHead, std::int64_t slot) const {
    const Part& part = keys ? m_keys : m_values;
    const std::int64_t blocks = (slots() + kPerBlock - 1) / kPerBlock;
    const std::int32_t place = part.places[index(kvHead * blocks * kPerBlock + slot)];
    const bool coded = isDue(part, slot) || (slot == kLive && !m_shape.exact);
    if ((place < 0) != coded)
        return "its place is " + std::to_string(place);
    const float* const raw = row(part, kvHead, slot);
    if (place >= 0) {
        const auto e = index(elementBytes(m_shape.type));
        for (int c = 0; c < m_shape.headDim; ++c)
            if (loadElement(m_shape.type,
                            part.pools[index(kvHead)].data() + index(place * m_shape.headDim + c) * e) !=
                rounded(m_shape.type, raw[c]))
                return atComponent("the exact row", c);
        return "";
    }
    const int recordBytes = codeBytes() + sideBytes(keys);
    const unsigned char* const record =
        part.records[index(kvHead * blocks + slot / kPerBlock)].data() + slot % kPerBlock * recordBytes;
    if (m_shape.rows.kind == MixedKind::Kivi)
        return compareKivi(keys, kvHead, slot, record);
    std::vector<float> held(raw, raw + m_shape.headDim); // what was exact for a while is rounded
    for (float& x : held)
        x = isDue(part, slot) ? rounded(m_shape.type, x) : x;
    const std::vector<double> x =
        keys ? beforeRope(held.data(), kFirst + slot) : std::vector<double>(held.begin(), held.end());
    return m_shape.rows.kind == MixedKind::Kvquant ? compareKvquant(keys, kvHead, x, record)
                                                   : compareCq(keys, kvHead, x, record);
}

std::vector<double> MixedAppendCase::beforeRope(const float* row, std::int64_t position) const {
    std::vector<double> x(row, row + m_shape.headDim);
    const int n = m_shape.rows.half;
    const double angle = static_cast<double>(position) * kFrequency;
    for (int i = 0; i < n; ++i) {
        const double a = row[i], b = row[n + i];
        x[index(i)] = (a * std::cos(angle) + b * std::sin(angle)) / kFactor;
        x[index(n + i)] = (b * std::cos(angle) - a * std::sin(angle)) / kFactor;
    }
    return x;
}

// s = (max − m)/Q, m = min, both in binary16; q the nearest code under them.
std::string MixedAppendCase::compareKivi(bool keys, int kvHead, std::int64_t slot,
                                         const unsigned char* record) const {
    const Part& part = keys ? m_keys : m_values;
    const int d = m_shape.headDim, size = m_shape.rows.group, levels = (1 << m_shape.rows.bits) - 1;
    std::vector<std::uint8_t> codes(index(d));
    unpackCodes(m_shape.rows.bits, record, d, codes.data());
    const auto own = std::find(part.due.begin(), part.due.end(), slot) - part.due.begin();
    const std::int64_t side = own / kRowsOfSide;
    const std::int64_t sideBlocks = std::ssize(part.sides) / kHeads;
    for (int c = 0; c < d; ++c) {
        float least = std::numeric_limits<float>::infinity(), most = -least;
        const auto reach = [&](float x) {
            least = std::min(least, rounded(m_shape.type, x));
            most = std::max(most, rounded(m_shape.type, x));
        };
        const unsigned char* held = record + codeBytes();
        std::int64_t at = c / size, groups = (d + size - 1) / size;
        if (keys) {
            for (std::int64_t i = side * kRowsOfSide;
                 i < std::min((side + 1) * kRowsOfSide, std::ssize(part.due)); ++i)
                reach(row(part, kvHead, part.due[index(i)])[c]);
            held = part.sides[index(kvHead * sideBlocks + side / kSidesPerBlock)].data() +
                   side % kSidesPerBlock * 4 * d;
            at = c;
            groups = d;
        } else {
            for (int i = c / size * size; i < std::min((c / size + 1) * size, d); ++i)
                reach(row(part, kvHead, slot)[i]);
        }
        const double range = std::max(double{most} - double{least}, 1e-5); // of a constant group
        const float s = fromHalf(toHalf(static_cast<float>(range / levels))), m = fromHalf(toHalf(least));
        if (half(held, at) != s || half(held, groups + at) != m)
            return atComponent("scale and least", c);
        const double x = rounded(m_shape.type, row(part, kvHead, slot)[c]);
        if (codes[index(c)] != std::clamp(std::nearbyint((x - m) / s), 0., static_cast<double>(levels)))
            return atComponent("code", c);
    }
    return "";
}

// The nearest level to x' = (x − offset)/range; of those beyond ±1 the farthest stay as they are.
std::string MixedAppendCase::compareKvquant(bool keys, int kvHead, const std::vector<double>& x,
                                            const unsigned char* record) const {
    const Part& part = keys ? m_keys : m_values;
    const int d = m_shape.headDim, m = m_shape.rows.outliers;
    const unsigned char* side = record + codeBytes();
    double offset = 0, range = 0;
    if (!keys) {
        std::vector<double> sorted = x;
        std::sort(sorted.begin(), sorted.end());
        const auto quantile = [&](double q) {
            const double at = q * (d - 1), low = std::floor(at);
            const double below = sorted[index(static_cast<std::int64_t>(low))];
            return below + (sorted[index(std::min<std::int64_t>(static_cast<std::int64_t>(low) + 1, d - 1))] -
                            below) *
                               (at - low);
        };
        offset = fromHalf(toHalf(static_cast<float>((quantile(1 - kTail) + quantile(kTail)) / 2)));
        range = fromHalf(toHalf(static_cast<float>((quantile(1 - kTail) - quantile(kTail)) / 2)));
        if (half(side, 0) != static_cast<float>(offset) || half(side, 1) != static_cast<float>(range))
            return "offset and range";
        side += 4;
    }
    std::vector<std::uint8_t> codes(index(d));
    unpackCodes(m_shape.rows.bits, record, d, codes.data());
    std::vector<double> scaled;
    for (int c = 0; c < d; ++c) {
        if (keys) {
            offset = part.ranges[index(kvHead * 2 * d + c)];
            range = part.ranges[index(kvHead * 2 * d + d + c)];
        }
        scaled.push_back((x[index(c)] - offset) / range);
        double nearest = std::numeric_limits<double>::infinity();
        for (int i = 0; i < 1 << m_shape.rows.bits; ++i)
            nearest = std::min(nearest, std::abs(scaled.back() - part.chosen[index(i)]));
        if (std::abs(scaled.back() - part.chosen[codes[index(c)]]) > nearest + 1e-5)
            return atComponent("level", c);
    }
    std::vector<int> order(index(d));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](int a, int b) { return std::abs(scaled[index(a)]) > std::abs(scaled[index(b)]); });
    for (int i = 0; i < m; ++i) {
        const int c = order[index(i)];
        std::uint16_t channel;
        std::memcpy(&channel, side + 4 * i + 2, 2);
        const bool is = std::abs(scaled[index(c)]) > 1;
        if (channel != (is ? c : 0xffff))
            return atComponent("outlier", c);
        if (is && std::abs(half(side, 2 * i) - x[index(c)]) > 2e-3 * std::abs(x[index(c)]) + 1e-6)
            return atComponent("an outlier's value", c);
    }
    return "";
}

std::string MixedAppendCase::compareCq(bool keys, int kvHead, const std::vector<double>& x,
                                       const unsigned char* record) const {
    const Part& part = keys ? m_keys : m_values;
    const int channels = m_shape.rows.channels, bits = m_shape.rows.bits;
    for (int g = 0; g < m_shape.headDim / channels; ++g) {
        int code = 0;
        for (int bit = 0; bit < bits; ++bit)
            code |= (record[(g * bits + bit) / 8] >> (g * bits + bit) % 8 & 1) << bit;
        const auto apart = [&](int k) {
            double sum = 0;
            for (int c = 0; c < channels; ++c) {
                const auto first = index((std::int64_t{kvHead} * m_shape.headDim + g * channels) << bits);
                const double by =
                    x[index(g * channels + c)] - fromHalf(part.centroids[first + index(k * channels + c)]);
                sum += by * by;
            }
            return sum;
        };
        double nearest = apart(0);
        for (int k = 1; k < 1 << bits; ++k)
            nearest = std::min(nearest, apart(k));
        if (apart(code) > nearest + 1e-5)
            return "centroid of group " + std::to_string(g);
    }
    return "";
}

// The sum of values is one of what rows stand for; what bounds a key it is within; its copy is of the raw one.
std::string MixedAppendCase::compareBeside() const {
    const int d = m_shape.headDim;
    const auto e = index(elementBytes(m_shape.type));
    const std::int64_t blocks = (slots() + kPerBlock - 1) / kPerBlock;
    for (int head = 0; head < kHeads; ++head)
        for (int c = 0; c < d; ++c) {
            const auto block = index(head * blocks + kLive / kPerBlock) * index(kPerBlock * d);
            const float copy = loadElement(
                m_shape.type, m_columns.data() + (block + index(c * kPerBlock + kLive % kPerBlock)) * e);
            if (copy != rounded(m_shape.type, row(m_keys, head, kLive)[c]))
                return atComponent("the copy", c);
            double sum = 0; // within what coding may change
            for (std::int64_t slot = 0; slot < slots(); ++slot)
                sum += row(m_values, head, slot)[c];
            if (std::abs(m_sums[index(head * d + c)] - sum) > 4.0 * (1 + m_shape.due))
                return atComponent("the sum", c);
        }
    return "";
}

} // namespace fovea::cuda
