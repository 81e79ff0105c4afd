#include "core/engine/used_weights.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <variant>

#include "core/engine/capture.h"
#include "core/engine/capture_reader.h"
#include "core/engine/replay.h"
#include "core/methods/keep/keep_rule.h"
#include "core/model/forward.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

constexpr std::int64_t kBlock = 64; // queries at a time, as in replay
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

// One head of a capture under one plan.
class Rows {
public:
    Rows(const Capture& capture, const HeadMap& map, const AttentionPlan& plan)
        : m_capture(capture), m_map(map), m_sparq(std::get_if<SparqParams>(&plan.read)),
          m_keepsShares(std::holds_alternative<TopvParams>(plan.read) &&
                        !std::get<TopvParams>(plan.read).renormalise),
          m_rule(keepRule(plan, capture.spec().window(map.layer), true, {map.layer, map.head})), m_weights(map.weights) {}

    void fill(std::int64_t from, std::int64_t to) {
        const std::int64_t read = std::clamp(m_map.decodeFrom, from, to); // rows before are the keep's alone
        const std::vector<float> alphas =
            m_sparq && m_sparq->alpha && read < to ? alphasOf(read, to) : std::vector<float>{};
        for (std::int64_t i = from; i < to; ++i)
            fillRow(i, alphas.empty() || i < read ? 1.f : alphas[static_cast<std::size_t>(i - read)]);
    }
    std::vector<float> take() { return std::move(m_weights); }

private:
    std::span<const std::int32_t> chosenBy(std::int64_t i) const {
        const auto first = m_map.first[static_cast<std::size_t>(i)], end = m_map.first[static_cast<std::size_t>(i) + 1];
        return {m_map.chosen.data() + first, static_cast<std::size_t>(end - first)};
    }
    void fillRow(std::int64_t i, float alpha) {
        const auto live = [this, rule = m_rule.at(i)](std::int64_t query, std::int64_t key) {
            return rule.sees(query, key) && query < m_map.gone[static_cast<std::size_t>(key)];
        };
        const float* dense = m_map.weights.data() + i * m_map.tokens;
        float* row = m_weights.data() + i * m_map.tokens;
        const auto chosen = chosenBy(i);
        std::int64_t lives = 0;
        double mass = 0;
        if (chosen.empty() ||
            (m_keepsShares && i >= m_map.decodeFrom)) // dense over what stayed, or a part of that
            for (std::int64_t j = 0; j <= i; ++j)
                mass += live(i, j) ? static_cast<double>(dense[j]) : 0;
        else
            for (const std::int32_t j : chosen)
                mass += live(i, j) ? static_cast<double>(dense[j]) : 0;
        for (std::int64_t j = 0; j <= i; ++j)
            lives += live(i, j);
        const double scale = mass > 0 ? static_cast<double>(alpha) / mass : 0;
        const float rest = chosen.empty() || lives == 0 ? 0.f : (1 - alpha) / static_cast<float>(lives);
        auto next = chosen.begin();
        for (std::int64_t j = 0; j <= i; ++j) {
            bool read = chosen.empty();
            if (next != chosen.end() && *next == j) {
                read = true;
                ++next;
            }
            row[j] = live(i, j) ? (read ? static_cast<float>(dense[j] * scale) : 0.f) + rest : 0.f;
        }
    }

    // Step 4 of SparQ: the share of this head's approximate scores ŝ that the chosen tokens have.
    std::vector<float> alphasOf(std::int64_t from, std::int64_t to) const {
        const int group = m_capture.queryHeads() / m_capture.kvHeads(), d = m_capture.headDim();
        const int kvHead = m_map.head / group;
        const LogitRule rule = m_capture.spec().logitRule();
        const double scale = rule.scaleOf(d);
        at::Tensor magnitude;
        for (int i = 0; i < group; ++i) {
            const at::Tensor q = queries(kvHead * group + i, from, to).abs();
            magnitude = magnitude.defined() ? magnitude + q : q;
        }
        const at::Tensor best = std::get<1>(at::topk(magnitude, std::min(m_sparq->components, d), -1));
        const at::Tensor q = queries(m_map.head, from, to);
        at::Tensor sparse = q * at::zeros_like(magnitude).scatter(-1, best, 1.0);
        if (m_sparq->tau) {
            const at::Tensor share = sparse.abs().sum(-1, /*keepdim=*/true) / q.abs().sum(-1, /*keepdim=*/true);
            sparse = sparse / at::where(share > 0, share, at::ones_like(share)).sqrt();
        }
        at::Tensor scores = at::matmul(sparse * scale, capturedRows(m_capture.k(m_map.layer, kvHead), to, d).t());
        if (rule.softcap != 0)
            scores = attentionLogits(scores, {1, rule.softcap}, d);
        auto score = scores.accessor<float, 2>();
        for (std::int64_t i = from; i < to; ++i) {
            const KeepRule now = m_rule.at(i);
            for (std::int64_t j = 0; j < to; ++j)
                if (j > i || !now.sees(i, j) || i >= m_map.gone[static_cast<std::size_t>(j)])
                    score[i - from][j] = kMinusInfinity;
        }
        const at::Tensor approximate = at::softmax(scores, -1);
        const auto share = approximate.accessor<float, 2>();
        std::vector<float> alphas(static_cast<std::size_t>(to - from), 0.f);
        for (std::int64_t i = from; i < to; ++i)
            for (const std::int32_t j : chosenBy(i))
                alphas[static_cast<std::size_t>(i - from)] += share[i - from][j];
        return alphas;
    }

    at::Tensor queries(int head, std::int64_t from, std::int64_t to) const {
        const int d = m_capture.headDim();
        return capturedRows(m_capture.q(m_map.layer, head) + from * d, to - from, d);
    }

    const Capture& m_capture;
    const HeadMap& m_map;
    const SparqParams* m_sparq;
    const bool m_keepsShares; // top-k V: what is read weighs what it weighed among all
    const KeepRule m_rule;
    std::vector<float> m_weights;
};

} // namespace

std::vector<float> usedWeights(const Capture& capture, const HeadMap& map, const AttentionPlan& plan,
                               const std::atomic<bool>& cancel) {
    const c10::InferenceMode inference;
    Rows rows(capture, map, plan);
    const std::int64_t planned = map.tokens - map.actsFrom;
    at::parallel_for(0, (planned + kBlock - 1) / kBlock, 1, [&](std::int64_t begin, std::int64_t end) {
        const c10::InferenceMode onThisThread;
        for (std::int64_t block = begin; block < end && !cancel; ++block) {
            const std::int64_t from = map.actsFrom + block * kBlock;
            rows.fill(from, std::min(map.tokens, from + kBlock));
        }
    });
    return rows.take();
}

} // namespace fovea
