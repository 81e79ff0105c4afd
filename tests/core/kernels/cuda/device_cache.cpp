#include "tests/core/kernels/cuda/device_cache.h"

#include <algorithm>

namespace fovea::cuda {

namespace {

DeviceBlocks upload(const std::vector<Bytes>& blocks, int heads, std::int64_t perHead) {
    return {heads, blocks.empty() ? 0 : perHead, blocks.empty() ? 1 : blocks[0].size(),
            [&](int head, std::int64_t block, unsigned char* to) {
                const Bytes& from = blocks[static_cast<std::size_t>(head * perHead + block)];
                std::copy(from.begin(), from.end(), to);
            }};
}

// The model's table of slots, as the device has it: -1 in what is free, and in what no slot has reached.
std::vector<std::int64_t> positionsOf(const CacheModel& model) {
    const std::int64_t capacity = model.geometry.capacity();
    std::vector<std::int64_t> positions(static_cast<std::size_t>(model.geometry.kvHeads * capacity), -1);
    for (std::size_t g = 0; g < model.slots.size(); ++g)
        std::copy(model.slots[g].positions().begin(), model.slots[g].positions().end(),
                  positions.begin() + static_cast<std::ptrdiff_t>(g) * capacity);
    return positions;
}

std::vector<std::int32_t> agesOf(const CacheModel& model) {
    const std::int64_t capacity = model.geometry.capacity();
    std::vector<std::int32_t> ages(static_cast<std::size_t>(model.geometry.kvHeads * capacity), 0);
    for (std::size_t g = 0; g < model.slots.size(); ++g)
        std::copy(model.slots[g].byAge().begin(), model.slots[g].byAge().end(),
                  ages.begin() + static_cast<std::ptrdiff_t>(g) * capacity);
    return ages;
}

std::vector<std::int64_t> liveOf(const CacheModel& model) {
    std::vector<std::int64_t> live;
    for (const SlotTable& slots : model.slots)
        live.push_back(slots.live());
    return live;
}

std::vector<std::int32_t> nextOf(const CacheModel& model) {
    std::vector<std::int32_t> next;
    for (const SlotTable& slots : model.slots)
        next.push_back(static_cast<std::int32_t>(slots.next()));
    return next;
}

std::string differenceOf(const DeviceBlocks& device, const std::vector<Bytes>& model, const char* name) {
    for (std::size_t block = 0; block < model.size(); ++block) {
        const Bytes own = device.block(block);
        for (std::size_t byte = 0; byte < own.size(); ++byte)
            if (own[byte] != model[block][byte])
                return std::string(name) + ": byte " + std::to_string(byte) + " of block " +
                       std::to_string(block) + " is " + std::to_string(own[byte]) + ", not " +
                       std::to_string(model[block][byte]);
    }
    return "";
}

} // namespace

DeviceCache::DeviceCache(const CacheModel& model)
    : m_geometry(model.geometry), m_keys(upload(model.keys, m_geometry.kvHeads, m_geometry.blocksPerHead)),
      m_values(upload(model.values, m_geometry.kvHeads, m_geometry.blocksPerHead)),
      m_columns(upload(model.columns, m_geometry.kvHeads, m_geometry.blocksPerHead)),
      m_bounds(upload(model.bounds, m_geometry.kvHeads, m_geometry.boundBlocks())), m_sums(model.sums),
      m_pageRows(model.pageRows), m_next(nextOf(model)), m_byAge(agesOf(model)), m_live(liveOf(model)),
      m_positions(positionsOf(model)) {}

CacheBlocks DeviceCache::blocks() const {
    const CacheGeometry& g = m_geometry;
    CacheBlocks cache;
    cache.type = g.type;
    cache.codes = g.codes;
    cache.kvHeads = g.kvHeads;
    cache.headDim = g.headDim;
    cache.slotsPerBlock = g.slotsPerBlock;
    cache.blocksPerHead = g.blocksPerHead;
    cache.keys = m_keys.table<void* const*>();
    cache.values = m_values.table<void* const*>();
    cache.keyColumns = g.keyColumns ? m_columns.table<void* const*>() : nullptr;
    cache.valueSums = g.valueSums ? m_sums.data() : nullptr;
    cache.sums = g.sums;
    cache.bounds = g.page > 0 ? m_bounds.table<void* const*>() : nullptr;
    cache.boundBlocksPerHead = g.boundBlocks();
    cache.page = g.page;
    cache.pagesPerBlock = g.pagesPerBlock;
    cache.pageRows = m_pageRows.data();
    cache.pagesPerHead = g.pages();
    cache.slots = {g.capacity(), m_live.data(), m_next.data(), m_positions.data(), m_byAge.data()};
    return cache;
}

void DeviceCache::append(const std::vector<float>& k, const std::vector<float>& v,
                         const std::vector<std::int64_t>& positions, Stream stream) const {
    appendMany(k, v, positions, 1, stream);
}

void DeviceCache::appendMany(const std::vector<float>& k, const std::vector<float>& v,
                             const std::vector<std::int64_t>& positions, int tokens, Stream stream,
                             const std::vector<int>& counts) const {
    const machine::Buffer keys = machine::upload(k), values = machine::upload(v),
                          at = machine::upload(positions), each = machine::upload(counts);
    CacheAppend append;
    append.cache = blocks();
    append.k = static_cast<const float*>(keys.data());
    append.v = static_cast<const float*>(values.data());
    append.positions = static_cast<const std::int64_t*>(at.data());
    append.tokens = tokens;
    if (!counts.empty()) {
        append.texts = static_cast<int>(counts.size());
        append.counts = static_cast<const int*>(each.data());
    }
    appendRows(append, stream);
    machine::finish();
}

std::string DeviceCache::difference(const CacheModel& model) const {
    for (const std::string& found :
         {differenceOf(m_keys, model.keys, "keys"), differenceOf(m_values, model.values, "values"),
          differenceOf(m_columns, model.columns, "columns"), differenceOf(m_bounds, model.bounds, "bounds")})
        if (!found.empty())
            return found;
    if (!sameBits(m_sums.read("sums"), model.sums))
        return "sums of values";
    if (m_pageRows.read("page rows") != model.pageRows)
        return "rows of pages";
    if (m_live.read("live") != liveOf(model))
        return "numbers of live slots";
    if (m_next.read("next") != nextOf(model))
        return "next slots";
    std::vector<std::int32_t> ages = m_byAge.read("ages");
    for (std::size_t g = 0; g < model.slots.size(); ++g) // what is beyond the live ones means nothing
        std::fill(ages.begin() + static_cast<std::ptrdiff_t>(g) * model.geometry.capacity() +
                      model.slots[g].live(),
                  ages.begin() + static_cast<std::ptrdiff_t>(g + 1) * model.geometry.capacity(), 0);
    if (ages != agesOf(model))
        return "slots by age";
    if (m_positions.read("positions") != positionsOf(model))
        return "positions";
    return "";
}

} // namespace fovea::cuda
