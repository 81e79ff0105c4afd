// One token of each text through the one ATen forward, attention by the methods' truths, reading the same cache.

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
#include "core/engine/attention_tap.h"
#include "core/engine/decode_path.h"
#include "core/engine/prompt_kernels.h"
#include "core/engine/sequence.h"
#include "core/engine/session.h"
#include "core/engine/stopwatch.h"
#include "core/methods/keep/kept_truth.h"
#include "core/methods/keep/row_turn.h"
#include "core/methods/read/dense.h"
#include "core/methods/read/quest_stages.h"
#include "core/methods/read/sparq_stages.h"
#include "core/methods/read/topv_stages.h"
#include "core/model/forward.h"
#include "core/model/parameters.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

class ReferencePath final : public DecodePath {
public:
    explicit ReferencePath(const DecodeState& state)
        : m(state), m_kernels(promptKernels(Backend::Reference, state.model, state.plan.acts)) {}

    // Text after text: each reads all weights, as ATen's forward does.
    StepTime step(std::span<const Feed> feeds, bool planned, std::span<float> scores) override {
        const c10::NoGradGuard noGrad;
        m_attentionSeconds = 0;
        m_planned = planned;
        for (const Feed& feed : feeds) {
            m_text = feed.sequence;
            const std::span<float> own =
                scores.subspan(static_cast<std::size_t>(&feed - feeds.data()) * scores.size() / feeds.size(),
                               scores.size() / feeds.size());
            forward(feed.token, own);
        }
        return {m_attentionSeconds};
    }

private:
    struct GroupPlace {
        int layer, kvHead;
    };

    void forward(int token, std::span<float> scores) {
        const auto attention = [&](int layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
            return attend(layer, q, k, v);
        };
        const at::Tensor input = at::full({1, 1}, token, at::kLong);
        const at::Tensor hidden = hiddenStates(m.model, input, m_text->tokens(), attention, at::kFloat, 0, m_kernels);
        const at::Tensor row = logits(m.model, hidden).to(at::kFloat).contiguous();
        std::copy_n(row.data_ptr<float>(), scores.size(), scores.data());
        m.ledger.moved(Component::Weights, stepParameterBytes(m.model));
    }

    // q (1, H, 1, d), k and v (1, G, 1, d), undefined where the layer borrows them -> (1, H, 1, d)
    at::Tensor attend(int layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
        const std::int64_t H = q.size(1), d = q.size(3);
        const at::Tensor query = q.reshape({H, d}).contiguous();
        const bool owns = k.defined();
        const at::Tensor key = owns ? k.contiguous() : k, value = owns ? v.contiguous() : v;
        float* const keyRows = owns ? key.data_ptr<float>() : nullptr;
        float* const valueRows = owns ? value.data_ptr<float>() : nullptr;
        if (m.tap)
            m.tap->enter(layer, query.data_ptr<float>(), keyRows, valueRows);
        m_text->append(layer, m_text->tokens(), query.data_ptr<float>(), keyRows, valueRows);

        const Stopwatch watch;
        const int group = m.model.spec.group();
        std::vector<at::Tensor> outputs;
        m_lastPages.assign(static_cast<std::size_t>(m.model.spec.kvHeads), 0);
        for (int head = 0; head < m.model.spec.kvHeads; ++head) {
            CacheViewReader reader = readerOf({layer, head});
            outputs.push_back(read({layer, head}, query.narrow(0, head * group, group), reader));
        }
        m_text->choseLastPages(layer, m_lastPages);
        const at::Tensor output = at::cat(outputs).view({1, H, 1, d});
        m_attentionSeconds += watch.seconds();
        if (m.tap)
            m.tap->leave(layer, output.data_ptr<float>());
        return output;
    }

    // What of the KV head's rows any of the layer's heads sees.
    CacheViewReader readerOf(const GroupPlace& place) {
        const KvView view = m_text->cache().view(place.layer, place.kvHead);
        const at::Tensor seen = seenBy(place, CacheViewReader(view).positions());
        return seen.defined() ? CacheViewReader(view, &m.ledger, seen.any(0))
                              : CacheViewReader(view, &m.ledger);
    }
    // (g, S) which tokens each query head sees; undefined: all see all.
    at::Tensor seenBy(const GroupPlace& place, const at::Tensor& positions) const {
        const LayerKeep& keep = m.keeps.of(place.layer, m_text->keeping());
        return keep.same() ? at::Tensor{} : moaSight(rulesOf(keep, place.kvHead), positions);
    }

    at::Tensor read(const GroupPlace& place, const at::Tensor& q, CacheViewReader& reader) {
        const LogitRule rule = m.model.spec.logitRule();
        if (m_planned) {
            if (const auto* sparq = std::get_if<SparqParams>(&m.plan.read))
                return readSparq(*sparq, place, q, reader);
            if (const auto* topv = std::get_if<TopvParams>(&m.plan.read))
                return readTopv(*topv, place, q, reader);
            if (const auto* quest = std::get_if<QuestParams>(&m.plan.read);
                quest && place.layer >= quest->skip)
                return readQuest(*quest, place, q, reader, rule);
        }
        reportDense(place.layer, place.kvHead, q);
        return m_text->keeping() ? readKept(place, q, reader) : denseTruth(q, reader, rule);
    }

    // The truths hold scores and chosen slots in tensors of their own, which no reader sees: counted here, in fp32 and
    // in the int32 that a list takes.
    void spilled(std::int64_t scores, std::int64_t indices) {
        m.ledger.moved(Component::Scores, scores * static_cast<std::int64_t>(sizeof(float)));
        m.ledger.moved(Component::Indices, indices * static_cast<std::int64_t>(sizeof(std::int32_t)));
    }

    // Each score and each slot is once written and once read.
    at::Tensor readSparq(const SparqParams& sparq, const GroupPlace& place, const at::Tensor& q,
                         CacheViewReader& reader) {
        const SparqStages stages =
            sparqTruth(sparq, q, reader, m.model.spec.logitRule(), seenBy(place, reader.positions()));
        spilled(2 * stages.approximate.numel(), 2 * stages.slots.numel());
        reportSparq(place.layer, place.kvHead, stages, reader.slots());
        return stages.output;
    }

    // As SparQ's, and the chosen scores are read once more, as weights; a keep reads all of them for itself.
    at::Tensor readTopv(const TopvParams& topv, const GroupPlace& place, const at::Tensor& q,
                        CacheViewReader& reader) {
        const RowTurn turn(m.model.spec, place.layer);
        const at::Tensor positions = reader.positions();
        const TopvStages stages = topvOfLogits(
            topv, keptLogits(m.plan.keep, through(place.layer, turn), q, reader.keys(), positions), reader,
            seenBy(place, positions));
        spilled(2 * stages.logits.numel() + stages.weights.numel(), 2 * stages.slots.numel());
        if (reports()) {
            m.ledger.moved(Component::Scores, static_cast<std::int64_t>(stages.all.nbytes()));
            report(place.layer, place.kvHead, stages.all);
        }
        return stages.output;
    }

    // One score per page for the whole group, which but for the newest page's is read; the chosen pages, and their
    // slots, are listed.
    at::Tensor readQuest(const QuestParams& quest, const GroupPlace& place, const at::Tensor& q,
                         CacheViewReader& reader, const LogitRule& rule) {
        const QuestStages stages = questTruth(quest, q, reader, rule, seenBy(place, reader.positions()));
        const std::int64_t pages = stages.scores.size(-1);
        spilled(2 * pages - 1, 2 * (stages.pages.numel() + stages.slots.numel()));
        m_lastPages[static_cast<std::size_t>(place.kvHead)] =
            stages.pages[-1].item<std::int64_t>() == pages - 1;
        if (reports())
            reportListed(place.layer, place.kvHead, stages.slots, stages.weights, reader.slots());
        return stages.output;
    }

    bool reports() const { return m_text->observer() && m_text->observer()->hearsReads(); }

    // Weights (g, S) in slot order, of one KV head.
    void report(int layer, int head, const at::Tensor& weights) {
        const at::Tensor sum = at::nan_to_num(weights, 0).sum(0).contiguous();
        m_text->observer()->heard(layer, head, m_text->cache().view(layer, head),
                                  {sum.data_ptr<float>(), static_cast<std::size_t>(sum.numel())}, m.ledger);
    }

    void reportDense(int layer, int head, const at::Tensor& q) {
        if (!reports())
            return;
        CacheViewReader uncounted(m_text->cache().view(layer, head));
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
        reportListed(layer, head, stages.slots, stages.alpha.unsqueeze(-1) * stages.weights, slots);
    }

    // Of rows `chosen` (n) out of S their weights (g, n); the others got nothing.
    void reportListed(int layer, int head, const at::Tensor& chosen, const at::Tensor& weights,
                      std::int64_t S) {
        m.ledger.moved(Component::Scores, 2 * static_cast<std::int64_t>(weights.nbytes()));
        m.ledger.moved(Component::Indices, chosen.numel() * static_cast<std::int64_t>(sizeof(std::int32_t)));
        report(layer, head, at::zeros({weights.size(0), S}).index_copy(1, chosen, weights));
    }

    // Every row that the plan's keep left in the cache, or those of them that each query head sees.
    at::Tensor readKept(const GroupPlace& place, const at::Tensor& q, CacheViewReader& reader) const {
        const ModelSpec& spec = m.model.spec;
        if (std::holds_alternative<MoaParams>(m.plan.keep))
            return moaTruth(rulesOf(m.keeps.of(place.layer, true), place.kvHead), q, reader,
                            reader.positions(), spec.logitRule());
        const RowTurn turn(spec, place.layer);
        return keptTruth(m.plan.keep, through(place.layer, turn), q, reader, reader.positions());
    }

    KeptLayer through(int layer, const RowTurn& turn) const {
        return {turn, m.model.spec.logitRule(), m.model.spec.window(layer) > 0};
    }

    static std::vector<KeepRule> rulesOf(const LayerKeep& keep, int kvHead) {
        std::vector<KeepRule> rules;
        for (int head = 0; head < keep.group(); ++head)
            rules.push_back(keep.of(kvHead * keep.group() + head));
        return rules;
    }

    DecodeState m;
    PassKernels m_kernels;
    Sequence* m_text = nullptr; // that is fed
    bool m_planned = false;
    std::vector<char> m_lastPages; // (G) of the layer that is read
    double m_attentionSeconds = 0;
};

} // namespace

std::unique_ptr<DecodePath> makeReferencePath(const DecodeState& state) {
    return std::make_unique<ReferencePath>(state);
}

} // namespace fovea
