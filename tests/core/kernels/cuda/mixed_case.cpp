#include "tests/core/kernels/cuda/mixed_case.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "core/methods/quantise/code_run.h"
#include "core/model/half_float.h"
#include "tests/core/kernels/cuda/stored_elements.h"

namespace fovea::cuda {
namespace {

constexpr int kSidesPerBlock = 3; // so that there are several blocks
constexpr int kRowsOfSide = 5;    // that share one
constexpr std::int32_t kNowhere = 1 << 28;
constexpr float kFactor = 1.25f; // on turned keys
constexpr std::uint16_t kNoNumber = 0x7e00, kNoChannel = 0xffff;
constexpr std::int64_t kMostPosition = 4096;

std::size_t index(std::int64_t i) {
    return static_cast<std::size_t>(i);
}

template <class T>
T* keep(MixedOnMachine& to, const std::vector<T>& values) {
    to.buffers.push_back(machine::upload(values));
    return static_cast<T*>(to.buffers.back().data());
}

// Codes of b bits, the lowest bit of a byte first.
std::vector<unsigned char> stringOf(const std::vector<std::uint16_t>& codes, int bits) {
    std::vector<unsigned char> bytes((codes.size() * index(bits) + 7) / 8, 0);
    for (std::size_t i = 0; i < codes.size() * index(bits); ++i)
        bytes[i / 8] = static_cast<unsigned char>(bytes[i / 8] |
                                                  (codes[i / index(bits)] >> i % index(bits) & 1) << i % 8);
    return bytes;
}

} // namespace

std::string MixedShape::text() const {
    const char* const names[] = {"none", "KIVI", "KVQuant", "CQ"};
    return std::string(names[static_cast<int>(kind)]) + " bits=" + std::to_string(bits) +
           " group=" + std::to_string(group) + " channels=" + std::to_string(channels) +
           " outliers=" + std::to_string(outliers) + " half=" + std::to_string(half) +
           " exact=" + std::to_string(exactShare);
}

const std::vector<MixedShape>& mixedShapes() {
    using Kind = MixedKind;
    static const std::vector<MixedShape> shapes = {
        {Kind::Kivi, 8, 32},
        {Kind::Kivi, 4, 64},
        {Kind::Kivi, 3, 128},
        {Kind::Kivi, 2, 32},
        {.kind = Kind::Kvquant, .bits = 4, .outliers = 3, .half = 16},
        {.kind = Kind::Kvquant, .bits = 3, .outliers = 1, .half = 8},
        {.kind = Kind::Kvquant, .bits = 2, .outliers = 0, .half = 0},
        {.kind = Kind::Cq, .bits = 8, .channels = 4, .half = 16},
        {.kind = Kind::Cq, .bits = 8, .channels = 8, .half = 12},
        {.kind = Kind::Cq, .bits = 5, .channels = 2, .half = 0},
        {.kind = Kind::Cq, .bits = 3, .channels = 1, .half = 16},
        {.kind = Kind::Cq, .bits = 10, .channels = 8, .half = 16},
    };
    return shapes;
}

MixedCase::MixedCase(const Geometry& geometry, const MixedShape& shape,
                     const std::vector<std::int64_t>& positions, unsigned seed)
    : m_geometry(geometry), m_shape(shape), m_positions(positions) {
    for (int g = 0; g < geometry.kvHeads; ++g) {
        m_keys.push_back(madeUp(true, seed * 64 + 2 * static_cast<unsigned>(g)));
        m_values.push_back(madeUp(false, seed * 64 + 2 * static_cast<unsigned>(g) + 1));
    }
}

int MixedCase::codeBytes() const {
    const bool cq = m_shape.kind == MixedKind::Cq;
    return static_cast<int>(
        fovea::codeBytes(m_shape.bits, cq ? m_geometry.headDim / m_shape.channels : m_geometry.headDim));
}

int MixedCase::sideHalves(bool keys) const {
    if (m_shape.kind == MixedKind::Kivi)
        return keys ? 0 : 2 * ((m_geometry.headDim + m_shape.group - 1) / m_shape.group);
    return m_shape.kind == MixedKind::Kvquant ? (keys ? 0 : 2) + 2 * m_shape.outliers : 0;
}

MixedCase::Part MixedCase::madeUp(bool keys, unsigned seed) const {
    const int d = m_geometry.headDim, levels = 1 << m_shape.bits;
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    const auto chance = [&](double p) { return std::uniform_real_distribution<double>()(random) < p; };
    // A scale for each of n groups, and then what its codes begin at.
    const auto scales = [&](int n) {
        std::vector<std::uint16_t> side(index(2 * n));
        for (int i = 0; i < n; ++i) {
            side[index(i)] = toHalf((.2f + std::abs(normal(random))) * 3 / static_cast<float>(levels));
            side[index(n + i)] = toHalf(normal(random) - 2);
        }
        return side;
    };
    Part part;
    if (m_shape.kind == MixedKind::Kvquant) {
        for (int i = 0; i < levels; ++i)
            part.levels.push_back(2 * static_cast<float>(i) / static_cast<float>(levels - 1) - .9f);
        for (int c = 0; keys && c < 2 * d; ++c)
            part.ranges.push_back(c < d ? normal(random) : .5f + std::abs(normal(random)));
    }
    if (m_shape.kind == MixedKind::Cq)
        for (int i = 0; i < d * levels; ++i)
            part.centroids.push_back(toHalf(normal(random)));
    const bool shared = m_shape.kind == MixedKind::Kivi && keys;
    const std::int64_t sides = (m_geometry.slots + kRowsOfSide - 1) / kRowsOfSide;
    for (std::int64_t i = 0; shared && i < sides; ++i)
        part.sides.push_back(scales(d));
    std::int32_t exact = 0;
    for (std::int64_t slot = 0; slot < m_geometry.slots; ++slot) {
        Row row;
        if (chance(m_shape.exactShare)) {
            row.place = exact++;
            for (int c = 0; c < d; ++c)
                row.exact.push_back(rounded(m_geometry.type, normal(random)));
        } else if (shared) // in an order of their own
            row.place = static_cast<std::int32_t>(kOwnPlace - 1 - (sides - 1 - slot / kRowsOfSide));
        const int codes = m_shape.kind == MixedKind::Cq ? d / m_shape.channels : d;
        for (int c = 0; c < codes; ++c) // the last of many levels nobody has but who is spoilt
            row.codes.push_back(static_cast<std::uint16_t>(
                random() % static_cast<unsigned>(std::max(2, levels - (levels > 2)))));
        if (m_shape.kind == MixedKind::Kivi && !keys)
            row.side = scales((d + m_shape.group - 1) / m_shape.group);
        if (m_shape.kind == MixedKind::Kvquant) {
            if (!keys)
                row.side = {toHalf(normal(random)), toHalf(.5f + std::abs(normal(random)))};
            for (int i = 0; i < m_shape.outliers; ++i) {
                row.side.push_back(toHalf(5 * normal(random)));
                row.side.push_back(chance(.5) ? static_cast<std::uint16_t>(i * d / m_shape.outliers)
                                              : kNoChannel);
            }
        }
        part.rows.push_back(std::move(row));
    }
    return part;
}

std::vector<double> MixedCase::decoded(bool keys, const Part& part, const Row& row) const {
    const int d = m_geometry.headDim;
    std::vector<double> x(index(d));
    for (int c = 0; c < d; ++c) {
        const auto at = index(c);
        if (m_shape.kind == MixedKind::Cq) {
            const int g = c / m_shape.channels;
            x[at] = fromHalf(part.centroids[index(
                ((g << m_shape.bits) + row.codes[index(g)]) * m_shape.channels + c % m_shape.channels)]);
        } else if (m_shape.kind == MixedKind::Kvquant) {
            const double level = part.levels[row.codes[at]];
            x[at] = keys ? level * part.ranges[index(d + c)] + part.ranges[at]
                         : level * fromHalf(row.side[1]) + fromHalf(row.side[0]);
        } else {
            const auto& side = keys ? part.sides[index(kOwnPlace - 1 - row.place)] : row.side;
            const std::size_t n = side.size() / 2, g = keys ? at : at / index(m_shape.group);
            x[at] = row.codes[at] * static_cast<double>(fromHalf(side[g])) + fromHalf(side[n + g]);
        }
    }
    if (m_shape.kind == MixedKind::Kvquant)
        for (std::size_t i = keys ? 0 : 2; i < row.side.size(); i += 2)
            if (row.side[i + 1] < d)
                x[row.side[i + 1]] = fromHalf(row.side[i]);
    return x;
}

double MixedCase::frequency(int pair) const {
    return std::pow(100.0, -static_cast<double>(pair) / m_shape.half);
}

void MixedCase::turn(std::vector<double>& row, std::int64_t position) const {
    for (int i = 0; i < m_shape.half; ++i) {
        const double angle = static_cast<double>(position) * frequency(i);
        const double cosine = kFactor * std::cos(angle), sine = kFactor * std::sin(angle);
        const double x = row[index(i)], y = row[index(m_shape.half + i)];
        row[index(i)] = x * cosine - y * sine;
        row[index(m_shape.half + i)] = y * cosine + x * sine;
    }
}

std::vector<float> MixedCase::rows(bool keys) const {
    std::vector<float> all;
    for (int g = 0; g < m_geometry.kvHeads; ++g)
        for (std::int64_t slot = 0; slot < m_geometry.slots; ++slot) {
            const Row& row = part(keys, g).rows[index(slot)];
            if (row.place >= 0) {
                all.insert(all.end(), row.exact.begin(), row.exact.end());
                continue;
            }
            std::vector<double> x = decoded(keys, part(keys, g), row);
            if (keys)
                turn(x, m_positions[index(g * m_geometry.slots + slot)]);
            for (const double number : x)
                all.push_back(static_cast<float>(number));
        }
    return all;
}

void MixedCase::spoil(bool keys, int kvHead, std::int64_t slot) {
    Part& of = (keys ? m_keys : m_values)[index(kvHead)];
    Row& row = of.rows[index(slot)];
    const auto none = static_cast<std::size_t>((1 << m_shape.bits) - 1);
    if (row.place >= 0)
        row.exact[3] = std::numeric_limits<float>::quiet_NaN();
    else if (m_shape.kind == MixedKind::Cq) { // a centroid that no other row has
        row.codes[0] = static_cast<std::uint16_t>(none);
        of.centroids[none * index(m_shape.channels)] = kNoNumber;
    } else if (m_shape.kind == MixedKind::Kivi && keys)
        of.sides[index(kOwnPlace - 1 - row.place)][2] = kNoNumber;
    else if (keys) {
        row.codes[2] = static_cast<std::uint16_t>(none);
        of.levels[none] = std::numeric_limits<float>::quiet_NaN();
    } else
        row.side[0] = kNoNumber;
}

bool MixedCase::sameSide(int kvHead, std::int64_t a, std::int64_t b) const {
    const auto& rows = part(true, kvHead).rows;
    return a == b || (rows[index(a)].place < kOwnPlace && rows[index(a)].place == rows[index(b)].place);
}

std::vector<unsigned char> MixedCase::recordOf(bool keys, const Row& row) const {
    std::vector<unsigned char> record;
    if (m_shape.kind == MixedKind::Cq) {
        record = stringOf(row.codes, m_shape.bits);
    } else {
        const std::vector<std::uint8_t> codes(row.codes.begin(), row.codes.end());
        record.resize(index(codeBytes()));
        packCodes(m_shape.bits, codes.data(), m_geometry.headDim, record.data());
    }
    const std::size_t at = record.size();
    record.resize(at + 2 * index(sideHalves(keys)));
    std::memcpy(record.data() + at, row.side.data(), record.size() - at);
    return record;
}

MixedOnMachine MixedCase::upload(const std::vector<std::int64_t>& live, unsigned char behind) const {
    MixedOnMachine to;
    MixedBlocks& blocks = to.blocks;
    blocks.kind = m_shape.kind;
    blocks.bits = m_shape.bits;
    blocks.group = m_shape.group;
    blocks.outliers = m_shape.outliers;
    blocks.channels = m_shape.channels;
    blocks.capacity = m_geometry.slots;
    blocks.positions = keep(to, m_positions);
    uploadTurn(to);
    uploadPart(true, live, behind, to);
    uploadPart(false, live, behind, to);
    return to;
}

void MixedCase::uploadTurn(MixedOnMachine& to) const {
    TurnAngles& turn = to.blocks.turn;
    turn.half = m_shape.half;
    turn.factor = kFactor;
    const auto table = [&](std::int64_t rows, std::int64_t step, double factor) {
        std::vector<float> angles;
        for (std::int64_t row = 0; row < rows; ++row)
            for (int i = 0; i < 2 * m_shape.half; ++i) {
                const double angle = static_cast<double>(row * step) * frequency(i % m_shape.half);
                angles.push_back(
                    static_cast<float>(factor * (i < m_shape.half ? std::cos(angle) : std::sin(angle))));
            }
        return keep(to, angles);
    };
    turn.far = table(kMostPosition / kTurnNear + 1, kTurnNear, kFactor);
    turn.near = table(kTurnNear, 1, 1);
}

void MixedCase::uploadTables(bool keys, MixedPart& to, MixedOnMachine& all) const {
    std::vector<float> levels, ranges;
    std::vector<std::uint16_t> centroids;
    for (int g = 0; g < m_geometry.kvHeads; ++g) {
        const Part& from = part(keys, g);
        for (int i = 0; i < kLevelsRoom && !from.levels.empty(); ++i)
            levels.push_back(from.levels[index(i) % from.levels.size()]);
        ranges.insert(ranges.end(), from.ranges.begin(), from.ranges.end());
        centroids.insert(centroids.end(), from.centroids.begin(), from.centroids.end());
    }
    to.levels = keep(all, levels);
    to.ranges = keep(all, ranges);
    to.centroids = keep(all, centroids);
}

void MixedCase::uploadPart(bool keys, const std::vector<std::int64_t>& live, unsigned char behind,
                           MixedOnMachine& to) const {
    const int d = m_geometry.headDim, perBlock = m_geometry.slotsPerBlock;
    MixedPart& form = keys ? to.blocks.keys : to.blocks.values;
    form.codeBytes = codeBytes();
    form.recordBytes = codeBytes() + 2 * sideHalves(keys);
    const bool shared = m_shape.kind == MixedKind::Kivi && keys;
    form.sideBytes = shared ? 4 * d : 0;
    form.sidesPerBlock = shared ? kSidesPerBlock : 0;
    std::vector<std::int32_t> places;
    std::vector<const void*> blocks;
    std::vector<void*> pools, sides;
    for (int g = 0; g < m_geometry.kvHeads; ++g) {
        const Part& from = part(keys, g);
        std::vector<float> exact;
        for (std::int64_t slot = 0; slot < m_geometry.slots; ++slot) {
            const Row& row = from.rows[index(slot)];
            places.push_back(slot < live[index(g)] ? row.place : kNowhere);
            exact.insert(exact.end(), row.exact.begin(), row.exact.end());
        }
        pools.push_back(keep(to, stored(m_geometry.type, exact)));
        for (std::int64_t first = 0; first < m_geometry.slots; first += perBlock) {
            std::vector<unsigned char> block(index(perBlock * form.recordBytes), behind);
            for (std::int64_t row = 0; row < perBlock && first + row < live[index(g)]; ++row) {
                const auto record = recordOf(keys, from.rows[index(first + row)]);
                std::copy(record.begin(), record.end(),
                          block.begin() + static_cast<std::ptrdiff_t>(row * form.recordBytes));
            }
            blocks.push_back(keep(to, block));
        }
        for (std::size_t first = 0; first < from.sides.size(); first += kSidesPerBlock) {
            std::vector<std::uint16_t> block(index(kSidesPerBlock * 2 * d), kNoNumber);
            for (std::size_t i = 0; i < kSidesPerBlock && first + i < from.sides.size(); ++i)
                std::copy(from.sides[first + i].begin(), from.sides[first + i].end(),
                          block.begin() + static_cast<std::ptrdiff_t>(i * index(2 * d)));
            sides.push_back(keep(to, block));
        }
        form.sideBlocksPerHead =
            static_cast<std::int64_t>((from.sides.size() + kSidesPerBlock - 1) / kSidesPerBlock);
    }
    form.places = keep(to, places);
    form.exact = keep(to, pools);
    form.sides = shared ? keep(to, sides) : nullptr;
    uploadTables(keys, form, to);
    (keys ? to.keys : to.values) = keep(to, blocks);
}

} // namespace fovea::cuda
