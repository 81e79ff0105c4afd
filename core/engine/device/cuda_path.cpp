// One token of each text through the layers on the GPU's kernels. Weights are read as stored, activations are fp32, and
// nothing waits for the device until the step is queued whole, as one graph that many steps share. Then the host is given the
// tokens that follow, or the logits, and the rows that its own cache and whoever looks on are to have.

#include <algorithm>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/engine/attention_tap.h"
#include "core/engine/decode_path.h"
#include "core/engine/device/cache_twin.h"
#include "core/engine/device/device_choice.h"
#include "core/engine/device/device_layers.h"
#include "core/engine/device/device_prompt.h"
#include "core/engine/device/device_reads.h"
#include "core/engine/device/step_inputs.h"
#include "core/engine/device/step_rows.h"
#include "core/engine/device/text_groups.h"
#include "core/engine/layer_keeps.h"
#include "core/engine/sequence.h"
#include "core/kernels/cuda/cache_writes.h"
#include "core/model/model.h"

namespace fovea {

namespace {

class CudaPath final : public DecodePath {
public:
    CudaPath(const DecodeState& state, const std::shared_ptr<const Model>& model)
        : m(state), m_spec(state.model.spec),
          m_layers(m_spec, deviceWeights(model), actGrid(state.plan.acts), stream()),
          m_inputs(m_spec, state.keeps), m_reads(state.plan, m_spec), m_prompt(state, m_layers, stream()) {
        for (int layer = 0; layer < m_spec.layers; ++layer)
            for (const Stage stage : {Stage::Projections, Stage::Attention, Stage::FeedForward})
                m_stages.push_back({stage, layer, {}});
        m_stages.push_back({Stage::Head, -1, {}});
    }

    bool readPrompt(Sequence& text, std::span<const int> tokens, std::int64_t length) override {
        return m_prompt.read(text, tokens, length);
    }

    StepTime step(std::span<const Feed> feeds, bool planned, std::span<float> logits) override {
        begin(feeds, planned);
        queueStep(planned);
        cuda::download(logits.data(), m_logits.data(), logits.size_bytes(), stream());
        return end(planned);
    }

    std::optional<StepTime> stepTo(std::span<const Feed> feeds, bool planned,
                                   const TokenChoice& choice) override {
        if (!m_choice.takes(choice))
            return {};
        m_choice.prepare(choice, stream());
        begin(feeds, planned);
        queueStep(planned);
        m_choice.queue(m_logits.data(), stream());
        StepTime time = end(planned);
        m_choice.tell(choice);
        return time;
    }

private:
    cuda::Stream stream() const { return m_stream.get(); }
    std::int64_t texts() const { return std::ssize(m_feeds); } // n
    Sequence& sequence(std::int64_t text) const { return *m_feeds[static_cast<std::size_t>(text)].sequence; }

    void begin(std::span<const Feed> feeds, bool planned) {
        m_feeds = feeds;
        m_moved = {};
        prepare(planned);
        for (const Feed& feed : feeds)
            feed.sequence->onDevice().beginStep();
    }

    StepTime end(bool planned) {
        m_rows.fetch(stream());
        m_reads.fetch(stream());
        cuda::wait(stream());
        tellHost(planned);
        m_moved += m_weightsMoved;
        m.ledger.add(m_moved);
        return times();
    }

    // Recorded once for many steps: what changes from one to the next lies in memory whose address stays. A shape is
    // recorded when it is met again; the first time its kernels are queued as they are, which also has them loaded.
    void queueStep(bool planned) {
        if (m.tap || !m.graphs) // who listens has a say in every layer
            return queueLayers(planned);
        std::vector<std::int64_t> shape = shapeOfStep(planned);
        if (shape != m_graphShape) {
            m_graph = {};
            m_graphShape = std::move(shape);
            return queueLayers(planned);
        }
        if (!m_graph)
            m_graph = cuda::LaunchGraph::record(stream(), [&] { queueLayers(planned); });
        m_graph.launch(stream());
    }

    // All that the launches of a step depend on.
    std::vector<std::int64_t> shapeOfStep(bool planned) const {
        std::vector<std::int64_t> shape = {static_cast<std::int64_t>(cuda::takenBuffers()), planned, m_tells};
        for (std::int64_t text = 0; text < texts(); ++text) {
            shape.push_back(reinterpret_cast<std::intptr_t>(&sequence(text)));
            shape.push_back(sequence(text).keeping());
        }
        for (int layer = 0; layer < m_spec.layers; ++layer)
            for (const TextGroup& group : m_groups.of(layer)) {
                std::int64_t room = 0;
                for (const std::int64_t text : group.texts)
                    room = std::max(room, DeviceReads::room(readOf(layer, text, planned)));
                const DeviceRead first = readOf(layer, group.texts.front(), planned);
                shape.insert(shape.end(), group.texts.begin(), group.texts.end());
                shape.insert(shape.end(), {-1, room, group.splits, first.inOrder, first.turns.count});
            }
        return shape;
    }

    void queueLayers(bool planned) {
        m_layers.embed(m_inputs.tokens(), m_inputs.positions());
        auto stage = m_stages.begin();
        const auto timed = [&](const auto& work) {
            stage->timer.begin(stream());
            work();
            stage++->timer.end(stream());
        };
        for (int layer = 0; layer < m_spec.layers; ++layer) {
            const DeviceLayers::Heads heads = m_rows.on(layer);
            timed([&] {
                m_layers.project(layer, heads,
                                 {m_inputs.cosines(layer), m_inputs.sines(layer), m_inputs.pairs()});
            });
            if (m.tap)
                tapEnters(layer);
            timed([&] { attend(layer, heads, planned); });
            if (m.tap)
                tapLeaves(layer);
            timed([&] { m_layers.finish(layer, m_attended.data()); });
        }
        timed([&] { m_layers.toLogits(m_logits.data()); });
        m_weightsMoved = m_layers.takeMoved();
    }

    // Before the first launch: all memory that the step needs. What throws here has changed nothing.
    void prepare(bool planned) {
        m_longest.assign(m_feeds.size(), 0);
        m_tells = false;
        m_slots.clear();
        m_seen.clear();
        m_inOrder.clear();
        const TableGrowth growth = texts() > 1 ? TableGrowth::Shared : TableGrowth::Alone;
        for (std::size_t text = 0; text < m_feeds.size(); ++text) {
            const Feed& feed = m_feeds[text];
            feed.sequence->onDevice().prepare(stream(), 1, growth);
            m_tells |= feed.sequence->observer() && feed.sequence->observer()->hearsReads();
            const KvCache& cache = feed.sequence->cache();
            for (int layer = 0; layer < m_spec.layers; ++layer) {
                const LayerKeep& keep = m.keeps.of(layer, feed.sequence->keeping());
                bool inOrder = true;
                for (int head = 0; head < m_spec.kvHeads; ++head) {
                    m_slots.push_back(cache.slots(layer, head) + 1); // with the step's own
                    // Of a cache that layers share one may see less than another.
                    m_seen.push_back(
                        keep.same() ? m_slots.back()
                                    : keep.read(head, feed.sequence->tokens()).seen(feed.sequence->tokens()));
                    // A token that takes the place of one that left is the newest, and not the last.
                    inOrder = inOrder && !cache.view(layer, head).byAge && !cache.hasHole(layer, head);
                    m_longest[text] = std::max(m_longest[text], m_slots.back());
                }
                m_inOrder.push_back(inOrder);
            }
        }
        m_layers.begin(texts(), DeviceLayers::Products::Decode);
        m_rows.begin(texts());
        m_attended.atLeast(texts() * m_spec.queryHeads * m_spec.headDim);
        m_logits.atLeast(texts() * m_spec.vocabulary);
        m_inputs.write(m_feeds, stream());
        m_reads.begin(m_longest, m_inputs.mostTurns(), planned, m_tells);
        findGroups(planned);
    }

    // A set for the reads of each layer, and one for what is appended.
    void findGroups(bool planned) {
        const auto placeOf = [&](std::int64_t first, std::int64_t text) {
            cuda::TextPlace place = sequence(text).onDevice().placeFrom(sequence(first).onDevice());
            place.text = static_cast<std::int32_t>(text);
            return place;
        };
        const std::int64_t most = m_reads.mostTogether();
        m_groups.begin(m_spec.layers + 1, texts());
        for (int layer = 0; layer < m_spec.layers; ++layer)
            m_groups.make(
                layer, most,
                [&](std::int64_t a, std::int64_t b) {
                    return m_reads.goTogether(readOf(layer, a, planned), readOf(layer, b, planned));
                },
                [&](std::int64_t first, std::int64_t text) {
                    cuda::TextPlace place = placeOf(first, text);
                    place.splits = m_reads.splits(readOf(layer, text, planned));
                    return place;
                });
        m_groups.make(
            m_spec.layers, most,
            [&](std::int64_t a, std::int64_t b) {
                return sequence(a).onDevice().liesAs(sequence(b).onDevice());
            },
            placeOf);
        m_groups.upload(stream());
    }

    void attend(int layer, const DeviceLayers::Heads& heads, bool planned) {
        if (m_spec.ownsKv(layer))
            append(layer, heads);
        for (const TextGroup& group : m_groups.of(layer)) {
            m_together.clear();
            for (const std::int64_t text : group.texts)
                m_together.push_back(readOf(layer, text, planned));
            m_reads.attend(m_together, m_groups.batch(group), group.splits, stream());
        }
    }

    void append(int layer, const DeviceLayers::Heads& heads) {
        const std::int64_t width = std::int64_t{m_spec.kvHeads} * m_spec.headDim;
        for (const TextGroup& group : m_groups.of(m_spec.layers)) {
            const std::int64_t first = group.texts.front(), text = group.texts.size() == 1 ? first : 0;
            cuda::CacheAppend append;
            append.cache = sequence(first).onDevice().blocks(layer);
            append.batch = m_groups.batch(group);
            append.k = heads.k + text * width;
            append.v = heads.v + text * width;
            append.positions = m_inputs.cachePositions(text);
            cuda::appendRows(append, stream());
        }
    }

    DeviceRead readOf(int layer, std::int64_t text, bool planned) const {
        const std::int64_t at = text * m_spec.layers + layer;
        DeviceRead read;
        read.layer = layer;
        read.text = text;
        read.planned = planned;
        read.rows = &sequence(text).onDevice();
        const auto first = static_cast<std::size_t>(at * m_spec.kvHeads),
                   heads = static_cast<std::size_t>(m_spec.kvHeads);
        read.slots = std::span(m_slots).subspan(first, heads);
        read.seen = std::span(m_seen).subspan(first, heads);
        read.keep = &m.keeps.of(layer, sequence(text).keeping());
        read.position = sequence(text).tokens();
        read.inOrder = m_inOrder[static_cast<std::size_t>(at)] != 0;
        read.q = m_rows.on(layer).q;
        read.out = m_attended.data();
        read.sights = m_inputs.sights(layer, text);
        read.turns = m_inputs.turns(layer, text);
        return read;
    }

    // Whoever holds backends against each other may write what the layer goes on with.
    void tapEnters(int layer) {
        const bool owns = m_spec.ownsKv(layer);
        m_rows.fetch(layer, stream());
        cuda::wait(stream());
        const DeviceLayers::Heads host = m_rows.fetched(layer);
        m.tap->enter(layer, host.q, owns ? host.k : nullptr, owns ? host.v : nullptr);
        m_rows.giveBack(layer, stream());
    }
    void tapLeaves(int layer) {
        m_tapped.resize(static_cast<std::size_t>(texts() * m_spec.queryHeads * m_spec.headDim));
        cuda::download(m_tapped.data(), m_attended.data(), m_tapped.size() * sizeof(float), stream());
        cuda::wait(stream());
        m.tap->leave(layer, m_tapped.data());
        cuda::upload(m_attended.data(), m_tapped.data(), m_tapped.size() * sizeof(float), stream());
    }

    // The rows that the device has written already, and what reads told of them.
    void tellHost(bool planned) {
        for (int layer = 0; layer < m_spec.layers; ++layer) {
            for (std::int64_t text = 0; text < texts(); ++text)
                m_rows.appendTo(sequence(text), layer, text, sequence(text).tokens());
            for (std::int64_t text = 0; text < texts(); ++text) {
                const DeviceRead read = readOf(layer, text, planned);
                m_reads.count(read, m_moved);
                if (const auto last = m_reads.choseLastPages(read, m_moved); !last.empty())
                    sequence(text).choseLastPages(layer, last);
                if (m_tells)
                    tellObserver(layer, text, m_reads.told(read));
            }
        }
        for (const Feed& feed : m_feeds)
            feed.sequence->onDevice().endStep();
    }
    void tellObserver(int layer, std::int64_t text, const cpu::ReadReport& report) {
        m_views.clear();
        for (int head = 0; head < m_spec.kvHeads; ++head)
            m_views.push_back(sequence(text).cache().view(layer, head));
        sequence(text).observer()->heard(layer, m_views, report, m.ledger);
    }

    StepTime times() const {
        StepTime time;
        auto spans = std::make_shared<std::vector<DeviceSpan>>();
        for (const TimedStage& stage : m_stages) {
            const double begin = stage.timer.beginsAfter(m_stages.front().timer),
                         seconds = stage.timer.seconds();
            spans->push_back(
                {stage.stage, stage.layer, static_cast<float>(begin), static_cast<float>(begin + seconds)});
            time.attentionSeconds += stage.stage == Stage::Attention ? seconds : 0;
        }
        time.device = std::move(spans);
        return time;
    }

    using Stage = DeviceSpan::Stage;
    struct TimedStage {
        Stage stage;
        int layer;
        cuda::DeviceTimer timer;
    };

    DecodeState m;
    const ModelSpec& m_spec;
    cuda::OwnStream m_stream;
    DeviceLayers m_layers;
    StepInputs m_inputs;
    DeviceReads m_reads;
    DevicePrompt m_prompt;
    StepRows m_rows{m_spec};
    DeviceChoice m_choice{m_spec.vocabulary};
    std::vector<TimedStage> m_stages; // in the order of a step

    std::span<const Feed> m_feeds;       // of this step
    bool m_tells = false;                // some keep hears its reads
    std::vector<std::int64_t> m_slots;   // (n, layers, G)
    std::vector<std::int64_t> m_seen;    // (n, layers, G) of them by any query head
    std::vector<char> m_inOrder;         // (n, layers)
    std::vector<std::int64_t> m_longest; // (n) slots of the fullest KV head
    TextGroups m_groups;                 // of each layer's reads, and then of appends
    std::vector<DeviceRead> m_together;  // of a launch
    Room<float> m_attended, m_logits;    // (n, H, d), (n, V)
    std::vector<float> m_tapped;
    std::vector<KvView> m_views;
    Traffic m_moved, m_weightsMoved; // of this step; of each with this many texts
    cuda::LaunchGraph m_graph;
    std::vector<std::int64_t> m_graphShape; // of the newest step; of the graph, where there is one
};

} // namespace

std::unique_ptr<DecodePath> makeCudaPath(const DecodeState& state, std::shared_ptr<const Model> model) {
    return std::make_unique<CudaPath>(state, model);
}

} // namespace fovea
