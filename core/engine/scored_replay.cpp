#include "core/engine/scored_replay.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/nan_to_num.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/cache/slot_table.h"
#include "core/engine/capture.h"
#include "core/engine/capture_reader.h"
#include "core/engine/replay_pages.h"
#include "core/engine/row_scores.h"
#include "core/engine/scored_rows.h"
#include "core/methods/keep/keep_rule.h"
#include "core/methods/read/sparq_stages.h"
#include "core/methods/read/topv_stages.h"
#include "core/model/forward.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

constexpr std::int64_t kBlock = 64; // queries at a time where nothing leaves between them
constexpr int kSlotsPerBlock = 256;

class Scan {
public:
    Scan(const Capture& capture, std::int64_t tokens, int layer, int kvHead, const AttentionPlan& plan,
         std::int64_t decodeFrom)
        : m_capture(capture), m_plan(plan), m_layer(layer), m_kvHead(kvHead),
          m_window(capture.spec().window(layer)), m_group(capture.spec().group()), m_tokens(tokens),
          m_decodeFrom(std::clamp<std::int64_t>(decodeFrom, 0, tokens)),
          m_head(capture, plan, tokens, layer, kvHead, m_decodeFrom),
          m_gone(static_cast<std::size_t>(tokens), KeepRule::kUnbounded) {
        for (const int reader : kvReaders(capture.spec(), layer))
            if (reader < capture.layers())
                addReader(reader);
        if (m_window > 0)
            for (std::int64_t key = 0; key < tokens; ++key)
                m_gone[static_cast<std::size_t>(key)] = key + m_window;
    }

    std::vector<std::int64_t> run(const std::atomic<bool>& cancel) {
        if (std::holds_alternative<SnapkvParams>(m_plan.keep)) {
            vote();
            return std::move(m_gone);
        }
        m_scores = makeRowScores(m_plan, kSlotsPerBlock, static_cast<int>(m_readers.size()));
        for (std::int64_t p = 0; p < m_decodeFrom && !cancel; p += kBlock)
            readPrompt(p, std::min(m_decodeFrom, p + kBlock));
        for (std::int64_t p = m_decodeFrom; p < m_tokens && !cancel; ++p)
            readOne(p);
        return std::move(m_gone);
    }

private:
    // A layer that reads these keys: those beyond the capture are not heard.
    struct Reader {
        at::Tensor queries; // (g, T, d)
        bool dense = false; // where the plan's read leaves it so
        std::unique_ptr<ReplayedPages> pages;
    };

    void addReader(int layer) {
        std::vector<at::Tensor> heads;
        for (int h = 0; h < m_group; ++h)
            heads.push_back(
                capturedRows(m_capture.q(layer, m_kvHead * m_group + h), m_tokens, m_capture.headDim()));
        Reader reader{.queries = at::stack(heads)};
        const auto* quest = std::get_if<QuestParams>(&m_plan.read);
        reader.dense = std::holds_alternative<ReadAll>(m_plan.read) || (quest && layer < quest->skip);
        if (quest && !reader.dense)
            reader.pages = std::make_unique<ReplayedPages>(m_capture, layer, m_kvHead, *quest,
                                                           m_plan.store, m_gone, m_decodeFrom, m_decodeFrom);
        m_readers.push_back(std::move(reader));
    }

    void vote() {
        const auto& params = std::get<SnapkvParams>(m_plan.keep);
        const std::int64_t P = m_decodeFrom, t = std::min<std::int64_t>(params.window, P);
        if (m_window > 0 || P <= params.budget)
            return;
        Traffic uncounted;
        std::vector<at::Tensor> last;
        for (const Reader& reader : m_readers)
            last.push_back(reader.queries.narrow(1, P - t, t));
        for (const std::int64_t key :
             votedOut(m_plan, at::cat(last), m_head.keys.at(at::arange(P, at::kLong)), m_capture.spec().logitRule(), uncounted))
            m_gone[static_cast<std::size_t>(key)] = P;
    }

    // What the query at `next` does not see leaves.
    void leave(std::int64_t next) {
        const AgedRows rows{m_table.byAge(), m_table.positions()};
        std::vector<std::int64_t> places(static_cast<std::size_t>(expiredRows(rows, m_window, next)));
        std::iota(places.begin(), places.end(), 0);
        Traffic uncounted;
        if (next >= m_decodeFrom)
            rankOut(m_plan, m_window, *m_scores, rows, next, m_decodeFrom, places, uncounted);
        if (places.empty())
            return;
        std::vector<std::int32_t> slots;
        for (const std::int64_t place : places) {
            slots.push_back(rows.byAge[static_cast<std::size_t>(place)]);
            std::int64_t& gone =
                m_gone[static_cast<std::size_t>(rows.positions[static_cast<std::size_t>(slots.back())])];
            gone = std::min(gone, next);
        }
        std::sort(slots.begin(), slots.end());
        m_scores->evicted(places, m_table.release(slots), uncounted);
    }

    KvView view() const {
        KvView view;
        view.positions = m_table.positions().data();
        view.byAge = m_table.inOrder() ? nullptr : m_table.byAge().data();
        view.slots = m_table.live();
        return view;
    }

    // One query's weights of one layer, summed over the group, by the age of the tokens it sees.
    void hear(std::size_t reader, const float* weights) {
        const auto byAge = m_table.byAge();
        m_bySlot.resize(byAge.size());
        for (std::size_t place = 0; place < byAge.size(); ++place)
            m_bySlot[static_cast<std::size_t>(byAge[place])] = weights[place];
        Traffic uncounted;
        m_scores->begin(view(), static_cast<int>(reader), uncounted);
        m_scores->hear(0, m_bySlot, static_cast<float>(m_group) / static_cast<float>(byAge.size()),
                       uncounted);
    }

    at::Tensor weightsOf(const at::Tensor& products, const at::Tensor& hidden) const {
        const at::Tensor logits =
            attentionLogits(products, m_capture.spec().logitRule(), m_capture.headDim());
        const at::Tensor visible =
            hidden.defined() ? logits.masked_fill(hidden, -std::numeric_limits<double>::infinity()) : logits;
        return at::nan_to_num(at::softmax(visible, -1), 0).sum(0).contiguous();
    }

    // Queries from..to-1, which are read dense within the model's own window.
    void readPrompt(std::int64_t from, std::int64_t to) {
        const at::Tensor distance = at::arange(from, to, at::kLong).unsqueeze(1) - at::arange(to, at::kLong);
        at::Tensor hidden = distance < 0;
        if (m_window > 0)
            hidden = hidden.logical_or(distance >= m_window);
        std::vector<at::Tensor> weights; // (T, to) of each layer
        for (const Reader& reader : m_readers)
            weights.push_back(weightsOf(
                m_head.keys.products(reader.queries.narrow(1, from, to - from), from, to), hidden));
        for (std::int64_t p = from; p < to; ++p) {
            leave(p);
            m_table.take(p);
            // What is there is all that the window has, the last of the text so far.
            for (std::size_t i = 0; i < weights.size(); ++i)
                hear(i, weights[i].data_ptr<float>() + (p - from) * to + (p + 1 - m_table.live()));
        }
    }

    void readOne(std::int64_t p) {
        leave(p);
        m_table.take(p);
        std::vector<std::int64_t> there;
        for (const std::int32_t slot : m_table.byAge())
            there.push_back(m_table.positions()[static_cast<std::size_t>(slot)]);
        const at::Tensor positions = at::tensor(there, at::kLong);
        for (std::size_t i = 0; i < m_readers.size(); ++i)
            hear(i, weightsOf(m_readers[i], p, positions).data_ptr<float>());
    }

    // Of the keys at `positions`, by age, what a layer's query at p gives to each.
    at::Tensor weightsOf(const Reader& reader, std::int64_t p, const at::Tensor& positions) const {
        const at::Tensor q = reader.queries.select(1, p); // (g, d)
        if (reader.dense)
            return weightsOf(at::matmul(q, m_head.keys.at(positions).t()), {});
        if (!reader.pages)
            return chosenWeights(q, positions);
        const std::span<const float> bySlot = reader.pages->heard(p);
        const KvView view = reader.pages->at(p);
        at::Tensor weights = at::zeros({view.slots});
        for (std::int64_t age = 0; age < view.slots; ++age)
            weights.data_ptr<float>()[age] =
                bySlot[static_cast<std::size_t>(view.byAge ? view.byAge[age] : age)];
        return weights;
    }

    at::Tensor chosenWeights(const at::Tensor& q, const at::Tensor& positions) const {
        CaptureReader rows(m_head, positions);
        if (const auto* topv = std::get_if<TopvParams>(&m_plan.read))
            return at::nan_to_num(topvTruth(*topv, q, rows, m_capture.spec().logitRule()).all, 0)
                .sum(0)
                .contiguous();
        const SparqStages stages =
            sparqTruth(std::get<SparqParams>(m_plan.read), q, rows, m_capture.spec().logitRule());
        at::Tensor weights = stages.approximate;
        if (m_plan.feedback == AttentionPlan::Feedback::Exact)
            weights = at::zeros_like(stages.approximate)
                          .index_copy(1, stages.slots, stages.alpha.unsqueeze(-1) * stages.weights);
        return at::nan_to_num(weights, 0).sum(0).contiguous();
    }

    const Capture& m_capture;
    const AttentionPlan& m_plan;
    const int m_layer, m_kvHead, m_window, m_group;
    const std::int64_t m_tokens, m_decodeFrom;
    const CapturedHead m_head;
    std::vector<std::int64_t> m_gone;
    std::vector<Reader> m_readers;
    SlotTable m_table;
    std::unique_ptr<RowScores> m_scores;
    std::vector<float> m_bySlot;
};

} // namespace

std::vector<std::int64_t> scoredGone(const Capture& capture, std::int64_t tokens, int layer, int kvHead,
                                     const AttentionPlan& plan, std::int64_t decodeFrom,
                                     const std::atomic<bool>& cancel) {
    const c10::InferenceMode inference;
    return Scan(capture, tokens, layer, kvHead, plan, decodeFrom).run(cancel);
}

} // namespace fovea
