#include "tests/core/kernels/cuda/mixed_append_case.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "core/methods/quantise/code_run.h"
#include "core/model/half_float.h"
#include "tests/core/kernels/cuda/stored_elements.h"

namespace fovea::cuda {
namespace {

using machine::Buffer;

std::size_t index(std::int64_t i) {
    return static_cast<std::size_t>(i);
}

} // namespace

std::string MixedAppendShape::text() const {
    return rows.text() + " d=" + std::to_string(headDim) + " " + std::string(elementName(type)) +
           (exact ? " exact, " : " coded, ") + std::to_string(due) + " due" + (beside ? ", all beside" : "");
}

MixedAppendCase::MixedAppendCase(const MixedAppendShape& shape)
    : m_shape(shape), m_keys(madeUp(true, 3)), m_values(madeUp(false, 4)) {}

std::int64_t MixedAppendCase::slots() const {
    return kLive + 1;
}

int MixedAppendCase::codeBytes() const {
    const MixedShape& of = m_shape.rows;
    return static_cast<int>(fovea::codeBytes(of.bits, of.kind == MixedKind::Cq ? m_shape.headDim / of.channels
                                                                               : m_shape.headDim));
}

int MixedAppendCase::sideBytes(bool keys) const { // of a record
    const MixedShape& of = m_shape.rows;
    if (of.kind == MixedKind::Kivi)
        return keys ? 0 : 4 * ((m_shape.headDim + of.group - 1) / of.group);
    return of.kind == MixedKind::Kvquant ? 4 * of.outliers + (keys ? 0 : 4) : 0;
}

MixedAppendCase::Part MixedAppendCase::madeUp(bool keys, unsigned seed) const {
    const MixedShape& of = m_shape.rows;
    const int d = m_shape.headDim, levels = 1 << of.bits;
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(.2f, 1.5f);
    Part part;
    for (std::int64_t i = 0; i < kHeads * slots() * d; ++i)
        part.rows.push_back(normal(random));
    if (of.kind == MixedKind::Kvquant)
        for (int head = 0; head < kHeads; ++head) {
            for (int i = 0; i < kLevelsRoom; ++i) {
                part.chosen.push_back(2.0 * (i % levels) / (levels - 1) - 1);
                part.levels.push_back(.9f * static_cast<float>(part.chosen.back()));
            }
            for (int c = 0; keys && c < 2 * d; ++c)
                part.ranges.push_back(c < d ? .1f : 2.f);
        }
    if (of.kind == MixedKind::Cq)
        for (int i = 0; i < kHeads * d * levels; ++i)
            part.centroids.push_back(toHalf(normal(random)));
    // KIVI's keys: the newest, the new one among them. Others: any that were there.
    for (int i = 0; i < m_shape.due; ++i)
        part.due.push_back(static_cast<std::int32_t>(
            of.kind == MixedKind::Kivi && keys ? slots() - m_shape.due + i : 5 * i + 1));
    return part;
}

const float* MixedAppendCase::row(const Part& part, int kvHead, std::int64_t slot) const {
    return part.rows.data() + (kvHead * slots() + slot) * m_shape.headDim;
}

bool MixedAppendCase::isDue(const Part& part, std::int64_t slot) const {
    return std::find(part.due.begin(), part.due.end(), slot) != part.due.end();
}

void MixedAppendCase::append(Stream stream) {
    const MixedShape& of = m_shape.rows;
    const int d = m_shape.headDim;
    const std::int64_t blocks = (slots() + kPerBlock - 1) / kPerBlock, capacity = blocks * kPerBlock;
    MixedOnMachine held; // what is only read
    const auto keep = [&](const auto& values) {
        held.buffers.push_back(machine::upload(values));
        return held.buffers.back().data();
    };
    CacheAppend append;
    CacheBlocks& cache = append.cache;
    cache.type = m_shape.type;
    cache.kvHeads = kHeads;
    cache.headDim = d;
    cache.slotsPerBlock = kPerBlock;
    cache.blocksPerHead = blocks;
    cache.mixed.kind = of.kind;
    cache.mixed.bits = of.bits;
    cache.mixed.group = of.group;
    cache.mixed.outliers = of.outliers;
    cache.mixed.channels = of.channels;
    cache.mixed.tail = kTail;
    cache.mixed.capacity = capacity;
    // Angles: every pair turns alike.
    std::vector<float> far, near;
    for (int i = 0; i < 4; ++i)
        for (int c = 0; c < 2 * of.half; ++c)
            far.push_back(static_cast<float>(kFactor * (c < of.half ? std::cos(i * kTurnNear * kFrequency)
                                                                    : std::sin(i * kTurnNear * kFrequency))));
    for (int i = 0; i < kTurnNear; ++i)
        for (int c = 0; c < 2 * of.half; ++c)
            near.push_back(
                static_cast<float>(c < of.half ? std::cos(i * kFrequency) : std::sin(i * kFrequency)));
    cache.mixed.turn = {of.half, static_cast<const float*>(keep(far)), static_cast<const float*>(keep(near)),
                        kFactor};

    std::vector<ComingCode> codes;
    std::vector<Buffer> written;
    std::vector<Buffer> records[2], pools[2], sides[2];
    std::vector<Buffer> places;
    std::vector<float> fresh[2];
    for (const bool keys : {true, false}) {
        Part& part = keys ? m_keys : m_values;
        MixedPart& form = keys ? cache.mixed.keys : cache.mixed.values;
        const int at = keys ? 0 : 1;
        const bool shared = of.kind == MixedKind::Kivi && keys;
        form.codeBytes = codeBytes();
        form.recordBytes = codeBytes() + sideBytes(keys);
        form.sideBytes = shared ? 4 * d : 0;
        form.sidesPerBlock = shared ? kSidesPerBlock : 0;
        std::vector<std::int32_t> placesOf;
        std::vector<const void*> table, poolTable, sideTable;
        std::vector<ComingRow> coming;
        const std::int64_t sideBlocks =
            ((m_shape.due + kRowsOfSide - 1) / kRowsOfSide + kSidesPerBlock) / kSidesPerBlock;
        for (int head = 0; head < kHeads; ++head) {
            for (std::int64_t slot = 0; slot < capacity; ++slot)
                placesOf.push_back(slot < kLive ? static_cast<std::int32_t>(slot) : kOwnPlace);
            std::vector<float> exact(part.rows.begin() + head * slots() * d,
                                     part.rows.begin() + (head * slots() + kLive) * d);
            exact.resize(index(slots() * d), std::numeric_limits<float>::quiet_NaN());
            pools[at].push_back(machine::upload(stored(m_shape.type, exact)));
            poolTable.push_back(pools[at].back().data());
            for (std::int64_t block = 0; block < blocks; ++block) {
                records[at].push_back(
                    machine::upload(std::vector<unsigned char>(index(kPerBlock * form.recordBytes), 0xee)));
                table.push_back(records[at].back().data());
            }
            for (std::int64_t block = 0; shared && block < sideBlocks; ++block) {
                sides[at].push_back(machine::upload(
                    std::vector<unsigned char>(index(kSidesPerBlock * form.sideBytes), 0xee)));
                sideTable.push_back(sides[at].back().data());
            }
            coming.push_back({m_shape.exact ? static_cast<std::int32_t>(kLive) : kOwnPlace, m_shape.due,
                              static_cast<std::int64_t>(codes.size())});
            for (std::size_t i = 0; i < part.due.size(); ++i)
                codes.push_back(
                    {part.due[i], shared ? static_cast<std::int32_t>(
                                               kOwnPlace - 1 - static_cast<std::int64_t>(i) / kRowsOfSide)
                                         : kOwnPlace});
            fresh[at].insert(fresh[at].end(), row(part, head, kLive), row(part, head, kLive) + d);
        }
        places.push_back(machine::upload(placesOf));
        form.places = static_cast<std::int32_t*>(places.back().data());
        form.exact = static_cast<void* const*>(keep(poolTable));
        form.sides = shared ? static_cast<void* const*>(keep(sideTable)) : nullptr;
        form.sideBlocksPerHead = sideBlocks;
        form.levels = static_cast<const float*>(keep(part.levels));
        form.chosen = static_cast<const double*>(keep(part.chosen));
        form.ranges = static_cast<const float*>(keep(part.ranges));
        form.centroids = static_cast<const std::uint16_t*>(keep(part.centroids));
        form.coming = static_cast<const ComingRow*>(keep(coming));
        (keys ? cache.keys : cache.values) = static_cast<void* const*>(keep(table));
    }
    cache.mixed.codes = static_cast<const ComingCode*>(keep(codes));

    std::vector<std::int64_t> live(kHeads, kLive), positions;
    std::vector<std::int32_t> next(kHeads, static_cast<std::int32_t>(kLive)), byAge;
    for (int head = 0; head < kHeads; ++head)
        for (std::int64_t slot = 0; slot < capacity; ++slot) {
            positions.push_back(slot < kLive ? kFirst + slot : -1);
            byAge.push_back(static_cast<std::int32_t>(slot));
        }
    cache.slots.capacity = capacity;
    cache.slots.live = static_cast<std::int64_t*>(keep(live));
    cache.slots.next = static_cast<std::int32_t*>(keep(next));
    cache.slots.positions = static_cast<std::int64_t*>(keep(positions));
    cache.slots.byAge = static_cast<std::int32_t*>(keep(byAge));
    cache.mixed.positions = cache.slots.positions;

    const auto e = index(elementBytes(m_shape.type));
    const std::int64_t pages = (capacity + kPage - 1) / kPage;
    std::vector<float> sums;
    for (int head = 0; head < kHeads; ++head)
        for (int c = 0; c < d; ++c) {
            float sum = 0;
            for (std::int64_t slot = 0; slot < kLive; ++slot)
                sum += rounded(m_shape.type, row(m_values, head, slot)[c]);
            sums.push_back(sum);
        }
    const Buffer sumsOn = machine::upload(sums);
    std::vector<Buffer> columns, bounds;
    std::vector<const void*> columnTable, boundTable;
    for (int head = 0; head < kHeads; ++head) {
        for (std::int64_t block = 0; block < blocks; ++block) {
            columns.push_back(machine::upload(std::vector<unsigned char>(index(kPerBlock * d) * e, 0)));
            columnTable.push_back(columns.back().data());
        }
        std::vector<float> wide; // wider than any row is
        for (std::int64_t i = 0; i < pages * 2 * d; ++i)
            wide.push_back(i / d % 2 == 0 ? -1.f : 1.f);
        bounds.push_back(machine::upload(stored(m_shape.type, wide)));
        boundTable.push_back(bounds.back().data());
    }
    if (m_shape.beside) {
        cache.valueSums = static_cast<float*>(sumsOn.data());
        cache.keyColumns = static_cast<void* const*>(keep(columnTable));
        cache.bounds = static_cast<void* const*>(keep(boundTable));
        cache.boundBlocksPerHead = 1;
        cache.page = kPage;
        cache.pagesPerBlock = static_cast<int>(pages);
        cache.pagesPerHead = pages;
        cache.pageRows =
            static_cast<std::int32_t*>(keep(std::vector<std::int32_t>(index(kHeads * pages), kPage)));
    }
    append.k = static_cast<const float*>(keep(fresh[0]));
    append.v = static_cast<const float*>(keep(fresh[1]));
    append.positions =
        static_cast<const std::int64_t*>(keep(std::vector<std::int64_t>(kHeads, kFirst + kLive)));
    appendRows(append, stream);
    machine::finish();

    for (const bool keys : {true, false}) {
        Part& part = keys ? m_keys : m_values;
        const int at = keys ? 0 : 1;
        const auto read = [](const std::vector<Buffer>& from, std::size_t bytes,
                             std::vector<std::vector<unsigned char>>& to) {
            to.clear();
            for (const Buffer& buffer : from)
                to.push_back(machine::download<unsigned char>(buffer, bytes));
        };
        part.places = machine::download<std::int32_t>(places[index(at)], index(kHeads * capacity));
        read(records[at], index(kPerBlock * (codeBytes() + sideBytes(keys))), part.records);
        read(pools[at], index(slots() * d) * e, part.pools);
        read(sides[at], index(kSidesPerBlock * 4 * d), part.sides);
    }
    m_sums = machine::download<float>(sumsOn, index(kHeads * d));
    m_columns.clear();
    m_bounds.clear();
    for (const Buffer& buffer : columns) {
        const auto block = machine::download<unsigned char>(buffer, index(kPerBlock * d) * e);
        m_columns.insert(m_columns.end(), block.begin(), block.end());
    }
    for (const Buffer& buffer : bounds) {
        const auto block = machine::download<unsigned char>(buffer, index(pages * 2 * d) * e);
        for (std::size_t i = 0; i < block.size(); i += e)
            m_bounds.push_back(loadElement(m_shape.type, block.data() + i));
    }
}

std::vector<unsigned char> MixedAppendCase::bytes() const {
    std::vector<unsigned char> all = m_columns;
    const auto add = [&](const void* from, std::size_t n) {
        all.insert(all.end(), static_cast<const unsigned char*>(from),
                   static_cast<const unsigned char*>(from) + n);
    };
    add(m_sums.data(), m_sums.size() * sizeof(float));
    add(m_bounds.data(), m_bounds.size() * sizeof(float));
    for (const Part* part : {&m_keys, &m_values}) {
        add(part->places.data(), part->places.size() * sizeof(std::int32_t));
        for (const auto* kind : {&part->records, &part->pools, &part->sides})
            for (const auto& block : *kind)
                add(block.data(), block.size());
    }
    return all;
}

} // namespace fovea::cuda
