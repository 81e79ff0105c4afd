// One token through the one ATen forward, attention by the methods' truths, reading the same cache.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/nan_to_num.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <variant>
#include <vector>

#include "core/cache/cache_view_reader.h"
#include "core/cache/kv_cache.h"
#include "core/engine/capture.h"
#include "core/engine/decode_path.h"
#include "core/engine/keep_observer.h"
#include "core/engine/stopwatch.h"
#include "core/methods/keep/kept_truth.h"
#include "core/methods/keep/row_turn.h"
#include "core/methods/read/dense.h"
#include "core/methods/read/sparq_stages.h"
#include "core/model/forward.h"
#include "core/model/parameters.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

class ReferencePath final : public DecodePath {
public:
    explicit ReferencePath(const DecodeState& state) : m(state) {}

    double step(int token, std::int64_t position, Acting acting, std::span<float> scores) override {
        const c10::NoGradGuard noGrad;
        m_attentionSeconds = 0;
        const auto attention = [&](int layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
            return attend(layer, position, acting, q, k, v);
        };
        const at::Tensor input = at::full({1, 1}, token, at::kLong);
        const at::Tensor hidden = hiddenStates(m.model, input, position, attention, at::kFloat);
        const at::Tensor row = logits(m.model, hidden).to(at::kFloat).contiguous();
        std::copy_n(row.data_ptr<float>(), scores.size(), scores.data());
        m.ledger.moved(Component::Weights, stepParameterBytes(m.model));
        return m_attentionSeconds;
    }

private:
    // q (1, H, 1, d), k and v (1, G, 1, d) -> (1, H, 1, d)
    at::Tensor attend(int layer, std::int64_t position, Acting acting, const at::Tensor& q,
                      const at::Tensor& k, const at::Tensor& v) {
        const std::int64_t H = q.size(1), d = q.size(3);
        const at::Tensor query = q.reshape({H, d}).contiguous();
        const at::Tensor key = k.contiguous(), value = v.contiguous();
        const float* rows[] = {query.data_ptr<float>(), key.data_ptr<float>(), value.data_ptr<float>()};
        if (m.capture)
            m.capture->write(layer, position, rows[0], rows[1], rows[2]);
        m.cache.append(layer, position, rows[1], rows[2], m.ledger);
        if (m.observer)
            m.observer->asked(layer, position, rows[0], m.ledger);

        const Stopwatch watch;
        const int group = m.model.spec.group();
        std::vector<at::Tensor> outputs;
        for (int head = 0; head < m.model.spec.kvHeads; ++head) {
            CacheViewReader reader(m.cache.view(layer, head), &m.ledger);
            outputs.push_back(read(layer, head, query.narrow(0, head * group, group), reader, acting));
        }
        const at::Tensor output = at::cat(outputs).view({1, H, 1, d});
        m_attentionSeconds += watch.seconds();
        return output;
    }

    // The truths hold scores and chosen slots in tensors of their own, which no reader sees: counted here,
    // once written and once read, slots as the int32 that a list of them takes.
    at::Tensor read(int layer, int head, const at::Tensor& q, CacheViewReader& reader, Acting acting) {
        const LogitRule rule = m.model.spec.logitRule();
        const auto* sparq = std::get_if<SparqParams>(&m.plan.read);
        if (!sparq || !acting.read) {
            reportDense(layer, head, q);
            return acting.keep ? readKept(layer, q, reader) : denseTruth(q, reader, rule);
        }
        const SparqStages stages = sparqTruth(*sparq, q, reader, rule);
        m.ledger.moved(Component::Scores, 2 * static_cast<std::int64_t>(stages.approximate.nbytes()));
        m.ledger.moved(Component::Indices,
                       2 * stages.slots.numel() * static_cast<std::int64_t>(sizeof(std::int32_t)));
        reportSparq(layer, head, stages, reader.slots());
        return stages.output;
    }

    bool reports() const { return m.observer && m.observer->hearsReads(); }

    // Weights (g, S) in slot order, of one KV head.
    void report(int layer, int head, const at::Tensor& weights) {
        const at::Tensor sum = at::nan_to_num(weights, 0).sum(0).contiguous();
        m.observer->heard(layer, head, m.cache.view(layer, head),
                          {sum.data_ptr<float>(), static_cast<std::size_t>(sum.numel())}, m.ledger);
    }

    void reportDense(int layer, int head, const at::Tensor& q) {
        if (!reports())
            return;
        CacheViewReader uncounted(m.cache.view(layer, head));
        const at::Tensor weights =
            at::softmax(attentionLogits(at::matmul(q, uncounted.keys().t()), m.model.spec.logitRule(),
                                        static_cast<int>(q.size(1))),
                        -1);
        m.ledger.moved(Component::Scores, 2 * static_cast<std::int64_t>(weights.nbytes()));
        report(layer, head, weights);
    }

    // The guess is there already and read once more; weights of chosen rows are written and read, with their slots.
    void reportSparq(int layer, int head, const SparqStages& stages, std::int64_t slots) {
        if (!reports())
            return;
        if (m.plan.feedback == AttentionPlan::Feedback::Estimate) {
            m.ledger.moved(Component::Scores, static_cast<std::int64_t>(stages.approximate.nbytes()));
            report(layer, head, stages.approximate);
            return;
        }
        m.ledger.moved(Component::Scores, 2 * static_cast<std::int64_t>(stages.weights.nbytes()));
        m.ledger.moved(Component::Indices,
                       stages.slots.numel() * static_cast<std::int64_t>(sizeof(std::int32_t)));
        const at::Tensor scaled = stages.alpha.unsqueeze(-1) * stages.weights;
        report(layer, head, at::zeros({scaled.size(0), slots}).index_copy(1, stages.slots, scaled));
    }

    // Every row that the plan's keep left in the cache.
    at::Tensor readKept(int layer, const at::Tensor& q, CacheViewReader& reader) const {
        const ModelSpec& spec = m.model.spec;
        const RowTurn turn(spec, layer);
        return keptTruth(m.plan.keep, {turn, spec.logitRule(), spec.window(layer) > 0}, q, reader,
                         reader.positions());
    }

    DecodeState m;
    double m_attentionSeconds = 0;
};

} // namespace

std::unique_ptr<DecodePath> makeReferencePath(const DecodeState& state) {
    return std::make_unique<ReferencePath>(state);
}

} // namespace fovea
