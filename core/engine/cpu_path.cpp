// One token through the layers on the CPU kernels. Each weight is read once, as stored; activations are fp32.

#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "core/cache/kv_cache.h"
#include "core/engine/attention_tap.h"
#include "core/engine/capture.h"
#include "core/engine/decode_path.h"
#include "core/engine/keep_observer.h"
#include "core/engine/parameter.h"
#include "core/engine/step_angles.h"
#include "core/engine/stopwatch.h"
#include "core/engine/turned_queries.h"
#include "core/kernels/cpu/attend_quest.h"
#include "core/kernels/cpu/attend_topv.h"
#include "core/kernels/cpu/attention.h"
#include "core/kernels/cpu/kernels.h"
#include "core/methods/keep/keep_rule.h"
#include "core/model/model.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

class CpuPath final : public DecodePath {
public:
    explicit CpuPath(const DecodeState& state)
        : m(state), m_spec(state.model.spec), m_embedding(state.model.embedding),
          m_positions(state.model.positions), m_head(state.model.head), m_finalNorm(state.model.finalNorm),
          m_angles(m_spec) {
        m_layers.reserve(state.model.layers.size());
        for (const LayerWeights& weights : state.model.layers)
            m_layers.emplace_back(weights);

        const auto floats = [](std::int64_t n) { return std::vector<float>(static_cast<std::size_t>(n)); };
        const std::int64_t d = m_spec.headDim;
        m_x = floats(m_spec.width);
        m_normed = floats(m_spec.width);
        m_attentionAdds = floats(m_spec.width);
        m_ffnAdds = floats(m_spec.width);
        m_q = floats(m_spec.queryHeads * d);
        m_attended = floats(m_spec.queryHeads * d);
        m_k = floats(m_spec.kvHeads * d);
        m_v = floats(m_spec.kvHeads * d);
        m_inner = floats(m_spec.ffn);
        m_up = floats(m_spec.gated ? m_spec.ffn : 0);
        m_views.resize(static_cast<std::size_t>(m_spec.kvHeads));
    }

    double step(int token, std::int64_t position, Acting acting, std::span<float> logits) override {
        m_attentionSeconds = 0;
        m_angles.moveTo(position);
        embed(token, position);

        for (int layer = 0; layer < m_spec.layers; ++layer) {
            const LayerParameters& parameters = m_layers[static_cast<std::size_t>(layer)];
            attention(parameters, layer, position, acting);
            if (!m_spec.parallelResidual)
                addTo(m_x, m_attentionAdds);
            feedForward(parameters);
            if (m_spec.parallelResidual)
                addTo(m_x, m_attentionAdds);
            addTo(m_x, m_ffnAdds);
        }
        norm(m_finalNorm, m_x, m_normed);
        multiply(m_head, m_normed, logits);
        if (m_spec.logitSoftcap != 0)
            cpu::softcap(logits.data(), std::ssize(logits), m_spec.logitSoftcap);

        m.ledger.add(std::exchange(m_moved, Traffic{}));
        return m_attentionSeconds;
    }

private:
    void embed(int token, std::int64_t position) {
        m_embedding.widenRow(token, m_x.data(), m_spec.width);
        m_moved[Component::Weights] += m_embedding.rowBytes();
        if (m_spec.embeddingScale != 1)
            for (float& x : m_x)
                x *= m_spec.embeddingScale;
        if (!m_positions.defined())
            return;
        cpu::add(m_positions.type(), m_positions.row(position), m_x.data(), m_spec.width);
        m_moved[Component::Weights] += m_positions.rowBytes();
    }

    // What attention adds, into m_attentionAdds.
    void attention(const LayerParameters& layer, int index, std::int64_t position, Acting acting) {
        norm(layer.attentionNorm, m_x, m_normed);
        project(layer.query, m_normed, m_q);
        if (m_spec.queryKeyNorm)
            normHeads(layer.queryNorm, m_q);
        cpu::rope(m_q.data(), m_spec.queryHeads, m_spec.headDim, m_angles.cosines(index),
                  m_angles.sines(index));
        const bool owns = m_spec.ownsKv(index);
        if (owns)
            keysAndValues(layer, index);
        if (m.tap)
            m.tap->enter(index, m_q.data(), owns ? m_k.data() : nullptr, owns ? m_v.data() : nullptr);
        if (m.capture)
            m.capture->write(index, position, m_q.data(), m_k.data(), m_v.data());

        if (owns)
            m.cache.append(index, position, m_k.data(), m_v.data(), m.ledger);
        if (m.observer)
            m.observer->asked(index, position, m_q.data(), m.ledger);
        attend(index, position, acting);
        if (m.tap)
            m.tap->leave(index, m_attended.data());
        project(layer.output, m_attended, m_attentionAdds);
        if (m_spec.outputNorms)
            norm(layer.attentionOutputNorm, m_attentionAdds, m_attentionAdds);
    }

    // Into m_k and m_v; m_normed is the query's, and changed where the KV block has a norm of its own.
    void keysAndValues(const LayerParameters& layer, int index) {
        if (layer.keyValueNorm.gain.defined())
            norm(layer.keyValueNorm, m_x, m_normed);
        project(layer.key, m_normed, m_k);
        project(layer.value, m_normed, m_v);
        if (m_spec.queryKeyNorm)
            normHeads(layer.keyNorm, m_k);
        cpu::rope(m_k.data(), m_spec.kvHeads, m_spec.headDim, m_angles.cosines(index), m_angles.sines(index));
    }

    void attend(int layer, std::int64_t position, Acting acting) {
        for (int head = 0; head < m_spec.kvHeads; ++head)
            m_views[static_cast<std::size_t>(head)] = m.cache.view(layer, head);

        const Stopwatch watch;
        const LogitRule rule = m_spec.logitRule();
        const auto* sparq = std::get_if<SparqParams>(&m.plan.read);
        const auto* topv = std::get_if<TopvParams>(&m.plan.read);
        const auto* quest = std::get_if<QuestParams>(&m.plan.read);
        const LayerKeep& keep = (acting.keep ? m.kept : m.unplanned)[static_cast<std::size_t>(layer)];
        const std::span<const cpu::HeadSight> sights = sightsOf(keep, position);
        cpu::ReadReport* const report = m.observer && m.observer->hearsReads() ? &m_report : nullptr;
        m_report.estimate = m.plan.feedback == AttentionPlan::Feedback::Estimate;
        if (sparq && acting.read)
            cpu::attendSparq(m_views, m_spec.group(), *sparq, m_q.data(), m_attended.data(), m_scratch,
                             m.ledger, rule, sights, report);
        else if (quest && acting.read && layer >= quest->skip)
            noteLastPages(layer, cpu::attendQuest(m_views, m_spec.group(), *quest, m_q.data(), m_attended.data(),
                                                  m_scratch, m.ledger, rule));
        else {
            const auto turned = m_turned.of(keep.of(0), m_spec, layer, m_views.front(), position, m_q);
            if (topv && acting.read)
                cpu::attendTopv(m_views, m_spec.group(), *topv, m_q.data(), m_attended.data(), m_scratch, m.ledger,
                                rule, turned);
            else
                cpu::attendAll(m_views, m_spec.group(), m_q.data(), m_attended.data(), m_scratch, m.ledger, rule,
                               turned, sights, report);
        }
        if (report)
            m.observer->heard(layer, m_views, *report, m.ledger);
        m_attentionSeconds += watch.seconds();
    }

    // What each query head sees of what its KV head holds; empty where that is all of it.
    std::span<const cpu::HeadSight> sightsOf(const LayerKeep& keep, std::int64_t position) {
        m_sights.clear();
        if (keep.same() || keep.group() == 1)
            return {};
        for (int head = 0; head < m_spec.queryHeads; ++head)
            m_sights.push_back({keep.of(head).sinks, keep.of(head).oldest(position)});
        return m_sights;
    }

    void noteLastPages(int layer, std::int64_t heads) {
        if (m.lastPages)
            m.lastPages[layer] = heads;
    }

    // What the feed-forward adds, into m_ffnAdds.
    void feedForward(const LayerParameters& layer) {
        norm(layer.ffnNorm, m_x, m_normed);
        project(m_spec.gated ? layer.gate : layer.up, m_normed, m_inner);
        if (m_spec.gated)
            project(layer.up, m_normed, m_up);
        cpu::activate(m_spec.activation, m_inner.data(), m_spec.gated ? m_up.data() : nullptr, m_spec.ffn);
        project(layer.down, m_inner, m_ffnAdds);
        if (m_spec.outputNorms)
            norm(layer.ffnOutputNorm, m_ffnAdds, m_ffnAdds);
    }

    void norm(const GainParameters& w, const std::vector<float>& x, std::vector<float>& y) {
        const cpu::NormShape shape{m_spec.norm, m_spec.normEpsilon, m_spec.normShift};
        cpu::norm(shape, w.gain.type(), w.gain.data(), x.data(), y.data(), std::ssize(x));
        m_moved[Component::Weights] += w.gain.bytes();
        addBias(w.bias, y);
    }

    // Each head of x (heads, d) by itself; the one gain is read once and stays in L1.
    void normHeads(const GainParameters& w, std::vector<float>& x) {
        const cpu::NormShape shape{m_spec.norm, m_spec.normEpsilon, m_spec.normShift};
        for (float* head = x.data(); head != x.data() + x.size(); head += m_spec.headDim)
            cpu::norm(shape, w.gain.type(), w.gain.data(), head, head, m_spec.headDim);
        m_moved[Component::Weights] += w.gain.bytes();
    }

    // y = w · x, y as long as w has rows
    void multiply(const Parameter& w, const std::vector<float>& x, std::span<float> y) {
        w.multiply(x.data(), y.data(), std::ssize(x));
        m_moved[Component::Weights] += w.bytes();
    }

    void project(const LinearParameters& w, const std::vector<float>& x, std::vector<float>& y) {
        multiply(w.weight, x, y);
        addBias(w.bias, y);
    }

    void addBias(const Parameter& bias, std::vector<float>& y) {
        if (!bias.defined())
            return;
        cpu::add(bias.type(), bias.data(), y.data(), std::ssize(y));
        m_moved[Component::Weights] += bias.bytes();
    }

    static void addTo(std::vector<float>& x, const std::vector<float>& y) {
        cpu::add(ElementType::F32, y.data(), x.data(), std::ssize(x));
    }

    DecodeState m;
    const ModelSpec& m_spec;
    Parameter m_embedding, m_positions, m_head;
    GainParameters m_finalNorm;
    std::vector<LayerParameters> m_layers;
    StepAngles m_angles;

    std::vector<float> m_x, m_normed, m_attentionAdds, m_ffnAdds; // (D)
    std::vector<float> m_q, m_attended;                           // (H, d)
    std::vector<float> m_k, m_v;                                  // (G, d)
    std::vector<float> m_inner, m_up;                             // (F)
    std::vector<KvView> m_views;                                  // (G)
    std::vector<cpu::HeadSight> m_sights;                         // (H) or empty
    cpu::AttentionScratch m_scratch;
    cpu::ReadReport m_report;
    TurnedQueries m_turned;
    Traffic m_moved; // of this step's weights
    double m_attentionSeconds = 0;
};

} // namespace

std::unique_ptr<DecodePath> makeCpuPath(const DecodeState& state) {
    return std::make_unique<CpuPath>(state);
}

} // namespace fovea
