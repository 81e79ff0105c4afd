// One token of each text through the layers on the CPU kernels. Each weight is read once, as stored, for all texts;
// activations are fp32.

#include <array>
#include <initializer_list>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/engine/attention_tap.h"
#include "core/engine/decode_path.h"
#include "core/engine/layer_attention.h"
#include "core/engine/parameter.h"
#include "core/engine/sequence.h"
#include "core/engine/step_angles.h"
#include "core/engine/stopwatch.h"
#include "core/kernels/cpu/kernels.h"
#include "core/model/model.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

class CpuPath final : public DecodePath {
public:
    explicit CpuPath(const DecodeState& state)
        : m(state), m_spec(state.model.spec), m_embedding(state.model.embedding),
          m_positions(state.model.positions), m_head(state.model.head), m_finalNorm(state.model.finalNorm),
          m_acts(actGrid(state.plan.acts)), m_attention(state.plan, m_spec, state.keeps, state.ledger) {
        m_layers.reserve(state.model.layers.size());
        for (const LayerWeights& weights : state.model.layers)
            m_layers.emplace_back(weights);
    }

    StepTime step(std::span<const Feed> feeds, bool planned, std::span<float> logits) override {
        m_attentionSeconds = 0;
        m_feeds = feeds;
        makeRoom();
        embed();

        for (int layer = 0; layer < m_spec.layers; ++layer) {
            const LayerParameters& parameters = m_layers[static_cast<std::size_t>(layer)];
            attention(parameters, layer, planned);
            if (!m_spec.parallelResidual)
                addTo(m_x, m_attentionAdds);
            feedForward(parameters);
            if (m_spec.parallelResidual)
                addTo(m_x, m_attentionAdds);
            addTo(m_x, m_ffnAdds);
        }
        norm(m_finalNorm, m_x, m_normed);
        const cpu::Product head{m_head.matrix(), logits.data()};
        cpu::multiply({&head, 1}, m_normed.data(), m_spec.width, texts());
        m_moved[Component::Weights] += m_head.bytes();
        if (m_spec.logitSoftcap != 0)
            cpu::softcap(logits.data(), std::ssize(logits), m_spec.logitSoftcap);

        m.ledger.add(std::exchange(m_moved, Traffic{}));
        return {m_attentionSeconds};
    }

private:
    std::int64_t texts() const { return std::ssize(m_feeds); } // n

    // A row per text. Only a step of more texts than any before it allocates.
    void makeRoom() {
        const auto rows = [n = texts()](std::vector<float>& x, std::int64_t width) {
            x.resize(static_cast<std::size_t>(n * width));
        };
        const std::int64_t d = m_spec.headDim;
        for (std::vector<float>* x : {&m_x, &m_normed, &m_attentionAdds, &m_ffnAdds})
            rows(*x, m_spec.width);
        rows(m_q, m_spec.queryHeads * d);
        rows(m_attended, m_spec.queryHeads * d);
        rows(m_k, m_spec.kvHeads * d);
        rows(m_v, m_spec.kvHeads * d);
        rows(m_inner, m_spec.ffn);
        rows(m_up, m_spec.gated ? m_spec.ffn : 0);
        while (std::ssize(m_angles) < texts())
            m_angles.emplace_back(m_spec);
    }

    // The i-th text's row of x.
    float* row(std::vector<float>& x, std::int64_t i) const { return x.data() + i * std::ssize(x) / texts(); }

    void embed() {
        for (std::int64_t i = 0; i < texts(); ++i) {
            const auto [sequence, token] = m_feeds[static_cast<std::size_t>(i)];
            const std::int64_t position = sequence->tokens();
            m_angles[static_cast<std::size_t>(i)].moveTo(position);
            float* const x = row(m_x, i);
            m_embedding.widenRow(token, x, m_spec.width);
            m_moved[Component::Weights] += m_embedding.rowBytes();
            for (int c = 0; m_spec.embeddingScale != 1 && c < m_spec.width; ++c)
                x[c] *= m_spec.embeddingScale;
            if (!m_positions.defined())
                continue;
            cpu::add(m_positions.type(), m_positions.row(position), x, m_spec.width);
            m_moved[Component::Weights] += m_positions.rowBytes();
        }
    }

    // What attention adds, into m_attentionAdds.
    void attention(const LayerParameters& layer, int index, bool planned) {
        norm(layer.attentionNorm, m_x, m_normed);
        const bool owns = m_spec.ownsKv(index), ownNorm = layer.keyValueNorm.gain.defined();
        if (owns && !ownNorm)
            project(m_normed, {{layer.query, m_q}, {layer.key, m_k}, {layer.value, m_v}});
        else
            project(m_normed, {{layer.query, m_q}});
        if (owns && ownNorm) {
            norm(layer.keyValueNorm, m_x, m_normed);
            project(m_normed, {{layer.key, m_k}, {layer.value, m_v}});
        }
        place(layer.queryNorm, m_q, m_spec.queryHeads, index);
        if (owns)
            place(layer.keyNorm, m_k, m_spec.kvHeads, index);
        if (m.tap)
            m.tap->enter(index, m_q.data(), owns ? m_k.data() : nullptr, owns ? m_v.data() : nullptr);
        for (std::int64_t i = 0; i < texts(); ++i) {
            Sequence& text = *m_feeds[static_cast<std::size_t>(i)].sequence;
            text.append(index, text.tokens(), row(m_q, i), owns ? row(m_k, i) : nullptr,
                        owns ? row(m_v, i) : nullptr);
        }
        const Stopwatch watch;
        m_attention.attend(index, m_feeds, planned, m_q, m_attended);
        m_attentionSeconds += watch.seconds();
        if (m.tap)
            m.tap->leave(index, m_attended.data());
        project(m_attended, {{layer.output, m_attentionAdds}});
        if (m_spec.outputNorms)
            norm(layer.attentionOutputNorm, m_attentionAdds, m_attentionAdds);
    }

    // Heads as they are compared: normalised where the model does that, and turned.
    void place(const GainParameters& gain, std::vector<float>& x, int heads, int layer) {
        if (m_spec.queryKeyNorm)
            normHeads(gain, x);
        turn(x, heads, layer);
    }

    // Every text's heads by its own position.
    void turn(std::vector<float>& x, int heads, int layer) {
        for (std::int64_t i = 0; i < texts(); ++i) {
            const StepAngles& angles = m_angles[static_cast<std::size_t>(i)];
            cpu::rope(row(x, i), heads, m_spec.headDim, angles.cosines(layer), angles.sines(layer));
        }
    }

    // What the feed-forward adds, into m_ffnAdds.
    void feedForward(const LayerParameters& layer) {
        norm(layer.ffnNorm, m_x, m_normed);
        if (m_spec.gated)
            project(m_normed, {{layer.gate, m_inner}, {layer.up, m_up}});
        else
            project(m_normed, {{layer.up, m_inner}});
        cpu::activate(m_spec.activation, m_inner.data(), m_spec.gated ? m_up.data() : nullptr,
                      std::ssize(m_inner));
        project(m_inner, {{layer.down, m_ffnAdds}});
        if (m_spec.outputNorms)
            norm(layer.ffnOutputNorm, m_ffnAdds, m_ffnAdds);
    }

    // Of every text's row; the one gain is read once and stays in L1.
    void norm(const GainParameters& w, std::vector<float>& x, std::vector<float>& y) {
        const cpu::NormShape shape{m_spec.norm, m_spec.normEpsilon, m_spec.normShift};
        for (std::int64_t i = 0; i < texts(); ++i)
            cpu::norm(shape, w.gain.type(), w.gain.data(), row(x, i), row(y, i), std::ssize(x) / texts());
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

    struct Projection {
        const LinearParameters& by;
        std::vector<float>& to; // (n, rows of it)
    };

    // to = x (n, columns) · byᵀ + its bias, of matrices that share x, which is rounded first where the plan says so.
    void project(const std::vector<float>& x, std::initializer_list<Projection> all) {
        std::array<cpu::Product, cpu::kMostProducts> products;
        std::size_t count = 0;
        for (const auto& [by, to] : all) {
            products.at(count++) = {by.weight.matrix(), to.data()};
            m_moved[Component::Weights] += by.weight.bytes();
        }
        cpu::multiply(std::span(products).first(count), x.data(), std::ssize(x) / texts(), texts(),
                      m_acts ? &*m_acts : nullptr);
        for (const auto& [by, to] : all)
            addBias(by.bias, to);
    }

    void addBias(const Parameter& bias, std::vector<float>& y) {
        if (!bias.defined())
            return;
        for (std::int64_t i = 0; i < texts(); ++i)
            cpu::add(bias.type(), bias.data(), row(y, i), std::ssize(y) / texts());
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
    std::optional<ActGrid> m_acts; // of what the layers' matrices are given
    LayerAttention m_attention;

    std::span<const Feed> m_feeds;                                // of this step
    std::vector<StepAngles> m_angles;                             // (n)
    std::vector<float> m_x, m_normed, m_attentionAdds, m_ffnAdds; // (n, D)
    std::vector<float> m_q, m_attended;                           // (n, H, d)
    std::vector<float> m_k, m_v;                                  // (n, G, d)
    std::vector<float> m_inner, m_up;                             // (n, F)
    Traffic m_moved;                                              // of this step's weights
    double m_attentionSeconds = 0;
};

} // namespace

std::unique_ptr<DecodePath> makeCpuPath(const DecodeState& state) {
    return std::make_unique<CpuPath>(state);
}

} // namespace fovea
