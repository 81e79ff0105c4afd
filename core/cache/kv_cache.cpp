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

    m_storedValue.resize(static_cast<std::size_t>(layout.headDim));
    m_bounds.resize(layout.page > 0 ? 3 * m_storedValue.size() : 0);
    m_layers.resize(static_cast<std::size_t>(layout.layers));
    for (int i = 0; i < layout.layers; ++i) {
        if (m_layout.sourceOf(i) != i)
            continue;
        Layer& layer = m_layers[static_cast<std::size_t>(i)];
        layer.heads.resize(static_cast<std::size_t>(layout.kvHeads));
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

KvCache::~KvCache() = default;
KvCache::KvCache(KvCache&&) noexcept = default;

std::size_t KvCache::blockBytes() const {
    return static_cast<std::size_t>(m_layout.slotsPerBlock) * static_cast<std::size_t>(m_layout.headDim) *
           static_cast<std::size_t>(elementBytes(m_layout.type));
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
        told(layerIndex, kvHead, position, position, slot, SlotEvent::Kind::Born);
        k += m_layout.headDim;
        v += m_layout.headDim;
    }
    ledger.add(moved);
    // What was written now lives; the sum lived before.
    for (const auto component : {Component::Keys, Component::Values, Component::KeyColumns})
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
    if (growing + bounding == 0)
        return;
    std::vector<CacheBlock> fresh;
    fresh.reserve(growing * kinds() + bounding);
    for (std::size_t i = 0; i < growing * kinds(); ++i)
        fresh.emplace_back(m_layout.memory, blockBytes());
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
    const std::int64_t d = m_layout.headDim;
    const int e = elementBytes(m_layout.type);
    const SlotMemory row = head.at(slot, m_layout);
    cpu::convert(m_layout.type, k, row.key, d);
    cpu::convert(m_layout.type, v, row.value, d);
    moved[Component::Keys] += d * e;
    moved[Component::Values] += d * e;

    if (m_layout.keyColumns) {
        row.writeColumns(m_layout); // the stored row again, so that both copies hold the same rounding
        moved[Component::KeyColumns] += d * e;
    }
    if (m_layout.valueSum) {
        // The sum is of the rows as stored, so that an eviction can take away exactly what was added.
        const float* const stored = storedValue(head, slot);
        for (std::int64_t i = 0; i < std::ssize(head.valueSum); ++i)
            head.valueSum[static_cast<std::size_t>(i)] += stored[i % d];
        moved[Component::Mean] += 2 * static_cast<std::int64_t>(head.valueSum.size() * sizeof(float)); // read, written
    }
}

const float* KvCache::storedValue(const Head& head, std::int64_t slot) {
    cpu::widen(m_layout.type, head.at(slot, m_layout).value, m_storedValue.data(), m_layout.headDim);
    return m_storedValue.data();
}

void KvCache::told(int layer, int kvHead, std::int64_t at, std::int64_t position, std::int64_t slot,
                   SlotEvent::Kind kind) {
    if (m_history)
        m_history->add(layer, kvHead, {at, position, static_cast<std::int32_t>(slot), kind});
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

std::span<const std::int32_t> KvCache::byAge(int layer, int kvHead) const {
    return head(layer, kvHead).slots.byAge();
}

KvView KvCache::view(int layer, int kvHead) const {
    const Head& own = head(layer, kvHead);
    KvView view;
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
    return view;
}

std::int64_t KvCache::reserved() const {
    std::int64_t bytes = 0;
    for (const Layer& layer : m_layers)
        for (const Head& head : layer.heads)
            bytes += static_cast<std::int64_t>(head.blocks.size() * blockBytes() +
                                               head.valueSum.size() * sizeof(float) +
                                               head.boundBlocks.size() * boundsBlockBytes());
    return bytes;
}

} // namespace fovea
