// One token through the layers on the CPU kernels. Each weight is read once, as stored; activations are fp32.

#include <ATen/core/Tensor.h>

#include <stdexcept>
#include <utility>
#include <variant>
#include <vector>

#include "core/cache/kv_cache.h"
#include "core/cache/scalar_type.h"
#include "core/engine/capture.h"
#include "core/engine/decode_path.h"
#include "core/engine/stopwatch.h"
#include "core/engine/turned_queries.h"
#include "core/kernels/cpu/attention.h"
#include "core/kernels/cpu/kernels.h"
#include "core/model/model.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

// A parameter as the kernels want it: floats, or the blocks of a file that keeps its weights so.
class Parameter {
public:
    explicit Parameter(const Weight& weight)
        : m_tensor(weight.stored().detach().contiguous()), m_blocks(weight.blocks()) {
        const auto type = elementType(m_tensor.scalar_type());
        if (!type && m_blocks == BlockType::None)
            throw std::invalid_argument("The CPU kernels read f32, f16, bf16 and block weights only.");
        m_type = type.value_or(ElementType::F32);
    }

    ElementType type() const { return m_type; } // of floats
    const void* data() const { return m_tensor.data_ptr(); }
    std::int64_t rows() const { return m_tensor.size(0); }
    std::int64_t rowBytes() const { return bytes() / rows(); }
    std::int64_t bytes() const { return static_cast<std::int64_t>(m_tensor.nbytes()); }

    // to (columns) = row i
    void widenRow(std::int64_t i, float* to, std::int64_t columns) const {
        const void* row = static_cast<const char*>(data()) + i * rowBytes();
        if (m_blocks == BlockType::None)
            cpu::widen(m_type, row, to, columns);
        else
            cpu::widen(m_blocks, row, to, columns);
    }
    // y (rows) = this · x (columns)
    void multiply(const float* x, float* y, std::int64_t columns) const {
        if (m_blocks == BlockType::None)
            cpu::gemv(m_type, data(), x, y, rows(), columns);
        else
            cpu::gemv(m_blocks, data(), x, y, rows(), columns);
    }

private:
    at::Tensor m_tensor;
    BlockType m_blocks;
    ElementType m_type;
};

struct Layer {
    explicit Layer(const LayerWeights& w)
        : attentionNorm(w.attentionNorm.gain), query(w.query.weight), key(w.key.weight), value(w.value.weight),
          output(w.output.weight), ffnNorm(w.ffnNorm.gain), gate(w.gate.weight), up(w.up.weight),
          down(w.down.weight) {}

    Parameter attentionNorm, query, key, value, output, ffnNorm, gate, up, down;
};

class CpuPath final : public DecodePath {
public:
    explicit CpuPath(const DecodeState& state)
        : m(state), m_spec(state.model.spec), m_embedding(state.model.embedding),
          m_finalNorm(state.model.finalNorm.gain), m_head(state.model.head) {
        m_layers.reserve(state.model.layers.size());
        for (const LayerWeights& weights : state.model.layers)
            m_layers.emplace_back(weights);

        const auto floats = [](std::int64_t n) { return std::vector<float>(static_cast<std::size_t>(n)); };
        const std::int64_t d = m_spec.headDim;
        m_x = floats(m_spec.width);
        m_normed = floats(m_spec.width);
        m_projected = floats(m_spec.width);
        m_q = floats(m_spec.queryHeads * d);
        m_attended = floats(m_spec.queryHeads * d);
        m_k = floats(m_spec.kvHeads * d);
        m_v = floats(m_spec.kvHeads * d);
        m_gate = floats(m_spec.ffn);
        m_up = floats(m_spec.ffn);
        m_views.resize(static_cast<std::size_t>(m_spec.kvHeads));
    }

    double step(int token, std::int64_t position, Acting acting, std::span<float> logits) override {
        m_attentionSeconds = 0;
        m_embedding.widenRow(token, m_x.data(), m_spec.width);
        m_moved[Component::Weights] += m_embedding.rowBytes();

        for (int layer = 0; layer < m_spec.layers; ++layer) {
            attention(layer, position, acting);
            feedForward(m_layers[static_cast<std::size_t>(layer)]);
        }
        norm(m_finalNorm, m_x, m_normed);
        multiply(m_head, m_normed.data(), logits.data(), m_spec.width);

        m.ledger.add(std::exchange(m_moved, Traffic{}));
        return m_attentionSeconds;
    }

private:
    void attention(int index, std::int64_t position, Acting acting) {
        const Layer& layer = m_layers[static_cast<std::size_t>(index)];
        norm(layer.attentionNorm, m_x, m_normed);
        multiply(layer.query, m_normed.data(), m_q.data(), m_spec.width);
        multiply(layer.key, m_normed.data(), m_k.data(), m_spec.width);
        multiply(layer.value, m_normed.data(), m_v.data(), m_spec.width);
        cpu::rope(m_q.data(), m_spec.queryHeads, m_spec.headDim, position, m_spec.rope.theta);
        cpu::rope(m_k.data(), m_spec.kvHeads, m_spec.headDim, position, m_spec.rope.theta);
        if (m.capture)
            m.capture->write(index, position, m_q.data(), m_k.data(), m_v.data());

        m.cache.append(index, position, m_k.data(), m_v.data(), m.ledger);
        attend(index, position, acting);
        multiply(layer.output, m_attended.data(), m_projected.data(), std::ssize(m_attended));
        addProjected();
    }

    void attend(int layer, std::int64_t position, Acting acting) {
        for (int head = 0; head < m_spec.kvHeads; ++head)
            m_views[static_cast<std::size_t>(head)] = m.cache.view(layer, head);

        const Stopwatch watch;
        const auto* sparq = std::get_if<SparqParams>(&m.plan.read);
        if (sparq && acting.read)
            cpu::attendSparq(m_views, m_spec.group(), *sparq, m_q.data(), m_attended.data(), m_scratch,
                             m.ledger);
        else
            cpu::attendAll(
                m_views, m_spec.group(), m_q.data(), m_attended.data(), m_scratch, m.ledger,
                m_turned.of(keepRule(m.plan, 0, acting.keep), m_spec, layer, m_views.front(), position, m_q));
        m_attentionSeconds += watch.seconds();
    }

    void feedForward(const Layer& layer) {
        norm(layer.ffnNorm, m_x, m_normed);
        multiply(layer.gate, m_normed.data(), m_gate.data(), m_spec.width);
        multiply(layer.up, m_normed.data(), m_up.data(), m_spec.width);
        cpu::swiglu(m_gate.data(), m_up.data(), m_spec.ffn);
        multiply(layer.down, m_gate.data(), m_projected.data(), m_spec.ffn);
        addProjected();
    }

    void norm(const Parameter& gain, const std::vector<float>& x, std::vector<float>& y) {
        cpu::rmsNorm(gain.type(), gain.data(), x.data(), y.data(), std::ssize(x), m_spec.normEpsilon);
        m_moved[Component::Weights] += gain.bytes();
    }

    // y (rows of w) = w · x (in)
    void multiply(const Parameter& w, const float* x, float* y, std::int64_t in) {
        w.multiply(x, y, in);
        m_moved[Component::Weights] += w.bytes();
    }

    void addProjected() {
        for (std::size_t i = 0; i < m_x.size(); ++i)
            m_x[i] += m_projected[i];
    }

    DecodeState m;
    const ModelSpec& m_spec;
    Parameter m_embedding, m_finalNorm, m_head;
    std::vector<Layer> m_layers;

    std::vector<float> m_x, m_normed, m_projected; // (D)
    std::vector<float> m_q, m_attended;            // (H, d)
    std::vector<float> m_k, m_v;                   // (G, d)
    std::vector<float> m_gate, m_up;               // (F)
    std::vector<KvView> m_views;                   // (G)
    cpu::AttentionScratch m_scratch;
    TurnedQueries m_turned;
    Traffic m_moved; // of this step's weights
    double m_attentionSeconds = 0;
};

} // namespace

std::unique_ptr<DecodePath> makeCpuPath(const DecodeState& state) {
    return std::make_unique<CpuPath>(state);
}

} // namespace fovea
