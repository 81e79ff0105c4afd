#include "core/cache/kv_cache.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/cache/kv_cache_parts.h"
#include "core/kernels/cpu/kernels.h"

namespace fovea {

namespace {

void requirePositive(int n, const char* what) {
    if (n < 1)
        throw std::invalid_argument("A cache needs at least one " + std::string(what) + ", not " +
                                    std::to_string(n) + ".");
}

} // namespace

KvCache::KvCache(CacheLayout layout) : m_layout(layout) {
    requirePositive(layout.layers, "layer");
    requirePositive(layout.kvHeads, "KV head");
    requirePositive(layout.headDim, "component per head");
    requirePositive(layout.slotsPerBlock, "slot per block");
    requirePositive(layout.valueSums, "sum of values");
    if (layout.page < 0)
        requirePositive(layout.page, "slot per page");
    if ((layout.codes || layout.mixed) && layout.headDim > kMostRowCodes)
        throw std::invalid_argument("Rows of " + std::to_string(layout.headDim) + " components are not coded: " +
                                    std::to_string(kMostRowCodes) + " is the most.");

    if (layout.mixed && !layout.codecs)
        throw std::invalid_argument("A cache of mixed rows needs codecs.");

    m_rows = layout.rows();
    m_stored.resize(static_cast<std::size_t>(layout.headDim));
    m_floats.resize(m_stored.size() * static_cast<std::size_t>(elementBytes(layout.type)));
    m_bounds.resize(layout.page > 0 ? 2 * m_stored.size() : 0);
    m_layers.resize(static_cast<std::size_t>(layout.layers));
    for (int i = 0; i < layout.layers; ++i) {
        if (m_layout.sourceOf(i) != i)
            continue;
        Layer& layer = m_layers[static_cast<std::size_t>(i)];
        layer.heads.resize(static_cast<std::size_t>(layout.kvHeads));
        if (layout.mixed)
            mixRows(i);
        for (Head& head : layer.heads)
            head.paged = m_layout.paged(i);
        if (layout.valueSum)
            for (Head& head : layer.heads) {
                head.valueSum.assign(static_cast<std::size_t>(layout.headDim) *
                                         static_cast<std::size_t>(layout.valueSums),
                                     0.f);
                m_held[Component::Mean] += static_cast<std::int64_t>(head.valueSum.size() * sizeof(float));
            }
    }
}

void KvCache::mixRows(int layer) {
    auto at = static_cast<std::size_t>(layer * m_layout.kvHeads);
    for (Head& head : m_layers[static_cast<std::size_t>(layer)].heads) {
        const auto rows = [&](const MixedForm& form, const auto& codecs, Component component) {
            return std::make_unique<MixedRows>(form, *codecs[at], m_layout.type, m_layout.headDim, component,
                                               m_layout.memory);
        };
        head.mixedKeys = rows(m_layout.mixed->keys, m_layout.codecs->keys, Component::Keys);
        head.mixedValues = rows(m_layout.mixed->values, m_layout.codecs->values, Component::Values);
        ++at;
    }
}

KvCache::~KvCache() = default;
KvCache::KvCache(KvCache&&) noexcept = default;

// Of keys, values and the copy of keys, in this order.
std::size_t KvCache::blockBytes(std::size_t kind) const {
    if (kind < 2 && m_layout.mixed) {
        const MixedForm& form = kind == 0 ? m_layout.mixed->keys : m_layout.mixed->values;
        return static_cast<std::size_t>(form.sizes.record() * m_layout.slotsPerBlock);
    }
    if (kind < 2)
        return static_cast<std::size_t>(m_rows.blockBytes());
    return static_cast<std::size_t>(m_layout.slotsPerBlock) * m_floats.size();
}

std::size_t KvCache::boundsBlockBytes() const {
    return static_cast<std::size_t>(m_layout.pagesPerBlock() * m_layout.boundsBytes());
}

KvCache::Head& KvCache::head(int layer, int kvHead) const {
    auto& heads = const_cast<Layer&>(m_layers[static_cast<std::size_t>(m_layout.sourceOf(layer))]).heads;
    return heads[static_cast<std::size_t>(kvHead)];
}

void KvCache::append(int layerIndex, std::int64_t position, const float* k, const float* v, Ledger& ledger) {
    Layer& layer = m_layers[static_cast<std::size_t>(layerIndex)];
    growFor(layer);

    Traffic moved;
    for (int kvHead = 0; kvHead < m_layout.kvHeads; ++kvHead) {
        Head& head = layer.heads[static_cast<std::size_t>(kvHead)];
        const std::int64_t slot = head.slots.next();
        head.slots.take(position);
        writeRow(head, slot, k, v, moved);
        boundRow(head, slot, layer.changes, moved);
        if (m_layout.mixed)
            codeDueRows(layerIndex, kvHead, position + 1, moved);
        told(layerIndex, kvHead, position, position, slot, SlotEvent::Kind::Born);
        k += m_layout.headDim;
        v += m_layout.headDim;
    }
    ledger.add(moved);
    // What was written now lives; the sum lived before.
    m_held[Component::KeyColumns] += moved[Component::KeyColumns];
    if (!m_layout.mixed) // whose heads know what they hold
        for (const auto component : {Component::Keys, Component::Values, Component::Scales})
            m_held[component] += moved[component];
}

// One more block of each kind for every head whose next token has no room, or none for any.
void KvCache::growFor(Layer& layer) {
    const auto full = [&](const Head& head) { return head.full(m_layout); };
    const auto boundsFull = [&](const Head& head) { return head.boundsFull(m_layout); };
    const auto growing =
        static_cast<std::size_t>(std::count_if(layer.heads.begin(), layer.heads.end(), full));
    const auto bounding =
        static_cast<std::size_t>(std::count_if(layer.heads.begin(), layer.heads.end(), boundsFull));
    for (Head& head : layer.heads)
        if (m_layout.mixed)
            for (MixedRows* const rows : head.mixedRows())
                rows->reserve((head.slots.next() / m_layout.slotsPerBlock + 1) * m_layout.slotsPerBlock,
                              m_layout.slotsPerBlock);
    if (growing + bounding == 0)
        return;
    std::vector<CacheBlock> fresh;
    fresh.reserve(growing * kinds() + bounding);
    for (std::size_t i = 0; i < growing * kinds(); ++i)
        fresh.emplace_back(m_layout.memory, blockBytes(i % kinds()));
    for (std::size_t i = 0; i < bounding; ++i)
        fresh.emplace_back(m_layout.memory, boundsBlockBytes());
    for (Head& head : layer.heads) {
        head.slots.reserve(m_layout.slotsPerBlock);
        head.blocks.reserve(head.blocks.size() + kinds());
        for (auto* table : {&head.keys, &head.values, &head.keyColumns, &head.bounds})
            table->reserve(table->size() + 1);
        head.boundBlocks.reserve(head.boundBlocks.size() + 1);
        head.pageRows.reserve(head.pageRows.size() + static_cast<std::size_t>(m_layout.pagesPerBlock()));
    }

    // Nothing throws from here on.
    auto next = fresh.begin();
    for (Head& head : layer.heads) {
        if (!full(head))
            continue;
        head.keys.push_back(next[0].data());
        head.values.push_back(next[1].data());
        if (m_layout.keyColumns)
            head.keyColumns.push_back(next[2].data());
        for (std::size_t kind = 0; kind < kinds(); ++kind)
            head.blocks.push_back(std::move(*next++));
    }
    for (Head& head : layer.heads)
        if (boundsFull(head)) {
            head.bounds.push_back(next->data());
            head.boundBlocks.push_back(std::move(*next++));
            head.pageRows.resize(head.pageRows.size() + static_cast<std::size_t>(m_layout.pagesPerBlock()), 0);
        }
}

void KvCache::writeRow(Head& head, std::int64_t slot, const float* k, const float* v, Traffic& moved) {
    const std::int64_t d = m_layout.headDim, row = slot % m_layout.slotsPerBlock;
    if (m_layout.mixed) {
        head.mixedKeys->write(head.keyPlaces(m_layout), slot, k, moved);
        head.mixedValues->write(head.valuePlaces(m_layout), slot, v, moved);
    } else {
        m_rows.write(Head::blockOf(head.keys, slot, m_layout), row, k);
        m_rows.write(Head::blockOf(head.values, slot, m_layout), row, v);
        m_rows.count(moved, Component::Keys, 1);
        m_rows.count(moved, Component::Values, 1);
    }

    if (m_layout.keyColumns) {
        writeColumns(head, slot, k);
        moved[Component::KeyColumns] += std::ssize(m_floats);
    }
    if (m_layout.valueSum) {
        // The sum is of the rows as stored, so that an eviction can take away exactly what was added.
        const float* const stored = storedRow(head, Component::Values, slot);
        for (std::int64_t i = 0; i < std::ssize(head.valueSum); ++i)
            head.valueSum[static_cast<std::size_t>(i)] += stored[i % d];
        moved[Component::Mean] += 2 * static_cast<std::int64_t>(head.valueSum.size() * sizeof(float)); // read, written
    }
}

// Rounded as floats are: where rows are floats too both hold the same, and of a row of codes the copy is the closer one.
void KvCache::writeColumns(Head& head, std::int64_t slot, const float* k) {
    const std::int64_t e = elementBytes(m_layout.type);
    std::byte* const column = head.columnOf(slot, m_layout);
    cpu::convert(m_layout.type, k, m_floats.data(), m_layout.headDim);
    for (std::int64_t c = 0; c < m_layout.headDim; ++c)
        std::copy_n(m_floats.data() + c * e, e, column + c * m_layout.slotsPerBlock * e);
}

void KvCache::copyColumns(Head& head, std::int64_t from, std::int64_t to) {
    const std::int64_t e = elementBytes(m_layout.type);
    const std::byte* const source = head.columnOf(from, m_layout);
    std::byte* const target = head.columnOf(to, m_layout);
    for (std::int64_t c = 0; c < m_layout.headDim; ++c)
        std::copy_n(source + c * m_layout.slotsPerBlock * e, e, target + c * m_layout.slotsPerBlock * e);
}

const float* KvCache::storedRow(const Head& head, Component rows, std::int64_t slot, Traffic* moved) {
    const bool keys = rows == Component::Keys;
    if (m_layout.mixed) {
        const MixedRows& mixed = keys ? *head.mixedKeys : *head.mixedValues;
        const SlotPlaces at = keys ? head.keyPlaces(m_layout) : head.valuePlaces(m_layout);
        const auto one = static_cast<std::int32_t>(slot);
        mixed.read(at, {&one, 1}, m_stored.data(), moved);
        return m_stored.data();
    }
    m_rows.read(Head::blockOf(keys ? head.keys : head.values, slot, m_layout), slot % m_layout.slotsPerBlock, 1,
                m_stored.data());
    if (moved)
        m_rows.count(*moved, rows, 1);
    return m_stored.data();
}

void KvCache::told(int layer, int kvHead, std::int64_t at, std::int64_t position, std::int64_t slot,
                   SlotEvent::Kind kind) {
    const SlotEvent event{at, position, static_cast<std::int32_t>(slot), kind};
    if (m_history)
        m_history->add(layer, kvHead, event);
    if (m_follower)
        m_follower->happened(layer, kvHead, event);
}

std::int64_t KvCache::slots(int layer, int kvHead) const {
    return head(layer, kvHead).slots.live();
}

std::int64_t KvCache::position(int layer, int kvHead, std::int64_t slot) const {
    return head(layer, kvHead).slots.positions()[static_cast<std::size_t>(slot)];
}

bool KvCache::hasHole(int layer, int kvHead) const {
    const SlotTable& slots = head(layer, kvHead).slots;
    return slots.next() < slots.live();
}

std::int64_t KvCache::nextSlot(int layer, int kvHead) const {
    return head(layer, kvHead).slots.next();
}

std::span<const std::int32_t> KvCache::byAge(int layer, int kvHead) const {
    return head(layer, kvHead).slots.byAge();
}

KvView KvCache::view(int layer, int kvHead) const {
    const Head& own = head(layer, kvHead);
    KvView view;
    view.mixedKeys = own.mixedKeys.get();
    view.mixedValues = own.mixedValues.get();
    view.keys = own.keys.data();
    view.values = own.values.data();
    view.keyColumns = m_layout.keyColumns ? own.keyColumns.data() : nullptr;
    view.valueSum = m_layout.valueSum ? own.valueSum.data() : nullptr;
    view.valueSums = m_layout.valueSums;
    view.bounds = own.paged ? own.bounds.data() : nullptr;
    view.page = own.paged ? m_layout.page : 0;
    view.pagesPerBlock = m_layout.pagesPerBlock();
    view.positions = own.slots.positions().data();
    view.byAge = own.slots.inOrder() ? nullptr : own.slots.byAge().data();
    view.slots = own.slots.live();
    view.slotsPerBlock = m_layout.slotsPerBlock;
    view.headDim = m_layout.headDim;
    view.type = m_layout.type;
    view.codes = m_layout.codes;
    return view;
}

Traffic KvCache::held() const {
    Traffic held = m_held;
    if (!m_layout.mixed)
        return held;
    for (const Layer& layer : m_layers)
        for (const Head& head : layer.heads)
            for (const MixedRows* const rows : head.mixedRows())
                held += rows->held();
    return held;
}

std::int64_t KvCache::reserved() const {
    std::size_t blocksBytes = 0; // a block of each kind
    for (std::size_t kind = 0; kind < kinds(); ++kind)
        blocksBytes += blockBytes(kind);
    std::int64_t bytes = 0;
    for (const Layer& layer : m_layers)
        for (const Head& head : layer.heads) {
            for (const MixedRows* const rows : head.mixedRows())
                bytes += rows ? rows->reserved() : 0;
            bytes += static_cast<std::int64_t>(head.keys.size() * blocksBytes +
                                               head.valueSum.size() * sizeof(float) +
                                               head.boundBlocks.size() * boundsBlockBytes());
        }
    return bytes;
}

} // namespace fovea
