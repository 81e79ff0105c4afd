#include "core/engine/replay.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <limits>
#include <span>

#include "core/engine/capture.h"
#include "core/engine/capture_reader.h"
#include "core/methods/read/dense.h"
#include "core/methods/read/sparq_stages.h"
#include "core/model/forward.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

std::vector<float> toVector(const at::Tensor& t) {
    const at::Tensor c = t.contiguous();
    return {c.data_ptr<float>(), c.data_ptr<float>() + c.numel()};
}

std::vector<std::int32_t> toIndices(const at::Tensor& t) {
    const at::Tensor c = t.contiguous();
    return {c.data_ptr<std::int64_t>(), c.data_ptr<std::int64_t>() + c.numel()};
}

// Queries are taken a block at a time, each against the keys up to its last: half the work of a whole square, and
// what is in work stays in L2.
constexpr std::int64_t kBlock = 64;

// (to - from, to): true where query from + i of `layer` may not see key j.
at::Tensor hiddenMask(const Capture& capture, int layer, std::int64_t from, std::int64_t to) {
    const at::Tensor all = at::ones({to - from, to}, at::kBool);
    const std::int64_t window = capture.visible(layer, to);
    return window < to ? all.triu(from + 1).logical_or(all.tril(from - window)) : all.triu(from + 1);
}

// The scores SparQ chooses by, for queries from..to-1 at once: steps 1-3 of the paper with the group's sum.
// Returns (to - from, to), -inf where a key lies in the future.
at::Tensor groupScores(const Capture& capture, std::int64_t from, std::int64_t to, int layer, int kvHead,
                       const SparqParams& params) {
    const int group = capture.queryHeads() / capture.kvHeads();
    const int d = capture.headDim();
    const at::Tensor keys = capturedRows(capture.k(layer, kvHead), to, d);
    const at::Tensor future = hiddenMask(capture, layer, from, to);
    const LogitRule& rule = capture.logitRule();
    const double scale = rule.scaleOf(d);

    std::vector<at::Tensor> queries;
    at::Tensor magnitude;
    for (int i = 0; i < group; ++i) {
        const float* q = capture.q(layer, kvHead * group + i) + from * d;
        queries.push_back(capturedRows(q, to - from, d));
        magnitude = magnitude.defined() ? magnitude + queries.back().abs() : queries.back().abs();
    }
    const at::Tensor kept = std::get<1>(at::topk(magnitude, std::min(params.components, d), -1));
    const at::Tensor keep = at::zeros_like(magnitude).scatter(-1, kept, 1.0);

    at::Tensor sum;
    for (const at::Tensor& q : queries) {
        at::Tensor sparse = q * keep;
        const at::Tensor share = sparse.abs().sum(-1, /*keepdim=*/true) / q.abs().sum(-1, /*keepdim=*/true);
        sparse = params.tau ? sparse / share.sqrt() * scale : sparse * scale;
        at::Tensor scores = at::matmul(sparse, keys.t());
        if (rule.softcap != 0)
            scores = attentionLogits(scores, {1, rule.softcap}, d);
        scores.masked_fill_(future, kMinusInfinity);
        if (params.select == SparqParams::Select::Softmax)
            scores = at::softmax(scores, -1);
        sum = sum.defined() ? sum.add_(scores) : scores;
    }
    return sum.masked_fill_(future, kMinusInfinity);
}

// The k best of scores[0..n), the `local` newest always among them, ascending. Ties go to the lowest index.
void chooseRow(std::span<const float> scores, int k, int local, std::vector<float>& scratch,
               std::vector<std::int32_t>& chosen) {
    const auto n = static_cast<std::int64_t>(scores.size());
    const std::int64_t take = std::min<std::int64_t>(k, n);
    const std::int64_t forced = std::min<std::int64_t>(local, take);
    const std::int64_t older = n - forced; // candidates that must earn their place
    const std::int64_t earned = take - forced;
    if (earned > 0) {
        scratch.assign(scores.begin(), scores.begin() + older);
        for (float& s : scratch) // an order must exist even for a broken model's NaN
            s = std::isnan(s) ? kMinusInfinity : s;
        auto nth = scratch.begin() + (earned - 1);
        std::nth_element(scratch.begin(), nth, scratch.end(), std::greater<>{});
        const float threshold = *nth;
        std::int64_t ties =
            earned - std::count_if(scratch.begin(), nth, [&](float s) { return s > threshold; });
        for (std::int64_t j = 0; j < older; ++j) {
            const float s = std::isnan(scores[j]) ? kMinusInfinity : scores[j];
            if (s > threshold || (s == threshold && ties-- > 0))
                chosen.push_back(static_cast<std::int32_t>(j));
        }
    }
    for (std::int64_t j = older; j < n; ++j)
        chosen.push_back(static_cast<std::int32_t>(j));
}

// Fills the dense weights of queries from..to-1.
void attend(HeadMap& map, const Capture& capture, std::int64_t from, std::int64_t to) {
    const int d = capture.headDim(), kvHead = map.head / (capture.queryHeads() / capture.kvHeads());
    const at::Tensor q = capturedRows(capture.q(map.layer, map.head) + from * d, to - from, d);
    const at::Tensor k = capturedRows(capture.k(map.layer, kvHead), to, d);
    const LogitRule& rule = capture.logitRule();
    at::Tensor scores = at::matmul(q * rule.scaleOf(d), k.t());
    if (rule.softcap != 0)
        scores = attentionLogits(scores, {1, rule.softcap}, d);
    float* const rows = map.weights.data() + from * map.tokens;
    at::Tensor weights = at::from_blob(rows, {to - from, to}, {map.tokens, 1}, at::kFloat);
    weights.copy_(
        at::softmax(scores.masked_fill_(hiddenMask(capture, map.layer, from, to), kMinusInfinity), -1));
}

// Fills chosen and missed of queries from..to-1.
void choose(HeadMap& map, const Capture& capture, const SparqParams& params, std::int64_t from, std::int64_t to) {
    const int kvHead = map.head / (capture.queryHeads() / capture.kvHeads());
    const at::Tensor scores = groupScores(capture, from, to, map.layer, kvHead, params);
    const float* score = scores.data_ptr<float>();
    std::vector<float> scratch;
    std::vector<std::int32_t> row;
    for (std::int64_t i = from; i < to; ++i, score += to) {
        row.clear();
        chooseRow({score, static_cast<std::size_t>(i + 1)}, params.tokens, params.localTokens(), scratch, row);
        std::copy(row.begin(), row.end(), map.chosen.begin() + map.first[i]);
        float read = 0;
        for (const std::int32_t j : row)
            read += map.weights[static_cast<std::size_t>(i * map.tokens + j)];
        map.missed[static_cast<std::size_t>(i)] = std::max(0.f, 1.f - read);
    }
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
    for (const std::int32_t j : stages.chosen)
        if (j < std::ssize(stages.approximate) - forced)
            stages.threshold = std::min(stages.threshold, stages.approximate[static_cast<std::size_t>(j)]);
}

} // namespace

HeadMap replayHead(const Capture& capture, std::int64_t tokens, int layer, int head, const AttentionPlan& plan,
                   std::int64_t decodeFrom, const std::atomic<bool>& cancel) {
    const c10::InferenceMode inference;
    HeadMap map{.layer = layer, .head = head, .tokens = tokens};
    map.decodeFrom = std::clamp<std::int64_t>(decodeFrom, 0, tokens);
    map.first.resize(static_cast<std::size_t>(tokens + 1));
    map.missed.resize(static_cast<std::size_t>(tokens));
    map.weights.resize(static_cast<std::size_t>(tokens * tokens));

    const auto* sparq = std::get_if<SparqParams>(&plan.read);
    for (std::int64_t i = map.decodeFrom; sparq && i < tokens; ++i)
        map.first[i + 1] = map.first[i] + std::min<std::int64_t>(sparq->tokens, i + 1);
    map.chosen.resize(static_cast<std::size_t>(map.first[tokens]));

    at::parallel_for(0, (tokens + kBlock - 1) / kBlock, 1, [&](std::int64_t begin, std::int64_t end) {
        const c10::InferenceMode onThisThread;
        for (std::int64_t block = begin; block < end && !cancel; ++block) {
            const std::int64_t from = block * kBlock, to = std::min(tokens, from + kBlock);
            attend(map, capture, from, to);
            if (sparq && to > map.decodeFrom)
                choose(map, capture, *sparq, std::max(from, map.decodeFrom), to);
        }
    });
    return map;
}

QueryStages replayQuery(const Capture& capture, std::int64_t query, int layer, int head,
                        const AttentionPlan& plan, std::int64_t decodeFrom) {
    const c10::InferenceMode inference;
    const int group = capture.queryHeads() / capture.kvHeads();
    const int kvHead = head / group, d = capture.headDim();
    const std::int64_t tokens = query + 1;
    CaptureReader cache(capture, layer, kvHead, tokens);

    std::vector<at::Tensor> group_q;
    for (int i = 0; i < group; ++i)
        group_q.push_back(capturedRows(capture.q(layer, kvHead * group + i) + query * d, 1, d));
    const at::Tensor q = at::cat(group_q);
    const std::int64_t mine = head % group;

    QueryStages stages{.layer = layer, .head = head, .query = query};
    stages.q = toVector(q[mine]);
    const LogitRule& rule = capture.logitRule();
    const at::Tensor exact = attentionLogits(at::matmul(cache.keys(), q[mine]), rule, d);
    stages.exact = toVector(exact);
    const at::Tensor dense = denseTruth(q, cache, rule, tokens - capture.visible(layer, tokens))[mine];
    stages.denseOutput = stages.output = toVector(dense);

    const auto* sparq = std::get_if<SparqParams>(&plan.read);
    stages.sparse = sparq && query >= decodeFrom;
    if (!stages.sparse)
        return stages;

    const SparqStages truth = sparqTruth(*sparq, q, cache, rule);
    stages.components = toIndices(truth.components);
    // A weight that underflowed keeps a place on the axis.
    stages.approximate = toVector(sparq->select == SparqParams::Select::Softmax
                                      ? truth.approximate.sum(0).clamp_min(1e-30).log()
                                      : truth.logits.sum(0));
    stages.chosen = toIndices(truth.slots);
    stages.weights = toVector(truth.weights[mine]);
    stages.tau = truth.tau[mine].item<float>();
    stages.alpha = truth.alpha[mine].item<float>();
    stages.output = toVector(truth.output[mine]);
    stages.missed =
        std::max(0.f, 1.f - at::softmax(exact, -1).index_select(0, truth.slots).sum().item<float>());
    stages.error = ((truth.output[mine] - dense).norm() / dense.norm()).item<float>();
    judgeChoice(stages, *sparq);
    return stages;
}

HeadSummary summarise(const HeadMap& map, int side) {
    HeadSummary summary{.layer = map.layer, .head = map.head, .side = side};
    summary.thumbnail.assign(static_cast<std::size_t>(side) * static_cast<std::size_t>(side), 0.f);
    const std::int64_t n = map.tokens;
    const std::int64_t from = map.decodeFrom < n ? map.decodeFrom : 0;
    double missed = 0, entropy = 0, sink = 0;
    for (std::int64_t i = 0; i < n; ++i) {
        const float* row = &map.weights[static_cast<std::size_t>(i * n)];
        float* thumb = &summary.thumbnail[static_cast<std::size_t>(i * side / n * side)];
        // The largest weight under a pixel decides: an averaged thumbnail would lose one-token columns.
        for (std::int64_t j = 0; j <= i; ++j)
            thumb[j * side / n] = std::max(thumb[j * side / n], row[j]);
        if (i < from)
            continue;
        for (std::int64_t j = 0; j <= i; ++j)
            entropy -= row[j] > 0 ? row[j] * std::log(row[j]) : 0.f;
        missed += map.missed[static_cast<std::size_t>(i)];
        sink += row[0];
    }
    const double queries = static_cast<double>(std::max<std::int64_t>(1, n - from));
    summary.missed = static_cast<float>(missed / queries);
    summary.entropy = static_cast<float>(entropy / queries);
    summary.sink = static_cast<float>(sink / queries);
    return summary;
}

} // namespace fovea
