#include "core/engine/device/prompt_twin.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "core/cache/cache_view_reader.h"
#include "core/cache/kv_cache.h"
#include "core/engine/prompt_rows.h"

namespace fovea {

namespace {

// The newest tokens whose rows may still become codes of a text that goes on.
std::int64_t unsettledRows(const CacheLayout& layout) {
    if (!layout.mixed)
        return 0;
    const ExactRows &keys = layout.mixed->keys.exact, &values = layout.mixed->values.exact;
    return std::max(keys.newest + keys.bulk, values.newest + values.bulk);
}

} // namespace

PromptTwin::PromptTwin(const KvCache& cache, const PromptRows* rows)
    : m_cache(cache), m_rows(rows), m_heads(cache.layout().kvHeads), m_dims(cache.layout().headDim),
      m_blocks(static_cast<std::size_t>(cache.layout().layers)) {}

float* PromptTwin::rowsOf(int layer, int part, int kvHead, std::int64_t block) const {
    const auto& blocks = m_blocks[static_cast<std::size_t>(layer)];
    return blocks[static_cast<std::size_t>(block)].as<float>() + (part * m_heads + kvHead) * kSlots * m_dims;
}

void PromptTwin::prepare(std::int64_t first, std::int64_t count, cuda::Stream stream) {
    makeRoom(first + count);
    catchUp(first, stream);
    // Kernels that write rows count them; those that are read back are there when a kernel looks.
    writeTables(m_rows ? first : first + count, stream);
}

void PromptTwin::makeRoom(std::int64_t tokens) {
    const auto wanted = static_cast<std::size_t>((tokens + kSlots - 1) / kSlots);
    for (int layer = 0; layer < m_cache.layout().layers; ++layer)
        if (auto& blocks = m_blocks[static_cast<std::size_t>(layer)];
            m_cache.layout().sourceOf(layer) == layer)
            while (blocks.size() < wanted)
                blocks.emplace_back(static_cast<std::size_t>(2 * m_heads * kSlots * m_dims) * sizeof(float));
}

void PromptTwin::catchUp(std::int64_t first, cuda::Stream stream) {
    if (m_tokens == first)
        return;
    for (int layer = 0; layer < m_cache.layout().layers; ++layer)
        for (int head = 0; head < m_heads && !m_blocks[static_cast<std::size_t>(layer)].empty(); ++head)
            copyHead(layer, head, m_tokens, first, stream);
    m_tokens = first;
}

void PromptTwin::readBack(int layer, std::int64_t count, cuda::Stream stream) {
    const std::int64_t from = std::max<std::int64_t>(0, m_tokens - unsettledRows(m_cache.layout()));
    for (int head = 0; head < m_heads; ++head)
        copyHead(layer, head, from, m_tokens + count, stream);
}

// The tokens at from … end - 1. What no query sees any more, for the model's own window or the keep is behind it, the host need
// not have: zeros.
void PromptTwin::copyHead(int layer, int kvHead, std::int64_t from, std::int64_t end, cuda::Stream stream) {
    KvView view = m_cache.view(layer, kvHead);
    view.slots += m_cache.hasHole(layer, kvHead) ? 1 : 0; // between two tokens a slot among them may be free
    CacheViewReader held(view);
    const at::Tensor all = held.positions(), slots = (all >= from).nonzero().squeeze(-1),
                     positions = all.index_select(0, slots);
    const auto copy = [&](int part, const at::Tensor& rows) {
        copyRows(layer, part, kvHead, at::zeros({end - from, m_dims}).index_copy_(0, positions - from, rows),
                 from, stream);
    };
    const at::Tensor keys = held.keyRows(slots), values = held.valueRows(slots);
    copy(0, m_rows ? m_rows->keys(layer, kvHead, positions, keys) : keys);
    copy(1, m_rows ? m_rows->values(layer, kvHead, positions, values) : values);
}

// rows (n, d) of the tokens at from, from + 1, ….
void PromptTwin::copyRows(int layer, int part, int kvHead, const at::Tensor& rows, std::int64_t from,
                          cuda::Stream stream) {
    const float* const values = rows.data_ptr<float>();
    for (std::int64_t begin = from, end = 0; begin < from + rows.size(0); begin = end) {
        end = std::min(from + rows.size(0), (begin / kSlots + 1) * kSlots);
        cuda::upload(rowsOf(layer, part, kvHead, begin / kSlots) + begin % kSlots * m_dims,
                     values + (begin - from) * m_dims,
                     static_cast<std::size_t>((end - begin) * m_dims) * sizeof(float), stream);
    }
}

void PromptTwin::writeTables(std::int64_t live, cuda::Stream stream) {
    const std::int64_t blocks = std::ssize(m_blocks.front());
    std::vector<void*> tables;
    for (int layer = 0; layer < m_cache.layout().layers; ++layer)
        for (int part = 0; part < 2; ++part)
            for (int head = 0; head < m_heads; ++head)
                for (std::int64_t block = 0; block < blocks; ++block)
                    tables.push_back(rowsOf(m_cache.layout().sourceOf(layer), part, head, block));
    put(m_tables, tables, stream);
    const auto heads = static_cast<std::size_t>(m_cache.layout().layers * m_heads);
    put(m_live, std::vector<std::int64_t>(heads, live), stream);
    put(m_next, std::vector<std::int32_t>(heads, static_cast<std::int32_t>(live)), stream);
    m_positions.atLeast(m_heads * blocks * kSlots); // written with each token, and not read
    m_byAge.atLeast(m_heads * blocks * kSlots);
}

cuda::CacheBlocks PromptTwin::blocks(int reader) const {
    const std::int64_t layer = m_cache.layout().sourceOf(reader);
    cuda::CacheBlocks blocks;
    blocks.type = ElementType::F32;
    blocks.kvHeads = static_cast<int>(m_heads);
    blocks.headDim = static_cast<int>(m_dims);
    blocks.slotsPerBlock = static_cast<int>(kSlots);
    blocks.blocksPerHead = std::ssize(m_blocks.front());
    blocks.keys = m_tables.data() + layer * 2 * m_heads * blocks.blocksPerHead;
    blocks.values = blocks.keys + m_heads * blocks.blocksPerHead;
    blocks.slots.capacity = blocks.blocksPerHead * kSlots;
    blocks.slots.live = m_live.data() + layer * m_heads;
    blocks.slots.next = m_next.data() + layer * m_heads;
    blocks.slots.positions = m_positions.data();
    blocks.slots.byAge = m_byAge.data();
    return blocks;
}

} // namespace fovea
