#include "core/engine/device/mixed_twin.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/engine/device/room.h"
#include "core/kernels/cpu/table_rows.h"

namespace fovea {

namespace {

constexpr std::size_t kKeys = 0, kValues = 1;
constexpr std::size_t kAlignment = 16; // of every table
constexpr std::int64_t kLeastSideBlocks = 8;

static_assert(sizeof(MixedRows::Coming) == sizeof(cuda::ComingCode) && MixedRows::kOwn == cuda::kOwnPlace &&
              cpu::kTurnNear == cuda::kTurnNear && cpu::kLevelsRoom == cuda::kLevelsRoom);

std::size_t aligned(std::size_t bytes) {
    return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

// Tables one after the other, on their way to the device.
class Gathered {
public:
    template <class T>
    std::size_t put(const T* values, std::size_t count) {
        const std::size_t at = aligned(m_bytes.size());
        m_bytes.resize(at + count * sizeof(T));
        std::memcpy(m_bytes.data() + at, values, count * sizeof(T));
        return at;
    }
    const std::vector<std::byte>& bytes() const { return m_bytes; }

private:
    std::vector<std::byte> m_bytes;
};

} // namespace

MixedTwin::MixedTwin(const KvCache& cache)
    : m_cache(cache), m_layout(cache.layout()), m_mixed(*m_layout.mixed) {
    m_layers.resize(static_cast<std::size_t>(m_layout.layers));
    for (int layer = 0; layer < m_layout.layers; ++layer)
        if (m_layout.sourceOf(layer) == layer)
            layerOf(layer).heads.resize(static_cast<std::size_t>(m_layout.kvHeads));
}

const MixedRows& MixedTwin::rows(int layer, int kvHead, std::size_t part) const {
    const KvView view = m_cache.view(layer, kvHead);
    return part == kKeys ? *view.mixedKeys : *view.mixedValues;
}

template <class Visit>
void MixedTwin::eachPart(const Visit& visit) {
    for (int layer = 0; layer < m_layout.layers; ++layer)
        for (std::size_t head = 0; head < layerOf(layer).heads.size(); ++head)
            for (const std::size_t part : {kKeys, kValues})
                visit(layer, static_cast<int>(head), part, layerOf(layer).heads[head][part]);
}

// --- What the host's cache does ----------------------------------------------------------------------------

void MixedTwin::happened(int layer, int kvHead, const SlotEvent& event) {
    layerOf(layer).staleTables = true;
    if (event.kind != SlotEvent::Kind::Born)
        return; // an exact row stays at its place, and a side where it is
    for (Part& part : layerOf(layer).heads[static_cast<std::size_t>(kvHead)])
        part.staleExact = true;
}

void MixedTwin::coded(int layer, int kvHead, Component rows) {
    layerOf(layer).staleTables = true;
    layerOf(layer)
        .heads[static_cast<std::size_t>(kvHead)][rows == Component::Keys ? kKeys : kValues]
        .staleSides = true;
}

void MixedTwin::staleAll() {
    for (Layer& layer : m_layers)
        layer.staleTables = true;
    eachPart([](int, int, std::size_t, Part& part) { part.staleExact = part.staleSides = true; });
}

// --- Catching up -------------------------------------------------------------------------------------------

void MixedTwin::prepare(cuda::Stream stream, std::int64_t room, int growth) {
    plan();
    takeBuffers(stream, room, growth);
    copyParts(stream);
    copyTables(stream);
    m_comingBytes.resize(m_coming.size() * sizeof(cuda::ComingRow) +
                         m_comingCodes.size() * sizeof(cuda::ComingCode));
    std::memcpy(m_comingBytes.data(), m_coming.data(), m_coming.size() * sizeof(cuda::ComingRow));
    std::memcpy(m_comingBytes.data() + m_coming.size() * sizeof(cuda::ComingRow), m_comingCodes.data(),
                m_comingCodes.size() * sizeof(cuda::ComingCode));
    cuda::upload(comingOnDevice(), m_comingBytes.data(), m_comingBytes.size(), stream);
}

// What the next token of every KV head does.
void MixedTwin::plan() {
    const auto G = static_cast<std::size_t>(m_layout.kvHeads);
    m_coming.assign(m_layers.size() * 2 * G, {});
    m_comingCodes.clear();
    eachPart([&](int layer, int kvHead, std::size_t part, Part&) {
        const KvView view = m_cache.view(layer, kvHead);
        const std::span<const std::int32_t> byAge = m_cache.byAge(layer, kvHead);
        // A KV head never forgets its newest token before the next one comes.
        const std::int64_t position = byAge.empty() ? 0 : view.positions[byAge.back()] + 1;
        const std::size_t first = m_comingCodes.size();
        const MixedRows& of = rows(layer, kvHead, part);
        of.comingCodes(part == kKeys ? view.keyPlaces() : view.valuePlaces(), position,
                       m_cache.nextSlot(layer, kvHead), m_comingCodes);
        m_coming[(static_cast<std::size_t>(layer) * 2 + part) * G + static_cast<std::size_t>(kvHead)] = {
            of.comingPlace(position), static_cast<std::int32_t>(m_comingCodes.size() - first),
            static_cast<std::int64_t>(first)};
    });
}

void MixedTwin::takeBuffers(cuda::Stream stream, std::int64_t room, int growth) {
    const auto rowBytes = static_cast<std::size_t>(m_layout.headDim * elementBytes(m_layout.type));
    const auto G = static_cast<std::size_t>(m_layout.kvHeads);
    std::int64_t sideBlocks = 0;
    for (int layer = 0; layer < m_layout.layers; ++layer)
        if (!layerOf(layer).heads.empty() && layerOf(layer).codebooks.bytes() == 0)
            takeCodebooks(layer, stream);
    eachPart([&](int layer, int kvHead, std::size_t part, Part& own) {
        const auto most = static_cast<std::size_t>(form(part).exact.most());
        if (own.exact.bytes() == 0 && most > 0)
            own.exact = cuda::DeviceBuffer(most * rowBytes);
        if (form(part).sizes.sharing == 1)
            return;
        // Those that the host has, and of the rows that come.
        const std::int64_t perBlock = MixedRows::sidesPerBlock(form(part), m_layout.slotsPerBlock);
        std::int64_t wanted = std::ssize(rows(layer, kvHead, part).sideBlocks());
        const cuda::ComingRow& coming =
            m_coming[(static_cast<std::size_t>(layer) * 2 + part) * G + static_cast<std::size_t>(kvHead)];
        for (std::int64_t i = coming.first; i < coming.first + coming.count; ++i)
            wanted = std::max(
                wanted,
                (cuda::kOwnPlace - 1 - m_comingCodes[static_cast<std::size_t>(i)].place) / perBlock + 1);
        if (std::ssize(own.sides) < wanted)
            layerOf(layer).staleTables = true;
        while (std::ssize(own.sides) < wanted)
            own.sides.emplace_back(static_cast<std::size_t>(perBlock * form(part).sizes.side));
        sideBlocks = std::max(sideBlocks, std::ssize(own.sides));
    });

    const std::int64_t roomy = grownRoom(kLeastSideBlocks, sideBlocks, growth);
    if (room == m_room && (growth > 2 ? roomy == m_form.sideBlocks : sideBlocks <= m_form.sideBlocks))
        return;
    TableForm form;
    form.sideBlocks = roomy;
    const auto take = [&](std::int64_t perHead, std::size_t size) {
        return std::exchange(form.bytes, aligned(form.bytes + G * static_cast<std::size_t>(perHead) * size));
    };
    for (const std::size_t part : {kKeys, kValues}) {
        form.places[part] = take(room, sizeof(std::int32_t));
        form.exact[part] = take(1, sizeof(void*));
        form.sides[part] = take(form.sideBlocks, sizeof(void*));
    }
    const auto heads = m_layers.size() * G;
    const auto codes = static_cast<std::size_t>(m_mixed.keys.exact.most() + m_mixed.values.exact.most());
    const std::size_t bytes = form.bytes * m_layers.size();
    cuda::DeviceBuffer tables(bytes +
                              heads * (2 * sizeof(cuda::ComingRow) + codes * sizeof(cuda::ComingCode)));
    m_mirror.resize(bytes);
    m_tables = std::move(tables);
    m_form = form;
    m_room = room;
    for (Layer& layer : m_layers)
        layer.staleTables = true;
}

// Of all KV heads of a layer, side by side.
void MixedTwin::takeCodebooks(int layer, cuda::Stream stream) {
    const auto d = static_cast<std::size_t>(m_layout.headDim);
    Gathered all;
    std::array<std::size_t, 2> levels{}, chosen{}, centroids{};
    std::size_t ranges = 0;
    const auto codecOf = [&](std::size_t part, int head) -> const RowCodec& {
        return rows(layer, head, part).codec();
    };
    cuda::TurnAngles turn;
    for (const std::size_t part : {kKeys, kValues}) {
        std::vector<float> levelsOf, rangesOf;
        std::vector<double> chosenOf;
        std::vector<std::uint16_t> centroidsOf;
        for (int head = 0; head < m_layout.kvHeads; ++head) {
            const cpu::TableCodes* const codes = codecOf(part, head).table();
            if (!codes)
                continue;
            if (const cpu::LevelTable* const table = codes->levels) {
                levelsOf.insert(levelsOf.end(), std::begin(table->levels), std::end(table->levels));
                for (int i = 0; i < cpu::kLevelsRoom; ++i)
                    chosenOf.push_back(table->chosen[i % (1 << table->bits)]);
                if (table->range) {
                    rangesOf.insert(rangesOf.end(), table->offset, table->offset + d);
                    rangesOf.insert(rangesOf.end(), table->range, table->range + d);
                }
            }
            if (const cpu::CentroidTable* const table = codes->centroids)
                centroidsOf.insert(centroidsOf.end(), table->centroids,
                                   table->centroids + (d << table->bits));
            if (codes->turn && codes->turn->half > 0)
                turn = turnOf(*codes->turn, stream);
        }
        levels[part] = all.put(levelsOf.data(), levelsOf.size());
        chosen[part] = all.put(chosenOf.data(), chosenOf.size());
        centroids[part] = all.put(centroidsOf.data(), centroidsOf.size());
        if (part == kKeys)
            ranges = all.put(rangesOf.data(), rangesOf.size());
    }
    all.put("", 1); // of stores that have none a byte, so that it is known they were taken
    cuda::DeviceBuffer buffer(all.bytes().size());
    cuda::upload(buffer.data(), all.bytes().data(), all.bytes().size(), stream);
    Layer& own = layerOf(layer);
    own.turn = turn;
    for (const std::size_t part : {kKeys, kValues}) {
        cuda::MixedPart& tables = own.tables[part];
        const std::byte* const base = buffer.as<std::byte>();
        tables.levels = reinterpret_cast<const float*>(base + levels[part]);
        tables.chosen = reinterpret_cast<const double*>(base + chosen[part]);
        tables.centroids = reinterpret_cast<const std::uint16_t*>(base + centroids[part]);
        tables.ranges = part == kKeys ? reinterpret_cast<const float*>(base + ranges) : nullptr;
    }
    own.codebooks = std::move(buffer);
}

// Layers that turn alike share their tables.
cuda::TurnAngles MixedTwin::turnOf(const cpu::TurnTable& turn, cuda::Stream stream) {
    auto found = m_turns.find(turn.far);
    if (found == m_turns.end()) {
        const auto bytesOf = [&](std::int64_t rows) {
            return static_cast<std::size_t>(rows * 2 * turn.half) * sizeof(float);
        };
        std::array<cuda::DeviceBuffer, 2> tables = {cuda::DeviceBuffer(bytesOf(turn.fars)),
                                                    cuda::DeviceBuffer(bytesOf(cpu::kTurnNear))};
        cuda::upload(tables[0].data(), turn.far, tables[0].bytes(), stream);
        cuda::upload(tables[1].data(), turn.near, tables[1].bytes(), stream);
        found = m_turns.emplace(turn.far, std::move(tables)).first;
    }
    return {static_cast<int>(turn.half), found->second[0].as<float>(), found->second[1].as<float>(),
            turn.factor};
}

void MixedTwin::copyParts(cuda::Stream stream) {
    eachPart([&](int layer, int kvHead, std::size_t part, Part& own) {
        const MixedRows& from = rows(layer, kvHead, part);
        if (std::exchange(own.staleExact, false) && from.exactRows())
            cuda::upload(own.exact.data(), from.exactRows(), own.exact.bytes(), stream);
        if (!std::exchange(own.staleSides, false))
            return;
        for (std::size_t block = 0; block < from.sideBlocks().size(); ++block)
            cuda::upload(own.sides[block].data(), from.sideBlocks()[block].data(), own.sides[block].bytes(),
                         stream);
    });
}

// --- Tables ------------------------------------------------------------------------------------------------

void MixedTwin::writeTables(int layer) {
    std::byte* const to = m_mirror.data() + static_cast<std::size_t>(layer) * m_form.bytes;
    for (int kvHead = 0; kvHead < m_layout.kvHeads; ++kvHead)
        for (const std::size_t part : {kKeys, kValues}) {
            const Part& own = layerOf(layer).heads[static_cast<std::size_t>(kvHead)][part];
            std::span<const std::int32_t> places = rows(layer, kvHead, part).places();
            // Of slots that a longer prompt once had, and that are free by now, none.
            places = places.first(std::min(places.size(), static_cast<std::size_t>(m_room)));
            auto* const placesTo =
                reinterpret_cast<std::int32_t*>(to + m_form.places[part]) + kvHead * m_room;
            std::fill(std::copy(places.begin(), places.end(), placesTo), placesTo + m_room, cuda::kOwnPlace);
            reinterpret_cast<void**>(to + m_form.exact[part])[kvHead] = own.exact.data();
            void** const sides =
                reinterpret_cast<void**>(to + m_form.sides[part]) + kvHead * m_form.sideBlocks;
            for (std::size_t i = 0; i < own.sides.size(); ++i)
                sides[i] = own.sides[i].data();
        }
}

void MixedTwin::copyTables(cuda::Stream stream) {
    for (int layer = 0; layer < m_layout.layers; ++layer) {
        if (!std::exchange(layerOf(layer).staleTables, false) || layerOf(layer).heads.empty())
            continue;
        writeTables(layer);
        const std::size_t at = static_cast<std::size_t>(layer) * m_form.bytes;
        cuda::upload(m_tables.as<std::byte>() + at, m_mirror.data() + at, m_form.bytes, stream);
    }
}

template <class T>
T* MixedTwin::at(int layer, std::size_t offset) const {
    return reinterpret_cast<T*>(m_tables.as<std::byte>() + static_cast<std::size_t>(layer) * m_form.bytes +
                                offset);
}

cuda::MixedBlocks MixedTwin::blocks(int layer, const std::int64_t* positions) const {
    const Layer& own = m_layers[static_cast<std::size_t>(layer)];
    const RowCodec& keys = rows(layer, 0, kKeys).codec();
    cuda::MixedBlocks blocks;
    if (const EvenCodes* const even = rows(layer, 0, kValues).codec().even()) {
        blocks.kind = cuda::MixedKind::Kivi;
        blocks.bits = even->bits;
        blocks.group = even->group;
    } else if (const cpu::LevelTable* const levels = keys.table()->levels) {
        blocks.kind = cuda::MixedKind::Kvquant;
        blocks.bits = levels->bits;
        blocks.outliers = levels->outliers;
        blocks.tail = rows(layer, 0, kValues).codec().table()->levels->tail;
    } else {
        blocks.kind = cuda::MixedKind::Cq;
        blocks.bits = keys.table()->centroids->bits;
        blocks.channels = keys.table()->centroids->channels;
    }
    blocks.turn = own.turn;
    blocks.capacity = m_room;
    blocks.positions = positions;
    blocks.codes = reinterpret_cast<const cuda::ComingCode*>(comingOnDevice() + m_coming.size());
    for (const std::size_t part : {kKeys, kValues}) {
        cuda::MixedPart& to = part == kKeys ? blocks.keys : blocks.values;
        const RowSizes& sizes = form(part).sizes;
        to = own.tables[part];
        to.codeBytes = static_cast<int>(sizes.codes);
        to.recordBytes = static_cast<int>(sizes.record());
        to.places = at<std::int32_t>(layer, m_form.places[part]);
        to.exact = at<void*>(layer, m_form.exact[part]);
        to.coming = comingOnDevice() +
                    (static_cast<std::size_t>(layer) * 2 + part) * static_cast<std::size_t>(m_layout.kvHeads);
        if (sizes.sharing == 1)
            continue;
        to.sideBytes = static_cast<int>(sizes.side);
        to.sidesPerBlock = static_cast<int>(MixedRows::sidesPerBlock(form(part), m_layout.slotsPerBlock));
        to.sideBlocksPerHead = m_form.sideBlocks;
        to.sides = at<void*>(layer, m_form.sides[part]);
    }
    return blocks;
}

std::int64_t MixedTwin::bytes() const {
    std::size_t bytes = m_tables.bytes();
    for (const auto& [host, tables] : m_turns)
        bytes += tables[0].bytes() + tables[1].bytes();
    for (const Layer& layer : m_layers) {
        bytes += layer.codebooks.bytes();
        for (const auto& head : layer.heads)
            for (const Part& part : head) {
                bytes += part.exact.bytes();
                for (const cuda::DeviceBuffer& block : part.sides)
                    bytes += block.bytes();
            }
    }
    return static_cast<std::int64_t>(bytes);
}

} // namespace fovea
