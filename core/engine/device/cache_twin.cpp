#include "core/engine/device/cache_twin.h"

#include <algorithm>
#include <utility>

#include "core/engine/device/room.h"
#include "core/kernels/cuda/row_codes.h"

namespace fovea {

namespace {

constexpr std::int64_t kLeastRoom = 256;
constexpr std::size_t kAlignment = 16; // of every table

std::size_t aligned(std::size_t bytes) {
    return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

std::int64_t ceilDivide(std::int64_t a, std::int64_t b) {
    return (a + b - 1) / b;
}

cuda::RowCodes codesOf(const CacheLayout& layout) {
    cuda::RowCodes codes;
    if (layout.codes)
        codes = {layout.codes->bits, layout.codes->group, layout.rows().zeroBytes()};
    return codes;
}

// Slots that a KV head's live ones reach over: one among them may be free.
std::int64_t extentOf(const KvCache& cache, int layer, int kvHead) {
    return cache.slots(layer, kvHead) + (cache.hasHole(layer, kvHead) ? 1 : 0);
}

std::size_t blocksFor(const CacheLayout& layout, std::int64_t slots) {
    return static_cast<std::size_t>(ceilDivide(slots, layout.slotsPerBlock));
}

// Of a layer whose keys have bounds.
std::size_t boundBlocksFor(const CacheLayout& layout, std::int64_t slots) {
    return static_cast<std::size_t>(ceilDivide(ceilDivide(slots, layout.page), layout.pagesPerBlock()));
}

std::size_t rowBlockBytes(const CacheLayout& layout, Component rows) {
    if (!layout.mixed)
        return static_cast<std::size_t>(layout.rows().blockBytes());
    const MixedForm& form = rows == Component::Keys ? layout.mixed->keys : layout.mixed->values;
    return static_cast<std::size_t>(form.sizes.record() * layout.slotsPerBlock);
}

std::size_t columnsBytes(const CacheLayout& layout) {
    return static_cast<std::size_t>(std::int64_t{layout.slotsPerBlock} * layout.headDim *
                                    elementBytes(layout.type));
}

void grow(std::vector<cuda::DeviceBuffer>& blocks, std::size_t count, std::size_t bytes) {
    blocks.resize(std::min(blocks.size(), count));
    while (blocks.size() < count)
        blocks.emplace_back(bytes);
}

} // namespace

CacheTwin::TableForm::TableForm(const CacheLayout& layout, std::int64_t room) {
    const auto G = static_cast<std::size_t>(layout.kvHeads);
    blocks = ceilDivide(room, layout.slotsPerBlock);
    pages = layout.page > 0 ? ceilDivide(room, layout.page) : 0;
    boundBlocks = pages > 0 ? ceilDivide(pages, layout.pagesPerBlock()) : 0;
    std::size_t at = 0;
    const auto take = [&](std::int64_t perHead, std::size_t size) {
        return std::exchange(at, aligned(at + G * static_cast<std::size_t>(perHead) * size));
    };
    live = take(1, sizeof(std::int64_t));
    next = take(1, sizeof(std::int32_t));
    positions = take(room, sizeof(std::int64_t));
    byAge = take(room, sizeof(std::int32_t));
    positionRows = take(1, sizeof(void*));
    pageRows = take(pages, sizeof(std::int32_t));
    keys = take(blocks, sizeof(void*));
    values = take(blocks, sizeof(void*));
    columns = take(layout.keyColumns ? blocks : 0, sizeof(void*));
    bounds = take(boundBlocks, sizeof(void*));
    sums = take(layout.valueSum ? std::int64_t{layout.valueSums} * layout.headDim : 0, sizeof(float));
    bytes = at;
}

CacheTwin::CacheTwin(KvCache& cache) : m_cache(cache), m_layout(cache.layout()) {
    m_layers.resize(static_cast<std::size_t>(m_layout.layers));
    for (int layer = 0; layer < m_layout.layers; ++layer)
        if (m_layout.sourceOf(layer) == layer)
            m_layers[static_cast<std::size_t>(layer)].heads.resize(
                static_cast<std::size_t>(m_layout.kvHeads));
    if (m_layout.mixed)
        m_mixed = std::make_unique<MixedTwin>(cache);
    cache.follow(this);
}

CacheTwin::~CacheTwin() {
    m_cache.follow(nullptr);
}

// --- What the host's cache does ----------------------------------------------------------------------------

void CacheTwin::happened(int layer, int kvHead, const SlotEvent& event) {
    if (m_stepping)
        return; // the device has done it
    m_layers[static_cast<std::size_t>(layer)].staleTables = true;
    if (m_mixed)
        m_mixed->happened(layer, kvHead, event);
    if (event.kind != SlotEvent::Kind::Evicted)
        staleRow(layer, kvHead, event.slot);
}

void CacheTwin::coded(int layer, int kvHead, Component rows, std::int32_t slot) {
    if (m_stepping)
        return;
    m_mixed->coded(layer, kvHead, rows);
    staleRow(layer, kvHead, slot);
}

// What lies at `slot`, and its page's bounds. Blocks that are not here yet are copied whole once they are.
void CacheTwin::staleRow(int layer, int kvHead, std::int32_t slot) {
    Head& head = m_layers[static_cast<std::size_t>(layer)].heads[static_cast<std::size_t>(kvHead)];
    if (const auto block = static_cast<std::size_t>(slot / m_layout.slotsPerBlock);
        block < head.staleRows.size())
        head.staleRows[block] = 1;
    if (!m_layout.paged(layer))
        return;
    if (const auto block = static_cast<std::size_t>(slot / m_layout.page / m_layout.pagesPerBlock());
        block < head.staleBounds.size())
        head.staleBounds[block] = 1;
}

void CacheTwin::staleAll() {
    if (m_mixed)
        m_mixed->staleAll();
    for (Layer& layer : m_layers) {
        layer.staleTables = true;
        for (Head& head : layer.heads) {
            std::fill(head.staleRows.begin(), head.staleRows.end(), 1);
            std::fill(head.staleBounds.begin(), head.staleBounds.end(), 1);
        }
    }
}

// --- Catching up -------------------------------------------------------------------------------------------

void CacheTwin::prepare(cuda::Stream stream, std::int64_t tokens, TableGrowth growth) {
    if (std::exchange(m_stepping, false))
        staleAll();
    makeRoom(tokens, growth);
    // Nobody is told when a token leaves one sum of several, whose query head sees it no more while it stays for others.
    for (Layer& layer : m_layers)
        layer.staleTables |= m_layout.valueSum && m_layout.valueSums > 1;
    const auto eachHead = [&](const auto& visit) {
        for (int layer = 0; layer < m_layout.layers; ++layer)
            for (std::size_t head = 0; head < m_layers[static_cast<std::size_t>(layer)].heads.size(); ++head)
                visit(layer, m_layers[static_cast<std::size_t>(layer)].heads[head], static_cast<int>(head));
    };
    eachHead([&](int layer, Head& head, int kvHead) { takeBlocks(layer, head, kvHead, tokens); });
    eachHead([&](int layer, Head& head, int kvHead) { copyBlocks(layer, head, kvHead, stream); });
    if (m_mixed)
        m_mixed->prepare(stream, m_room, static_cast<int>(growth));
    copyTables(stream);
}

// Tables for the fullest KV head and its next tokens.
void CacheTwin::makeRoom(std::int64_t tokens, TableGrowth growth) {
    std::int64_t wanted = 0;
    for (int layer = 0; layer < m_layout.layers; ++layer)
        for (int head = 0; head < m_layout.kvHeads; ++head)
            wanted = std::max(wanted, m_cache.slots(layer, head) + tokens);
    const std::int64_t room = grownRoom(kLeastRoom, wanted, static_cast<int>(growth));
    if (growth == TableGrowth::Shared ? room == m_room : wanted <= m_room)
        return;
    const TableForm form(m_layout, room);
    cuda::DeviceBuffer tables(form.bytes * m_layers.size());
    m_mirror.resize(tables.bytes());
    m_tables = std::move(tables);
    m_form = form;
    m_room = room;
    for (Layer& layer : m_layers)
        layer.staleTables = true;
}

// Those of live slots and of the next tokens, the first of which takes a free slot where there is one.
void CacheTwin::takeBlocks(int layer, Head& head, int kvHead, std::int64_t tokens) {
    const std::int64_t extent = m_cache.slots(layer, kvHead) + tokens;
    const std::size_t wanted = blocksFor(m_layout, extent),
                      wantedBounds = m_layout.paged(layer) ? boundBlocksFor(m_layout, extent) : 0;
    if (head.staleRows.size() == wanted && head.staleBounds.size() == wantedBounds)
        return;
    m_layers[static_cast<std::size_t>(layer)].staleTables = true;
    grow(head.keys, wanted, rowBlockBytes(m_layout, Component::Keys));
    grow(head.values, wanted, rowBlockBytes(m_layout, Component::Values));
    if (m_layout.keyColumns)
        grow(head.columns, wanted, columnsBytes(m_layout));
    grow(head.bounds, wantedBounds,
         static_cast<std::size_t>(m_layout.pagesPerBlock() * m_layout.boundsBytes()));
    head.staleRows.resize(wanted, 1);
    head.staleBounds.resize(wantedBounds, 1);
}

// Whole blocks: a row of codes lies in three places of its block, and more than a few are stale only after a prompt.
void CacheTwin::copyBlocks(int layer, Head& head, int kvHead, cuda::Stream stream) {
    const KvView view = m_cache.view(layer, kvHead);
    const std::int64_t extent = extentOf(m_cache, layer, kvHead);
    const std::size_t hostBlocks = blocksFor(m_layout, extent);
    for (std::size_t block = 0; block < head.staleRows.size(); ++block) {
        if (!std::exchange(head.staleRows[block], 0) || block >= hostBlocks)
            continue;
        cuda::upload(head.keys[block].data(), view.keys[block], head.keys[block].bytes(), stream);
        cuda::upload(head.values[block].data(), view.values[block], head.values[block].bytes(), stream);
        if (m_layout.keyColumns)
            cuda::upload(head.columns[block].data(), view.keyColumns[block], head.columns[block].bytes(),
                         stream);
    }
    const std::size_t hostBounds = head.staleBounds.empty() ? 0 : boundBlocksFor(m_layout, extent);
    for (std::size_t block = 0; block < head.staleBounds.size(); ++block)
        if (std::exchange(head.staleBounds[block], 0) && block < hostBounds)
            cuda::upload(head.bounds[block].data(), view.bounds[block], head.bounds[block].bytes(), stream);
}

// --- Tables ------------------------------------------------------------------------------------------------

template <class T>
T* CacheTwin::inTables(int layer, std::size_t at) const {
    return reinterpret_cast<T*>(m_tables.as<std::byte>() + static_cast<std::size_t>(layer) * m_form.bytes +
                                at);
}

template <class T>
T* CacheTwin::inMirror(int layer, std::size_t at) {
    return reinterpret_cast<T*>(m_mirror.data() + static_cast<std::size_t>(layer) * m_form.bytes + at);
}

void CacheTwin::writeTables(int layer) {
    const Layer& own = m_layers[static_cast<std::size_t>(layer)];
    for (int kvHead = 0; kvHead < m_layout.kvHeads; ++kvHead) {
        const KvView view = m_cache.view(layer, kvHead);
        const Head& head = own.heads[static_cast<std::size_t>(kvHead)];
        const auto byAge = m_cache.byAge(layer, kvHead);
        const std::int64_t extent = extentOf(m_cache, layer, kvHead);
        inMirror<std::int64_t>(layer, m_form.live)[kvHead] = view.slots;
        inMirror<std::int32_t>(layer, m_form.next)[kvHead] =
            static_cast<std::int32_t>(m_cache.nextSlot(layer, kvHead));
        std::int64_t* const positions = inMirror<std::int64_t>(layer, m_form.positions) + kvHead * m_room;
        std::copy_n(view.positions, extent, positions);
        std::fill(positions + extent, positions + m_room, -1);
        std::copy(byAge.begin(), byAge.end(), inMirror<std::int32_t>(layer, m_form.byAge) + kvHead * m_room);
        inMirror<const std::int64_t*>(layer, m_form.positionRows)[kvHead] =
            inTables<std::int64_t>(layer, m_form.positions) + kvHead * m_room;

        std::int32_t* const pageRows = inMirror<std::int32_t>(layer, m_form.pageRows) + kvHead * m_form.pages;
        std::fill_n(pageRows, m_form.pages, 0);
        for (std::int64_t slot = 0; m_form.pages > 0 && slot < extent; ++slot)
            pageRows[slot / m_layout.page] += positions[slot] >= 0 ? 1 : 0;

        const auto list = [&](const std::vector<cuda::DeviceBuffer>& blocks, std::size_t at,
                              std::int64_t row) {
            void** const table = inMirror<void*>(layer, at) + kvHead * row;
            for (std::size_t i = 0; i < blocks.size(); ++i)
                table[i] = blocks[i].data();
        };
        list(head.keys, m_form.keys, m_form.blocks);
        list(head.values, m_form.values, m_form.blocks);
        list(head.columns, m_form.columns, m_form.blocks);
        list(head.bounds, m_form.bounds, m_form.boundBlocks);
        if (const std::int64_t sums = std::int64_t{m_layout.valueSums} * m_layout.headDim; m_layout.valueSum)
            std::copy_n(view.valueSum, sums, inMirror<float>(layer, m_form.sums) + kvHead * sums);
    }
}

// Stale layers that follow one another in one copy.
void CacheTwin::copyTables(cuda::Stream stream) {
    for (std::size_t first = 0, last = 0; first < m_layers.size(); first = last + 1) {
        for (last = first; last < m_layers.size() && m_layers[last].staleTables; ++last)
            if (!m_layers[last].heads.empty())
                writeTables(static_cast<int>(last));
        if (last == first)
            continue;
        cuda::upload(m_tables.as<std::byte>() + first * m_form.bytes, m_mirror.data() + first * m_form.bytes,
                     (last - first) * m_form.bytes, stream);
        for (std::size_t layer = first; layer < last; ++layer)
            m_layers[layer].staleTables = false;
    }
}

cuda::CacheBlocks CacheTwin::blocks(int reader) const {
    const int layer = m_layout.sourceOf(reader);
    cuda::CacheBlocks blocks;
    blocks.type = m_layout.type;
    blocks.codes = codesOf(m_layout);
    blocks.kvHeads = m_layout.kvHeads;
    blocks.headDim = m_layout.headDim;
    blocks.slotsPerBlock = m_layout.slotsPerBlock;
    blocks.blocksPerHead = m_form.blocks;
    blocks.keys = inTables<void*>(layer, m_form.keys);
    blocks.values = inTables<void*>(layer, m_form.values);
    if (m_layout.keyColumns)
        blocks.keyColumns = inTables<void*>(layer, m_form.columns);
    if (m_layout.valueSum)
        blocks.valueSums = inTables<float>(layer, m_form.sums);
    blocks.sums = m_layout.valueSums;
    if (m_layout.paged(layer)) {
        blocks.bounds = inTables<void*>(layer, m_form.bounds);
        blocks.boundBlocksPerHead = m_form.boundBlocks;
        blocks.page = m_layout.page;
        blocks.pagesPerBlock = m_layout.pagesPerBlock();
        blocks.pageRows = inTables<std::int32_t>(layer, m_form.pageRows);
        blocks.pagesPerHead = m_form.pages;
    }
    blocks.slots.capacity = m_room;
    blocks.slots.live = inTables<std::int64_t>(layer, m_form.live);
    blocks.slots.next = inTables<std::int32_t>(layer, m_form.next);
    blocks.slots.positions = inTables<std::int64_t>(layer, m_form.positions);
    blocks.slots.byAge = inTables<std::int32_t>(layer, m_form.byAge);
    if (m_mixed)
        blocks.mixed = m_mixed->blocks(layer, blocks.slots.positions);
    return blocks;
}

const std::int64_t* const* CacheTwin::positionRows(int reader) const {
    return inTables<const std::int64_t*>(m_layout.sourceOf(reader), m_form.positionRows);
}

bool CacheTwin::liesAs(const CacheTwin& other) const {
    return m_room == other.m_room && (!m_mixed || m_mixed->liesAs(*other.m_mixed));
}

namespace {

// Buffers begin at whole words.
std::int64_t wordsBetween(const std::byte* from, const std::byte* to) {
    return (reinterpret_cast<std::intptr_t>(to) - reinterpret_cast<std::intptr_t>(from)) / 8;
}

} // namespace

cuda::TextPlace CacheTwin::placeFrom(const CacheTwin& first) const {
    cuda::TextPlace place;
    place.words = wordsBetween(first.m_tables.as<std::byte>(), m_tables.as<std::byte>());
    if (m_mixed)
        place.mixedWords = wordsBetween(first.m_mixed->tables(), m_mixed->tables());
    return place;
}

std::int64_t CacheTwin::bytes() const {
    std::size_t bytes = m_tables.bytes() + (m_mixed ? static_cast<std::size_t>(m_mixed->bytes()) : 0);
    for (const Layer& layer : m_layers)
        for (const Head& head : layer.heads)
            for (const auto* blocks : {&head.keys, &head.values, &head.columns, &head.bounds})
                for (const cuda::DeviceBuffer& block : *blocks)
                    bytes += block.bytes();
    return static_cast<std::int64_t>(bytes);
}

} // namespace fovea
