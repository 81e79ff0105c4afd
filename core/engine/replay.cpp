// A head's map: dense weights, and what a plan reads of every row.

#include "core/engine/replay.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "core/engine/capture.h"
#include "core/engine/capture_reader.h"
#include "core/engine/replay_pages.h"
#include "core/engine/replay_rows.h"
#include "core/methods/keep/kept_truth.h"
#include "core/methods/keep/row_turn.h"
#include "core/model/forward.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

// Queries are taken a block at a time, each against the keys up to its last: half the work of a whole square, and
// what is in work stays in L2.
constexpr std::int64_t kBlock = 64;

// (to - from, to): true where query from + i may not see key j.
at::Tensor hiddenMask(const KeepRule& rule, std::int64_t from, std::int64_t to) {
    const at::Tensor future = at::ones({to - from, to}, at::kBool).triu(from + 1);
    if (rule == KeepRule{})
        return future;
    std::vector<std::int64_t> windows;
    for (std::int64_t query = from; query < to; ++query)
        windows.push_back(rule.oldest(query));
    const at::Tensor keys = at::arange(to, at::kLong), oldest = at::tensor(windows).unsqueeze(1);
    const at::Tensor distance = at::arange(from, to, at::kLong).unsqueeze(1) - keys;
    return future.logical_or((keys < oldest).logical_and(keys >= rule.sinks)).logical_or(distance > rule.reach);
}

// The same of a row's keys that have left by then: `keep` scores tokens.
at::Tensor goneMask(const ReplayedKeep& keep, std::int64_t from, std::int64_t to) {
    std::vector<std::int64_t> gone;
    for (std::int64_t key = 0; key < to; ++key)
        gone.push_back(keep.gone(key));
    return at::tensor(gone, at::kLong) <= at::arange(from, to, at::kLong).unsqueeze(1);
}

// The scores by which SparQ, or with all components top-k V, chooses, for queries from..to-1 at once: steps 1-3 of the
// paper with the group's sum, over `keys` (at least to, d). The plan acts on all of them. Returns (to - from, to), -inf where no head of the group may
// see a key.
at::Tensor groupScores(const Capture& capture, const HeldRows& keys, const ReplayedKeep& replayed,
                       std::int64_t from, std::int64_t to, int layer, int kvHead, const SparqParams& params) {
    const int group = capture.queryHeads() / capture.kvHeads();
    const int d = capture.headDim();
    const LayerKeep& keep = replayed.layer();
    const at::Tensor gone = replayed.scored() ? goneMask(replayed, from, to) : at::Tensor{};
    at::Tensor hidden, hiddenFromAll;
    const LogitRule rule = capture.spec().logitRule();
    const double scale = rule.scaleOf(d);

    std::vector<at::Tensor> queries;
    at::Tensor magnitude;
    for (int i = 0; i < group; ++i) {
        const float* q = capture.q(layer, kvHead * group + i) + from * d;
        queries.push_back(capturedRows(q, to - from, d));
        magnitude = magnitude.defined() ? magnitude + queries.back().abs() : queries.back().abs();
    }
    const at::Tensor largest = std::get<1>(at::topk(magnitude, std::min(params.components, d), -1));
    const at::Tensor chosen = at::zeros_like(magnitude).scatter(-1, largest, 1.0);

    at::Tensor sum;
    for (int i = 0; i < group; ++i) {
        const at::Tensor& q = queries[static_cast<std::size_t>(i)];
        if (i == 0 || !keep.same()) {
            hidden = hiddenMask(keep.of(kvHead * group + i), from, to);
            if (gone.defined())
                hidden = hidden.logical_or(gone);
            hiddenFromAll = i == 0 ? hidden : hiddenFromAll.logical_and(hidden);
        }
        at::Tensor sparse = q * chosen;
        const at::Tensor share = sparse.abs().sum(-1, /*keepdim=*/true) / q.abs().sum(-1, /*keepdim=*/true);
        sparse = params.tau ? sparse / share.sqrt() * scale : sparse * scale;
        at::Tensor scores = keys.products(sparse, from, to);
        if (rule.softcap != 0)
            scores = attentionLogits(scores, {1, rule.softcap}, d);
        scores.masked_fill_(hidden, kMinusInfinity);
        if (params.select == SparqParams::Select::Softmax)
            scores = at::softmax(scores, -1);
        sum = sum.defined() ? sum.add_(scores) : scores;
    }
    return sum.masked_fill_(hiddenFromAll, kMinusInfinity);
}

// One head's map in the making.
class MapReplay {
public:
    MapReplay(HeadMap& map, const Capture& capture, const AttentionPlan& plan, const std::atomic<bool>& cancel)
        : m_map(map), m_capture(capture), m_plan(plan), m_sparq(scoredChoice(plan, capture.headDim())),
          m_kvHead(map.head / capture.spec().group()),
          m_keys(capturedKeys(capture, plan, map.tokens, map.layer, m_kvHead, map.decodeFrom)),
          m_keep(plan, capture, map.tokens, map.layer, map.head, map.decodeFrom, cancel) {
        map.actsFrom = std::min(m_keep.actsFrom(), map.tokens);
        if (const QuestParams* quest = questOf(plan, map.layer))
            playPages(*quest, cancel);
    }

    // How many keys of a row are listed at most; none where it is read dense. Of what SparQ chooses for a group this
    // head may see less.
    std::int64_t listed(std::int64_t query) const {
        const bool reads = query >= m_map.decodeFrom;
        if (reads && !m_pageRows.empty())
            return std::ssize(pageRow(query));
        if (reads && m_sparq)
            return std::min<std::int64_t>(m_sparq->tokens, m_keep.readCount(query));
        return query >= m_map.actsFrom && m_keep.drops(query) ? m_keep.count(query) : 0;
    }
    // Closes the gaps where a row lists fewer keys than it might have.
    void pack() {
        std::int64_t to = 0;
        for (std::int64_t i = 0; i < m_map.tokens; ++i) {
            const std::int64_t from = m_map.first[static_cast<std::size_t>(i)];
            const std::int64_t n = m_short.empty() ? m_map.first[static_cast<std::size_t>(i + 1)] - from
                                                   : m_short[static_cast<std::size_t>(i)];
            std::copy_n(m_map.chosen.begin() + from, n, m_map.chosen.begin() + to);
            m_map.first[static_cast<std::size_t>(i)] = to;
            to += n;
        }
        m_map.first[static_cast<std::size_t>(m_map.tokens)] = to;
        m_map.chosen.resize(static_cast<std::size_t>(to));
    }
    // May rows list fewer keys than `listed` says?
    bool mayBeShort() const { return m_sparq && !m_keep.layer().same(); }
    // Before the first choose.
    void expectShort() { m_short.assign(static_cast<std::size_t>(m_map.tokens), 0); }
    std::int64_t gone(std::int64_t key) const { return std::min(m_keep.gone(key), m_map.tokens); }

    // Dense weights of queries from..to-1.
    void attend(std::int64_t from, std::int64_t to) {
        const int d = m_capture.headDim();
        const at::Tensor q = capturedRows(m_capture.q(m_map.layer, m_map.head) + from * d, to - from, d);
        const LogitRule rule = m_capture.spec().logitRule();
        at::Tensor scores = m_keys.products(q * rule.scaleOf(d), from, to);
        if (rule.softcap != 0)
            scores = attentionLogits(scores, {1, rule.softcap}, d);
        float* const rows = m_map.weights.data() + from * m_map.tokens;
        at::Tensor weights = at::from_blob(rows, {to - from, to}, {m_map.tokens, 1}, at::kFloat);
        weights.copy_(
            at::softmax(scores.masked_fill_(hiddenMask(m_keep.own(), from, to), kMinusInfinity), -1));
    }

    // What is read of queries from..to-1, and the mass that is not.
    void choose(std::int64_t from, std::int64_t to) {
        const std::int64_t read = std::max(from, m_map.decodeFrom); // from here on the plan's read chooses
        const bool turned = m_sparq && m_keep.rule(read).turns();
        at::Tensor scores;
        if (m_sparq && !turned && read < to)
            scores = groupScores(m_capture, guessedBy(), m_keep, read, to, m_map.layer, m_kvHead, *m_sparq);
        Scratch scratch;
        for (std::int64_t i = std::max(from, m_map.actsFrom); i < to; ++i) {
            if (listed(i) == 0)
                continue;
            const std::vector<std::int32_t>& row =
                i < read              ? (scratch.row = m_keep.seen(i))
                : !m_pageRows.empty() ? pageRow(i)
                : turned              ? chooseTurned(i, scratch)
                : m_sparq             ? chooseScored(i, scores.data_ptr<float>() + (i - read) * to, scratch)
                                      : (scratch.row = m_keep.seen(i));
            std::copy(row.begin(), row.end(),
                      m_map.chosen.begin() + m_map.first[static_cast<std::size_t>(i)]);
            if (!m_short.empty())
                m_short[static_cast<std::size_t>(i)] = std::ssize(row);
            float mass = 0;
            for (const std::int32_t j : row)
                mass += m_map.weights[static_cast<std::size_t>(i * m_map.tokens + j)];
            m_map.missed[static_cast<std::size_t>(i)] = std::max(0.f, 1.f - mass);
        }
    }

private:
    struct Scratch {
        std::vector<std::int32_t> row;
        std::vector<float> scores, sorted;
    };

    // A read that chooses by scores, in SparQ's words.
    static std::optional<SparqParams> scoredChoice(const AttentionPlan& plan, int headDim) {
        if (const auto* topv = std::get_if<TopvParams>(&plan.read))
            return choiceOf(*topv, headDim);
        const auto* sparq = std::get_if<SparqParams>(&plan.read);
        return sparq ? std::optional(*sparq) : std::nullopt;
    }

    // SparQ guesses by a copy of K that is of floats; top-k V looks at the keys themselves.
    HeldRows guessedBy() const {
        return std::holds_alternative<SparqParams>(m_plan.read) ? HeldRows{.floats = m_keys.floats, .codes = m_keys.floats, .exact = {}}
                                                                  : m_keys;
    }

    // Pages depend on all that happened before, so they are chosen for every query in turn.
    void playPages(const QuestParams& quest, const std::atomic<bool>& cancel) {
        const std::vector<std::int64_t> leaves = m_keep.leaves(m_map.tokens);
        ReplayedPages pages(m_capture, m_map.layer, m_kvHead, quest, m_plan.store, leaves, m_keep.actsFrom(),
                            m_map.decodeFrom);
        m_pageRows.resize(static_cast<std::size_t>(m_map.tokens - m_map.decodeFrom));
        for (std::int64_t query = m_map.decodeFrom; query < m_map.tokens && !cancel; ++query) {
            const auto chosen = pages.chosen(query, m_keep.layer());
            std::vector<std::int32_t>& row = m_pageRows[static_cast<std::size_t>(query - m_map.decodeFrom)];
            row.assign(chosen.begin(), chosen.end());
            dropUnseen(query, row);
        }
    }
    const std::vector<std::int32_t>& pageRow(std::int64_t query) const {
        return m_pageRows[static_cast<std::size_t>(query - m_map.decodeFrom)];
    }

    // What top-k V reads where sinks are met at another distance than their own (SparQ is refused there): the scores
    // are the truth's, row by row.
    const std::vector<std::int32_t>& chooseTurned(std::int64_t query, Scratch& s) const {
        const int group = m_capture.spec().group(), d = m_capture.headDim();
        std::vector<at::Tensor> queries;
        for (int i = 0; i < group; ++i)
            queries.push_back(
                capturedRows(m_capture.q(m_map.layer, m_kvHead * group + i) + query * d, 1, d));
        const std::vector<std::int32_t> seen = m_keep.seen(query);
        const at::Tensor positions = at::tensor(std::vector<std::int64_t>(seen.begin(), seen.end()));
        const RowTurn turn(m_capture.spec(), m_map.layer);
        const at::Tensor logits =
            keptLogits(m_plan.keep, {turn, m_capture.spec().logitRule()}, at::cat(queries), m_keys.at(positions), positions);
        const at::Tensor sum = at::softmax(logits, -1).sum(0).contiguous();
        s.row.clear();
        chooseRow({sum.data_ptr<float>(), seen.size()}, m_sparq->tokens, 0, s.sorted, s.row);
        for (std::int32_t& key : s.row)
            key = seen[static_cast<std::size_t>(key)];
        return s.row;
    }

    // What is read of the keys that `query` sees; `scores` of all keys up to it.
    const std::vector<std::int32_t>& chooseScored(std::int64_t query, const float* scores, Scratch& s) const {
        s.row.clear();
        const int k = m_sparq->tokens, local = m_sparq->localTokens();
        if (m_keep.count(query) == query + 1) {
            chooseRow({scores, static_cast<std::size_t>(query + 1)}, k, local, s.sorted, s.row);
            return s.row;
        }
        const std::vector<std::int32_t> held = m_keep.read(query);
        s.scores.clear();
        for (const std::int32_t key : held)
            s.scores.push_back(scores[key]);
        chooseRow(s.scores, k, local, s.sorted, s.row);
        for (std::int32_t& key : s.row)
            key = held[static_cast<std::size_t>(key)];
        dropUnseen(query, s.row);
        return s.row;
    }

    // Of what was chosen for its group this head reads what it sees.
    void dropUnseen(std::int64_t query, std::vector<std::int32_t>& row) const {
        if (m_keep.parted(query))
            std::erase_if(row, [now = m_keep.rule(query).at(query), query](std::int32_t key) {
                return !now.sees(query, key);
            });
    }

    HeadMap& m_map;
    const Capture& m_capture;
    const AttentionPlan& m_plan;
    const std::optional<SparqParams> m_sparq; // empty: what is kept is read whole, or by pages
    int m_kvHead;
    HeldRows m_keys;
    ReplayedKeep m_keep;
    std::vector<std::int64_t> m_short; // (tokens) keys that each row lists, or empty: as many as it can
    std::vector<std::vector<std::int32_t>> m_pageRows; // of queries from decodeFrom on; empty: not read by pages
};

} // namespace

HeadMap replayHead(const Capture& capture, std::int64_t tokens, int layer, int head, const AttentionPlan& plan,
                   std::int64_t decodeFrom, const std::atomic<bool>& cancel) {
    const c10::InferenceMode inference;
    HeadMap map{.layer = layer, .head = head, .tokens = tokens};
    map.decodeFrom = std::clamp<std::int64_t>(decodeFrom, 0, tokens);
    map.first.resize(static_cast<std::size_t>(tokens + 1));
    map.missed.resize(static_cast<std::size_t>(tokens));
    map.weights.resize(static_cast<std::size_t>(tokens * tokens));
    MapReplay replay(map, capture, plan, cancel);
    for (std::int64_t i = 0; i < tokens; ++i) {
        map.first[static_cast<std::size_t>(i + 1)] =
            map.first[static_cast<std::size_t>(i)] + replay.listed(i);
        map.gone.push_back(replay.gone(i));
    }
    map.chosen.resize(static_cast<std::size_t>(map.first[static_cast<std::size_t>(tokens)]));
    if (replay.mayBeShort())
        replay.expectShort();

    at::parallel_for(0, (tokens + kBlock - 1) / kBlock, 1, [&](std::int64_t begin, std::int64_t end) {
        const c10::InferenceMode onThisThread;
        for (std::int64_t block = begin; block < end && !cancel; ++block) {
            const std::int64_t from = block * kBlock, to = std::min(tokens, from + kBlock);
            replay.attend(from, to);
            replay.choose(from, to);
        }
    });
    if (replay.mayBeShort())
        replay.pack();
    return map;
}

} // namespace fovea
