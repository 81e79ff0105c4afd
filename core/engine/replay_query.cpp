// One query, stage by stage, by the methods' own truths.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <span>

#include "core/cache/cache_view_reader.h"
#include "core/engine/capture.h"
#include "core/engine/capture_reader.h"
#include "core/engine/replay.h"
#include "core/engine/replay_pages.h"
#include "core/engine/replay_rows.h"
#include "core/methods/keep/kept_truth.h"
#include "core/methods/keep/row_turn.h"
#include "core/methods/read/dense.h"
#include "core/methods/read/quest_stages.h"
#include "core/methods/read/sparq_stages.h"
#include "core/methods/read/topv_stages.h"
#include "core/model/forward.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

std::vector<float> toVector(const at::Tensor& t) {
    const at::Tensor c = t.contiguous();
    return {c.data_ptr<float>(), c.data_ptr<float>() + c.numel()};
}

std::vector<std::int32_t> toIndices(const at::Tensor& t) {
    const at::Tensor c = t.contiguous();
    return {c.data_ptr<std::int64_t>(), c.data_ptr<std::int64_t>() + c.numel()};
}

at::Tensor toPositions(const std::vector<std::int32_t>& keys) {
    return at::tensor(std::vector<std::int64_t>(keys.begin(), keys.end()));
}

// (g, d): the queries of one KV head.
at::Tensor groupQueries(const Capture& capture, std::int64_t query, int layer, int kvHead) {
    const int group = capture.spec().group(), d = capture.headDim();
    std::vector<at::Tensor> rows;
    for (int i = 0; i < group; ++i)
        rows.push_back(capturedRows(capture.q(layer, kvHead * group + i) + query * d, 1, d));
    return at::cat(rows);
}

// What of the true top-k (exact scores) was read, and the score at which the choice was cut.
void judgeChoice(QueryStages& stages, const SparqParams& params) {
    std::vector<float> scratch;
    std::vector<std::int32_t> best;
    chooseRow(stages.exact, params.tokens, 0, scratch, best);
    std::vector<std::int32_t> both;
    std::set_intersection(best.begin(), best.end(), stages.chosen.begin(), stages.chosen.end(),
                          std::back_inserter(both));
    stages.recalled = static_cast<int>(both.size());

    const std::int64_t forced = std::min<std::int64_t>(params.localTokens(), std::ssize(stages.chosen));
    stages.threshold = std::numeric_limits<float>::infinity();
    for (const std::int32_t j :
         std::span(stages.chosen).first(stages.chosen.size() - static_cast<std::size_t>(forced)))
        stages.threshold = std::min(stages.threshold, stages.approximate[static_cast<std::size_t>(j)]);
}

// The scores of the keys that are held, at their places among all.
void spread(QueryStages& stages, const std::vector<float>& scores, const std::vector<std::int32_t>& held) {
    stages.approximate.assign(stages.exact.size(), std::numeric_limits<float>::quiet_NaN());
    for (std::size_t i = 0; i < held.size(); ++i)
        stages.approximate[static_cast<std::size_t>(held[i])] = scores[i];
}

// Which of the keys that `cache` holds each head of the group sees, (g, S); undefined where all see all of them.
template <class Reader>
at::Tensor sightOf(const LayerKeep& keep, int kvHead, const Reader& cache) {
    if (keep.same())
        return {};
    std::vector<KeepRule> rules;
    for (int i = 0; i < keep.group(); ++i)
        rules.push_back(keep.of(kvHead * keep.group() + i));
    return moaSight(rules, cache.positions());
}

// (g, n) of listed slots; undefined: all.
at::Tensor of(const at::Tensor& seen, const at::Tensor& slots) {
    return seen.defined() ? seen.index_select(1, slots) : seen;
}

// Of what was chosen for the group, and its weights (g, n), what head `mine` sees: keys, ascending, and its own.
void addChosen(QueryStages& stages, const at::Tensor& keys, const at::Tensor& weights, std::int64_t mine,
               const at::Tensor& seen) {
    const auto [order, by] = at::sort(keys);
    at::Tensor own = by;
    if (seen.defined())
        own = by.masked_select(seen[mine].index_select(0, by));
    stages.chosen = toIndices(keys.index_select(0, own));
    stages.weights = toVector(weights[mine].index_select(0, own));
}

// Fills what SparQ does among the keys that `cache` holds, of which the group's heads may see different ones: `seen`.
at::Tensor addSparq(QueryStages& stages, const SparqParams& params, const at::Tensor& q, CaptureReader& cache,
                    std::int64_t mine, const LogitRule& rule, const at::Tensor& seen) {
    const SparqStages truth = sparqTruth(params, q, cache, rule, seen);
    stages.guessed = true;
    stages.method = QueryStages::Method::Sparq;
    stages.components = toIndices(truth.components);
    // A weight that underflowed keeps a place on the axis; an evicted key has none.
    const std::vector<float> approximate = toVector(params.select == SparqParams::Select::Softmax
                                                        ? truth.approximate.sum(0).clamp_min(1e-30).log()
                                                        : truth.logits.sum(0));
    spread(stages, approximate, toIndices(cache.positions()));
    addChosen(stages, cache.positions().index_select(0, truth.slots), truth.weights, mine,
              of(seen, truth.slots));
    stages.tau = truth.tau[mine].item<float>();
    stages.alpha = truth.alpha[mine].item<float>();
    judgeChoice(stages, params);
    return truth.output[mine];
}

// Fills what top-k V does among the keys that `cache` holds.
at::Tensor addTopv(QueryStages& stages, const TopvParams& params, const at::Tensor& logits,
                   CaptureReader& cache, std::int64_t mine, const at::Tensor& seen) {
    const TopvStages truth = topvOfLogits(params, logits, cache, seen);
    stages.guessed = true;
    stages.method = QueryStages::Method::Topv;
    spread(stages, toVector(truth.all.sum(0).clamp_min(1e-30).log()), toIndices(cache.positions()));
    addChosen(stages, cache.positions().index_select(0, truth.slots), truth.weights, mine,
              of(seen, truth.slots));
    stages.alpha = truth.mass[mine].item<float>();
    stages.renormalised = params.renormalise;
    judgeChoice(stages, choiceOf(params, static_cast<int>(stages.q.size())));
    return truth.output[mine];
}

// One head's view of every page.
std::vector<PageStage> pagesOf(const QueryStages& stages, const QuestStages& truth, std::int64_t mine,
                               const std::vector<std::int32_t>& keys, int page, const LogitRule& rule) {
    const std::vector<std::int32_t> chosen = toIndices(truth.pages);
    std::vector<float> bounds = toVector(truth.scores[mine]);
    if (rule.softcap != 0)
        for (float& bound : bounds) // as the logits that it bounds
            bound = rule.softcap * std::tanh(bound / rule.softcap);
    std::vector<PageStage> pages;
    for (std::size_t j = 0; j < bounds.size(); ++j) {
        PageStage one{.bound = bounds[j], .exact = -std::numeric_limits<float>::infinity()};
        one.chosen = std::binary_search(chosen.begin(), chosen.end(), static_cast<std::int32_t>(j));
        const std::size_t first = j * static_cast<std::size_t>(page);
        const auto rows = std::span(keys).subspan(first, std::min(static_cast<std::size_t>(page), keys.size() - first));
        one.rows = static_cast<std::int32_t>(rows.size());
        one.oldest = *std::min_element(rows.begin(), rows.end());
        one.newest = *std::max_element(rows.begin(), rows.end());
        for (const std::int32_t key : rows)
            one.exact = std::max(one.exact, stages.exact[static_cast<std::size_t>(key)]);
        pages.push_back(one);
    }
    return pages;
}

// Fills what Quest does with the cache that it would have found.
at::Tensor addQuest(QueryStages& stages, const QuestParams& params, const at::Tensor& q,
                    CacheViewReader& cache, std::int64_t mine, const LogitRule& rule,
                    const at::Tensor& seen) {
    const QuestStages truth = questTruth(params, q, cache, rule, seen);
    stages.guessed = true;
    stages.method = QueryStages::Method::Quest;
    const std::vector<std::int32_t> keys = toIndices(cache.positions()); // by slot
    stages.pages = pagesOf(stages, truth, mine, keys, params.page, rule);
    const std::vector<float> scores = toVector(truth.group);
    std::vector<float> ofKeys;
    for (std::size_t slot = 0; slot < keys.size(); ++slot)
        ofKeys.push_back(scores[slot / static_cast<std::size_t>(params.page)]);
    spread(stages, ofKeys, keys);

    addChosen(stages, cache.positions().index_select(0, truth.slots), truth.weights, mine,
              of(seen, truth.slots));
    judgeChoice(stages, {.tokens = static_cast<int>(stages.chosen.size()), .local = 0});
    const auto newest = static_cast<std::size_t>(cache.newest(1).item<std::int64_t>() / params.page);
    stages.threshold = std::numeric_limits<float>::infinity();
    for (std::size_t j = 0; j < stages.pages.size(); ++j)
        if (stages.pages[j].chosen && j != newest)
            stages.threshold = std::min(stages.threshold, scores[j]);
    return truth.output[mine];
}

// Fills what attention over all the keys that `cache` holds does.
at::Tensor addKept(QueryStages& stages, const Keep& keep, const KeptLayer& layer, const at::Tensor& q,
                   CaptureReader& cache) {
    const at::Tensor logits = keptLogits(keep, layer, q.unsqueeze(0), cache.keys(), cache.positions());
    const at::Tensor weights = at::softmax(logits, -1);
    stages.chosen = toIndices(cache.positions());
    stages.weights = toVector(weights[0]);
    return at::matmul(weights, cache.values())[0];
}

} // namespace

QueryStages replayQuery(const Capture& capture, std::int64_t query, int layer, int head,
                        const AttentionPlan& plan, std::int64_t decodeFrom) {
    const c10::InferenceMode inference;
    const ModelSpec& spec = capture.spec();
    const int kvHead = head / spec.group();
    const std::int64_t mine = head % spec.group();
    const std::atomic<bool> goOn = false;
    const ReplayedKeep keep(plan, capture, query + 1, layer, head, decodeFrom, goOn);
    const at::Tensor q = groupQueries(capture, query, layer, kvHead);

    QueryStages stages{.layer = layer, .head = head, .query = query};
    stages.q = toVector(q[mine]);
    const LogitRule rule = spec.logitRule();
    const CapturedHead exactly(capture, Store{}, query + 1, layer, kvHead), stored(capture, plan, query + 1, layer, kvHead, decodeFrom);
    const at::Tensor exact = attentionLogits(at::matmul(exactly.keys.floats, q[mine]), rule, spec.headDim);
    stages.exact = toVector(exact);

    std::vector<std::int32_t> visible; // to dense attention
    for (std::int64_t key = 0; key <= query; ++key)
        if (keep.own().sees(query, key))
            visible.push_back(static_cast<std::int32_t>(key));
    CaptureReader dense(exactly, toPositions(visible));
    const at::Tensor denseOutput = denseTruth(q, dense, rule)[mine];
    stages.denseOutput = stages.output = toVector(denseOutput);

    const bool reads = query >= decodeFrom; // before, the keep alone may act
    const auto* sparq = reads ? std::get_if<SparqParams>(&plan.read) : nullptr;
    const auto* topv = reads ? std::get_if<TopvParams>(&plan.read) : nullptr;
    const auto* quest = reads ? questOf(plan, layer) : nullptr;
    stages.sparse = sparq || topv || quest || (query >= keep.actsFrom() && keep.drops(query));
    const auto finish = [&](const at::Tensor& output) {
        stages.output = toVector(output);
        stages.error = ((output - denseOutput).norm() / denseOutput.norm()).item<float>();
    };
    if (!stages.sparse) {
        if (storesCodes(plan.store)) {
            CaptureReader all(stored, toPositions(visible));
            finish(denseTruth(q, all, rule)[mine]);
        }
        return stages;
    }

    const std::vector<std::int32_t> seen = keep.seen(query);
    std::set_difference(visible.begin(), visible.end(), seen.begin(), seen.end(),
                        std::back_inserter(stages.evicted));
    // What is chosen for a whole group is chosen among what any of its heads sees.
    CaptureReader kept(stored, toPositions(sparq || topv ? keep.read(query) : seen));
    const RowTurn turn(spec, layer);
    const KeptLayer through{turn, rule, spec.window(layer) > 0};
    at::Tensor output;
    if (sparq) {
        output = addSparq(stages, *sparq, q, kept, mine, rule, sightOf(keep.layer(), kvHead, kept));
    } else if (topv) {
        const at::Tensor logits = keptLogits(plan.keep, through, q, kept.keys(), kept.positions());
        output = addTopv(stages, *topv, logits, kept, mine, sightOf(keep.layer(), kvHead, kept));
    } else if (quest) {
        const std::vector<std::int64_t> leaves = keep.leaves(query + 1);
        ReplayedPages history(capture, layer, kvHead, *quest, plan.store, leaves, keep.actsFrom(), decodeFrom);
        CacheViewReader cache(history.at(query));
        output = addQuest(stages, *quest, q, cache, mine, rule, sightOf(keep.layer(), kvHead, cache));
    } else {
        output = addKept(stages, plan.keep, through, q[mine], kept);
    }
    finish(output);
    // Of rows as they are stored: what is missed is the read's and the keep's doing, not the store's.
    const at::Tensor storedLogits = attentionLogits(at::matmul(stored.keys.at(dense.positions()), q[mine]), rule, spec.headDim);
    const at::Tensor mass = at::softmax(storedLogits, -1);
    float read = 0;
    const auto* const weight = mass.data_ptr<float>();
    for (std::size_t i = 0, j = 0; i < visible.size() && j < stages.chosen.size(); ++i)
        if (visible[i] == stages.chosen[j]) {
            read += weight[i];
            ++j;
        }
    stages.missed = std::max(0.f, 1.f - read);
    return stages;
}

} // namespace fovea
