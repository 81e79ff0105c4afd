#include "core/cache/kv_cache.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/kernels/cpu/kernels.h"

namespace fovea {

namespace {

// A cache line, and the widest vector register.
constexpr std::size_t kAlignment = 64;

void requirePositive(int n, const char* what) {
    if (n < 1)
        throw std::invalid_argument("A cache needs at least one " + std::string(what) + ", not " +
                                    std::to_string(n) + ".");
}

std::byte* at(const void* block, std::int64_t element, int bytes) {
    return const_cast<std::byte*>(static_cast<const std::byte*>(block)) + element * bytes;
}

} // namespace

// Memory of slotsPerBlock rows.
class KvCache::Block {
public:
    Block(std::pmr::memory_resource* memory, std::size_t bytes)
        : m_memory(memory), m_bytes(bytes), m_data(memory->allocate(bytes, kAlignment)) {}
    ~Block() {
        if (m_data)
            m_memory->deallocate(m_data, m_bytes, kAlignment);
    }
    Block(Block&& other) noexcept
        : m_memory(other.m_memory), m_bytes(other.m_bytes), m_data(std::exchange(other.m_data, nullptr)) {}
    Block& operator=(Block&& other) noexcept {
        std::swap(m_memory, other.m_memory);
        std::swap(m_bytes, other.m_bytes);
        std::swap(m_data, other.m_data);
        return *this;
    }

    const void* data() const { return m_data; }

private:
    std::pmr::memory_resource* m_memory;
    std::size_t m_bytes;
    void* m_data;
};

struct KvCache::Head {
    std::vector<const void*> keys, values, keyColumns; // one pointer per block, as KvView wants them
    std::vector<float> valueSum;                       // (d) or empty
};

struct KvCache::Layer {
    std::vector<Head> heads;             // (G)
    std::vector<Block> blocks;           // owns what the heads point to
    std::vector<std::int64_t> positions; // per live slot
};

KvCache::KvCache(CacheLayout layout) : m_layout(layout) {
    requirePositive(layout.layers, "layer");
    requirePositive(layout.kvHeads, "KV head");
    requirePositive(layout.headDim, "component per head");
    requirePositive(layout.slotsPerBlock, "slot per block");

    m_storedValue.resize(static_cast<std::size_t>(layout.headDim));
    m_layers.resize(static_cast<std::size_t>(layout.layers));
    for (Layer& layer : m_layers) {
        layer.heads.resize(static_cast<std::size_t>(layout.kvHeads));
        if (layout.valueSum)
            for (Head& head : layer.heads) {
                head.valueSum.assign(static_cast<std::size_t>(layout.headDim), 0.f);
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

std::int64_t KvCache::append(int layerIndex, std::int64_t position, const float* k, const float* v,
                             Ledger& ledger) {
    Layer& layer = m_layers[static_cast<std::size_t>(layerIndex)];
    const auto slot = static_cast<std::int64_t>(layer.positions.size());

    if (slot % m_layout.slotsPerBlock == 0)
        growFor(layer);
    layer.positions.push_back(position); // growFor took its memory too

    Traffic moved;
    for (Head& head : layer.heads) {
        writeRow(head, slot, k, v, moved);
        k += m_layout.headDim;
        v += m_layout.headDim;
    }
    ledger.add(moved);
    // What was written now lives; the sum lived before.
    for (const auto component : {Component::Keys, Component::Values, Component::KeyColumns})
        m_held[component] += moved[component];
    return slot;
}

// One more block of each kind for every head of the layer, or none.
void KvCache::growFor(Layer& layer) {
    const std::size_t kinds = m_layout.keyColumns ? 3 : 2;
    std::vector<Block> fresh;
    fresh.reserve(layer.heads.size() * kinds);
    for (std::size_t i = 0; i < layer.heads.size() * kinds; ++i)
        fresh.emplace_back(m_layout.memory, blockBytes());

    layer.positions.reserve(layer.positions.size() + static_cast<std::size_t>(m_layout.slotsPerBlock));
    layer.blocks.reserve(layer.blocks.size() + fresh.size());
    for (Head& head : layer.heads)
        for (auto* table : {&head.keys, &head.values, &head.keyColumns})
            table->reserve(table->size() + 1);

    // Nothing throws from here on.
    auto next = fresh.begin();
    for (Head& head : layer.heads) {
        head.keys.push_back((next++)->data());
        head.values.push_back((next++)->data());
        if (m_layout.keyColumns)
            head.keyColumns.push_back((next++)->data());
    }
    for (Block& block : fresh)
        layer.blocks.push_back(std::move(block));
}

void KvCache::writeRow(Head& head, std::int64_t slot, const float* k, const float* v, Traffic& moved) {
    const std::int64_t d = m_layout.headDim, perBlock = m_layout.slotsPerBlock;
    const auto block = static_cast<std::size_t>(slot / perBlock);
    const std::int64_t row = slot % perBlock;
    const int e = elementBytes(m_layout.type);

    std::byte* key = at(head.keys[block], row * d, e);
    std::byte* value = at(head.values[block], row * d, e);
    cpu::convert(m_layout.type, k, key, d);
    cpu::convert(m_layout.type, v, value, d);
    moved[Component::Keys] += d * e;
    moved[Component::Values] += d * e;

    if (m_layout.keyColumns) {
        // The stored row again, one element per column, so that both copies hold the same rounding.
        for (std::int64_t c = 0; c < d; ++c)
            std::copy_n(key + c * e, e, at(head.keyColumns[block], c * perBlock + row, e));
        moved[Component::KeyColumns] += d * e;
    }
    if (m_layout.valueSum) {
        // The sum is of the rows as stored, so that an eviction can take away exactly what was added.
        cpu::widen(m_layout.type, value, m_storedValue.data(), d);
        for (std::int64_t c = 0; c < d; ++c)
            head.valueSum[static_cast<std::size_t>(c)] += m_storedValue[static_cast<std::size_t>(c)];
        moved[Component::Mean] += 2 * d * static_cast<std::int64_t>(sizeof(float)); // read and written
    }
}

std::int64_t KvCache::slots(int layer) const {
    return static_cast<std::int64_t>(m_layers[static_cast<std::size_t>(layer)].positions.size());
}

std::int64_t KvCache::position(int layer, std::int64_t slot) const {
    return m_layers[static_cast<std::size_t>(layer)].positions[static_cast<std::size_t>(slot)];
}

KvView KvCache::view(int layer, int kvHead) const {
    const Head& head = m_layers[static_cast<std::size_t>(layer)].heads[static_cast<std::size_t>(kvHead)];
    KvView view;
    view.keys = head.keys.data();
    view.values = head.values.data();
    view.keyColumns = m_layout.keyColumns ? head.keyColumns.data() : nullptr;
    view.valueSum = m_layout.valueSum ? head.valueSum.data() : nullptr;
    view.slots = slots(layer);
    view.slotsPerBlock = m_layout.slotsPerBlock;
    view.headDim = m_layout.headDim;
    view.type = m_layout.type;
    return view;
}

std::int64_t KvCache::reserved() const {
    std::int64_t bytes = 0;
    for (const Layer& layer : m_layers) {
        bytes += static_cast<std::int64_t>(layer.blocks.size() * blockBytes());
        for (const Head& head : layer.heads)
            bytes += static_cast<std::int64_t>(head.valueSum.size() * sizeof(float));
    }
    return bytes;
}

} // namespace fovea
