#include "core/engine/device/prompt_twin.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "core/cache/cache_view_reader.h"
#include "core/cache/kv_cache.h"
#include "core/engine/prompt_rows.h"

namespace fovea {

PromptTwin::PromptTwin(const KvCache& cache, const PromptRows& rows)
    : m_cache(cache), m_rows(rows), m_heads(cache.layout().kvHeads), m_dims(cache.layout().headDim),
      m_blocks(static_cast<std::size_t>(cache.layout().layers)) {}

float* PromptTwin::rowsOf(int layer, int part, int kvHead, std::int64_t block) const {
    const auto& blocks = m_blocks[static_cast<std::size_t>(layer)];
    return blocks[static_cast<std::size_t>(block)].as<float>() + (part * m_heads + kvHead) * kSlots * m_dims;
}

void PromptTwin::prepare(std::int64_t first, std::int64_t count, cuda::Stream stream) {
    makeRoom(first + count);
    catchUp(first, stream);
    writeTables(first, stream);
}

void PromptTwin::makeRoom(std::int64_t tokens) {
    const auto wanted = static_cast<std::size_t>((tokens + kSlots - 1) / kSlots);
    for (int layer = 0; layer < m_cache.layout().layers; ++layer)
        if (auto& blocks = m_blocks[static_cast<std::size_t>(layer)];
            m_cache.layout().sourceOf(layer) == layer)
            while (blocks.size() < wanted)
                blocks.emplace_back(static_cast<std::size_t>(2 * m_heads * kSlots * m_dims) * sizeof(float));
}

// What no query sees any more, for the model's own window is behind it, the host need not have: zeros.
void PromptTwin::catchUp(std::int64_t first, cuda::Stream stream) {
    if (m_tokens == first)
        return;
    for (int layer = 0; layer < m_cache.layout().layers; ++layer)
        for (int head = 0; head < m_heads && !m_blocks[static_cast<std::size_t>(layer)].empty(); ++head) {
            KvView view = m_cache.view(layer, head);
            view.slots +=
                m_cache.hasHole(layer, head) ? 1 : 0; // between two tokens a slot among them may be free
            CacheViewReader held(view);
            const at::Tensor all = held.positions(), slots = (all >= 0).nonzero().squeeze(-1),
                             positions = all.index_select(0, slots);
            copyRows(layer, 0, head, positions, m_rows.keys(layer, head, positions, held.keyRows(slots)),
                     first, stream);
            copyRows(layer, 1, head, positions, m_rows.values(layer, head, positions, held.valueRows(slots)),
                     first, stream);
        }
    m_tokens = first;
}

// rows (n, d) of the tokens at `positions` (n), of which those before m_tokens are here.
void PromptTwin::copyRows(int layer, int part, int kvHead, const at::Tensor& positions,
                          const at::Tensor& rows, std::int64_t first, cuda::Stream stream) {
    const at::Tensor byPosition = at::zeros({first, m_dims}).index_copy_(0, positions, rows);
    const float* const from = byPosition.data_ptr<float>();
    for (std::int64_t begin = m_tokens, end = 0; begin < first; begin = end) {
        end = std::min(first, (begin / kSlots + 1) * kSlots);
        cuda::upload(rowsOf(layer, part, kvHead, begin / kSlots) + begin % kSlots * m_dims,
                     from + begin * m_dims, static_cast<std::size_t>((end - begin) * m_dims) * sizeof(float),
                     stream);
    }
}

void PromptTwin::writeTables(std::int64_t first, cuda::Stream stream) {
    const std::int64_t blocks = std::ssize(m_blocks.front());
    std::vector<void*> tables;
    for (int layer = 0; layer < m_cache.layout().layers; ++layer)
        for (int part = 0; part < 2; ++part)
            for (int head = 0; head < m_heads; ++head)
                for (std::int64_t block = 0; block < blocks; ++block)
                    tables.push_back(rowsOf(m_cache.layout().sourceOf(layer), part, head, block));
    put(m_tables, tables, stream);
    const auto heads = static_cast<std::size_t>(m_cache.layout().layers * m_heads);
    put(m_live, std::vector<std::int64_t>(heads, first), stream);
    put(m_next, std::vector<std::int32_t>(heads, static_cast<std::int32_t>(first)), stream);
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
