#include "core/engine/device/device_prompt.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <numeric>
#include <variant>

#include "core/engine/device/cache_twin.h"
#include "core/engine/device/prompt_twin.h"
#include "core/engine/layer_keeps.h"
#include "core/engine/prompt_sight.h"
#include "core/engine/sequence.h"
#include "core/kernels/cuda/cache_writes.h"
#include "core/plan/attention_plan.h"
#include "core/plan/plan_prefill.h"

namespace fovea {

namespace {

bool hears(Sequence& text) {
    return text.observer() && text.observer()->hearsReads();
}

} // namespace

DevicePrompt::DevicePrompt(const DecodeState& state, DeviceLayers& layers, cuda::Stream stream)
    : m(state), m_spec(state.model.spec), m_layers(layers), m_stream(stream), m_angles(m_spec),
      m_turns(m_spec, state.keeps, masksPrefill(state.plan)), m_rows(m_spec),
      m_cosines(static_cast<std::size_t>(m_spec.layers)), m_sines(static_cast<std::size_t>(m_spec.layers)) {
    for (std::size_t layer = 0; layer < m_cosines.size(); ++layer) {
        std::size_t first = 0;
        while (m_spec.ropeOf(static_cast<int>(first)) != m_spec.ropeOf(static_cast<int>(layer)))
            ++first;
        m_anglesOf.push_back(first);
    }
}

DevicePrompt::Rows DevicePrompt::rowsFor(Sequence& text) {
    if (text.promptRows())
        return Rows::AsTheyCame;
    return text.cache().layout().mixed ? Rows::AsHeld : Rows::InCache;
}

// Rows that lie by position do not say what a keep has dropped: they are the host's after steps whose keep goes on.
bool DevicePrompt::takes(Sequence& text) const {
    if (m.tap)
        return false;
    return rowsFor(text) == Rows::InCache || !text.keeping() || masksPrefill(m.plan) ||
           std::holds_alternative<KeepAll>(m.plan.keep);
}

bool DevicePrompt::read(Sequence& text, std::span<const int> tokens, std::int64_t length) {
    if (!takes(text))
        return false;
    prepare(text, tokens, length);
    const bool mixed = text.cache().layout().mixed.has_value(), tells = hears(text);
    const bool byLayer = m_see == Rows::AsHeld || tells;
    if (!mixed) // mixed rows are copied before they are read: by a step
        text.onDevice().beginStep();
    m_layers.embed(m_tokens.data(), m_positions.data());
    for (int layer = 0; layer < m_spec.layers; ++layer) {
        const std::size_t angles = m_anglesOf[static_cast<std::size_t>(layer)];
        const DeviceLayers::Heads heads = m_rows.on(layer);
        m_layers.project(layer, heads,
                         {m_cosines[angles].data(), m_sines[angles].data(),
                          static_cast<int>(m_angles.cosines(layer).size())});
        if (m_spec.ownsKv(layer))
            appendOnDevice(layer, heads, text);
        if (byLayer)
            fetchToHost(layer, text);
        if (m_see == Rows::AsHeld && m_spec.ownsKv(layer))
            text.promptOnDevice().readBack(layer, m_count, m_stream);
        attend(layer, text);
        if (tells)
            tellObserver(layer, text);
        if (layer + 1 <
            m_spec.layers) // nobody asks what follows a prompt's tokens but the last, which is a step's
            m_layers.finish(layer, m_attended.data());
    }
    if (!byLayer) {
        m_rows.fetch(m_stream);
        cuda::wait(m_stream);
        for (int layer = 0; layer < m_spec.layers; ++layer)
            giveToHost(layer, text);
    }
    if (!mixed)
        text.onDevice().endStep();
    if (m_see != Rows::InCache)
        text.promptOnDevice().wrote(m_count);
    m_layers.takeMoved(); // no step's
    return true;
}

void DevicePrompt::append(const DeviceLayers::Heads& heads, const cuda::CacheBlocks& to) const {
    cuda::CacheAppend append;
    append.cache = to;
    append.k = heads.k;
    append.v = heads.v;
    append.positions = m_first.data();
    append.tokens = static_cast<int>(m_count);
    cuda::appendRows(append, m_stream);
}

void DevicePrompt::appendOnDevice(int layer, const DeviceLayers::Heads& heads, Sequence& text) const {
    if (!text.cache().layout().mixed)
        append(heads, text.onDevice().blocks(layer));
    if (m_see == Rows::AsTheyCame)
        append(heads, text.promptOnDevice().blocks(layer));
}

void DevicePrompt::fetchToHost(int layer, Sequence& text) {
    m_rows.fetch(layer, m_stream);
    cuda::wait(m_stream);
    giveToHost(layer, text);
}

void DevicePrompt::giveToHost(int layer, Sequence& text) {
    for (std::int64_t t = 0; t < m_count; ++t)
        m_rows.appendTo(text, layer, t, text.tokens() + t);
}

// Layer by layer, so that weights take the room of one; all memory was taken before the first of them.
void DevicePrompt::tellObserver(int layer, Sequence& text) {
    const at::Tensor given = at::empty({m_spec.kvHeads, m_count, m_slots});
    cuda::download(given.data_ptr<float>(), m_weights.data(), static_cast<std::size_t>(given.nbytes()),
                   m_stream);
    cuda::wait(m_stream);
    const std::vector<HeadRows> held =
        rowsOfHeads(text.cache(), layer, m_count, &m.keeps.of(layer, masksPrefill(m.plan)));
    for (int head = 0; head < m_spec.kvHeads; ++head) {
        const HeadRows& rows = held[static_cast<std::size_t>(head)];
        const at::Tensor weights = m_see != Rows::InCache
                                       ? given[head].index_select(1, rows.positions) // of slots by position
                                       : given[head].narrow(1, 0, rows.positions.size(0));
        text.observer()->prefilled(layer, head, text.cache().view(layer, head),
                                   {weights.contiguous(), rows.hidden.logical_not(), m_spec.group()});
    }
}

void DevicePrompt::prepare(Sequence& text, std::span<const int> tokens, std::int64_t length) {
    m_count = std::ssize(tokens);
    m_see = rowsFor(text);
    if (!text.cache().layout().mixed)
        text.onDevice().prepare(m_stream, m_count);
    if (m_see != Rows::InCache)
        text.promptOnDevice().prepare(text.tokens(), m_count, m_stream);
    m_layers.begin(m_count, DeviceLayers::Products::Prompt);
    m_rows.begin(m_count);
    m_attended.atLeast(m_count * m_spec.queryHeads * m_spec.headDim);
    std::vector<int> positions(tokens.size());
    std::iota(positions.begin(), positions.end(), static_cast<int>(text.tokens()));
    put(m_tokens, std::vector<int>(tokens.begin(), tokens.end()), m_stream);
    put(m_positions, positions, m_stream);
    put(m_first, std::vector<std::int64_t>(static_cast<std::size_t>(m_spec.kvHeads), text.tokens()),
        m_stream);
    if (hears(text)) {
        m_slots = text.tokens() + m_count;
        for (int layer = 0; layer < m_spec.layers; ++layer)
            for (int head = 0; head < m_spec.kvHeads; ++head)
                m_slots = std::max(m_slots, text.cache().slots(layer, head) + m_count);
        m_softmax.atLeast(m_count * m_spec.queryHeads * 2);
        m_weights.atLeast(m_spec.kvHeads * m_count * m_slots);
    }
    m_oldest.atLeast(m_spec.queryHeads * m_count);
    m_spans.atLeast(m_spec.queryHeads);
    turnTo(text.tokens(), length);
    m_turns.prepare(text.tokens(), m_count, m_stream);
}

void DevicePrompt::turnTo(std::int64_t first, std::int64_t length) {
    std::vector<std::vector<float>> cosines(m_cosines.size()), sines(m_sines.size());
    for (std::int64_t t = 0; t < m_count; ++t) {
        m_angles.moveTo(first + t, length);
        for (std::size_t layer = 0; layer < cosines.size(); ++layer) {
            if (m_anglesOf[layer] != layer)
                continue;
            const auto c = m_angles.cosines(static_cast<int>(layer)),
                       s = m_angles.sines(static_cast<int>(layer));
            cosines[layer].insert(cosines[layer].end(), c.begin(), c.end());
            sines[layer].insert(sines[layer].end(), s.begin(), s.end());
        }
    }
    for (std::size_t layer = 0; layer < cosines.size(); ++layer)
        if (!cosines[layer].empty()) {
            put(m_cosines[layer], cosines[layer], m_stream);
            put(m_sines[layer], sines[layer], m_stream);
        }
}

void DevicePrompt::attend(int layer, Sequence& text) {
    const bool byPosition = m_see != Rows::InCache;
    const cuda::CacheBlocks rows =
        byPosition ? text.promptOnDevice().blocks(layer) : text.onDevice().blocks(layer);
    cuda::AttendPrompt chunk;
    chunk.type = rows.type;
    chunk.codes = rows.codes;
    chunk.heads = m_spec.queryHeads;
    chunk.kvHeads = m_spec.kvHeads;
    chunk.headDim = m_spec.headDim;
    chunk.slotsPerBlock = rows.slotsPerBlock;
    chunk.scale = static_cast<float>(m_spec.logitRule().scaleOf(m_spec.headDim));
    chunk.softcap = m_spec.attentionSoftcap;
    // In f16 a query's component beyond 40,000/scale would be no number, and some models have large ones.
    chunk.matrixUnits = rows.type != ElementType::F16;
    chunk.q = m_rows.on(layer).q;
    chunk.queries = static_cast<int>(m_count);
    chunk.firstPositions = m_first.data();
    chunk.keys = rows.keys;
    chunk.values = rows.values;
    chunk.blocksPerHead = rows.blocksPerHead;
    chunk.slots = rows.slots.live;
    chunk.positions = byPosition ? nullptr : rows.slots.positions;
    chunk.positionsPerHead = rows.slots.capacity;
    chunk.turns = m_turns.of(layer);
    chunk.out = m_attended.data();
    see(chunk, layer, text.tokens());
    if (hears(text))
        chunk.softmax = m_softmax.data();
    cuda::attendPrompt(chunk, m_stream);
    if (hears(text))
        cuda::weighPrompt(chunk, m_weights.data(), m_slots, m_stream);
}

// What each head sees of the prompt: the model's own window, and where the plan masks its prompts what the keep leaves.
void DevicePrompt::see(cuda::AttendPrompt& chunk, int layer, std::int64_t first) {
    const LayerKeep& keep = m.keeps.of(layer, masksPrefill(m.plan));
    chunk.reach = keep.of(0).reach;
    std::vector<cuda::HeadSpan> spans;
    std::vector<std::int64_t> oldest;
    bool all = true, grows = false;
    for (int head = 0; head < m_spec.queryHeads; ++head) {
        const KeepRule& rule = keep.of(head);
        spans.push_back({rule.sinks, rule.window});
        grows = grows || rule.growth;
        all = all && !rule.growth && rule.window >= KeepRule::kUnbounded;
        for (std::int64_t t = 0; t < m_count; ++t)
            oldest.push_back(rule.oldest(first + t));
    }
    if (all)
        return;
    put(m_spans, spans, m_stream);
    chunk.spans = m_spans.data();
    if (!grows)
        return;
    put(m_oldest, oldest, m_stream);
    chunk.oldest = m_oldest.data();
}

} // namespace fovea
