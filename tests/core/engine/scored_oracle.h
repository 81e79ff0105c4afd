#pragma once
// What tests of keeps that score tokens share: plans, and one KV head that reads a text in loops.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "core/model/forward.h"
#include "core/plan/attention_plan.h"

namespace fovea::test {

// One KV head that reads the text from its beginning, in loops: who is there, what each query gave, who leaves.
class Oracle {
public:
    Oracle(const AttentionPlan& plan, int window, std::int64_t decodeFrom)
        : m_plan(plan), m_reach(window > 0 ? window - 1 : 1 << 20), m_ownWindow(window > 0),
          m_prompt(decodeFrom) {}

    // q (g, T, d), K and V (T, d) -> (g, T, d)
    at::Tensor read(const at::Tensor& q, const at::Tensor& K, const at::Tensor& V) {
        std::vector<at::Tensor> outputs;
        for (std::int64_t p = 0; p < K.size(0); ++p) {
            leave(p);
            m_there.push_back(p);
            const at::Tensor rows = at::tensor(m_there, at::kLong);
            const at::Tensor query = q.select(1, p);
            const at::Tensor weights = at::softmax(at::matmul(query, K.index_select(0, rows).t()) /
                                                       std::sqrt(static_cast<double>(K.size(1))),
                                                   -1);
            outputs.push_back(at::matmul(weights, V.index_select(0, rows)));
            at::Tensor all = at::zeros({K.size(0)});
            all.index_copy_(0, rows, weights.sum(0));
            m_gave.push_back(all);
            m_uniform.push_back(static_cast<float>(q.size(0)) / static_cast<float>(rows.size(0)));
            m_saw.push_back(m_there);
        }
        return at::stack(outputs, 1);
    }

    // By token, the first query that did not see it; the text's length: there was none. Once it is read.
    std::vector<std::int64_t> gone() const {
        std::vector<std::int64_t> gone(m_saw.size(), std::ssize(m_saw));
        for (std::int64_t j = 0; j < std::ssize(m_saw); ++j)
            for (std::int64_t p = std::ssize(m_saw) - 1; p >= j; --p) {
                const auto& saw = m_saw[static_cast<std::size_t>(p)];
                if (std::find(saw.begin(), saw.end(), j) == saw.end())
                    gone[static_cast<std::size_t>(j)] = p;
            }
        return gone;
    }

private:
    void leave(std::int64_t next) {
        std::erase_if(m_there, [&](std::int64_t j) { return next - j > m_reach; });
        if (next < m_prompt)
            return;
        const auto held = std::ssize(m_there);
        if (const auto* h2o = std::get_if<H2oParams>(&m_plan.keep))
            drop(held - h2o->budget(m_prompt), h2o->recentTokens(m_prompt),
                 [&](std::int64_t j) { return sumOf(j); });
        if (const auto* s = std::get_if<ScissorhandsParams>(&m_plan.keep); s && held > s->budget) {
            const bool oneByOne = m_ownWindow || next == m_prompt;
            drop(oneByOne ? held - s->budget : s->dropTokens(), s->recent,
                 [&](std::int64_t j) { return -belowOf(j); });
        }
        if (const auto* s = std::get_if<SnapkvParams>(&m_plan.keep); s && next == m_prompt && !m_ownWindow)
            vote(*s);
    }
    // `n` of those that are not among the newest, the lowest first; of equals the older.
    template <class Score>
    void drop(std::int64_t n, std::int64_t recent, const Score& score) {
        for (; n > 0; --n) {
            auto worst = m_there.begin();
            for (auto j = m_there.begin(); j != m_there.end() - recent; ++j)
                if (score(*j) < score(*worst))
                    worst = j;
            m_there.erase(worst);
            recent = std::min<std::int64_t>(recent, std::ssize(m_there) - 1);
        }
    }
    float sumOf(std::int64_t j) const {
        float sum = 0;
        for (const at::Tensor& row : m_gave)
            sum += row.data_ptr<float>()[j];
        return sum;
    }
    float belowOf(std::int64_t j) const {
        const int history = std::get<ScissorhandsParams>(m_plan.keep).history;
        float count = 0;
        for (std::size_t i = m_gave.size() - std::min(m_gave.size(), static_cast<std::size_t>(history));
             i < m_gave.size(); ++i)
            count += std::find(m_saw[i].begin(), m_saw[i].end(), j) != m_saw[i].end() &&
                     m_gave[i].data_ptr<float>()[j] < m_uniform[i] * (1 - 1e-5f);
        return count;
    }
    void vote(const SnapkvParams& s) {
        const auto P = std::ssize(m_there), before = P - std::min<std::int64_t>(P, s.window);
        if (P <= s.budget)
            return;
        at::Tensor sums = at::zeros({m_gave.front().size(0)});
        for (std::int64_t i = before; i < P; ++i)
            sums = sums + m_gave[static_cast<std::size_t>(i)];
        const auto pooled = [&](std::int64_t j) {
            float sum = 0;
            for (std::int64_t k = std::max<std::int64_t>(0, j - s.pool / 2);
                 k <= std::min(before - 1, j + s.pool / 2); ++k)
                sum += sums.data_ptr<float>()[k];
            return sum;
        };
        drop(P - s.budget, s.window, pooled);
    }

    const AttentionPlan& m_plan;
    std::int64_t m_reach;
    bool m_ownWindow;
    std::int64_t m_prompt;
    std::vector<std::int64_t> m_there;
    std::vector<at::Tensor> m_gave; // (T) each
    std::vector<float> m_uniform;
    std::vector<std::vector<std::int64_t>> m_saw;
};

// Logits (T, V) of the whole text.
inline at::Tensor expected(const Model& model, const AttentionPlan& plan, std::span<const int> tokens,
                           std::int64_t decodeFrom) {
    const std::vector<std::int64_t> ids(tokens.begin(), tokens.end());
    const int group = model.spec.group();
    const auto attention = [&](int layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
        std::vector<at::Tensor> heads;
        for (int g = 0; g < model.spec.kvHeads; ++g) {
            Oracle oracle(plan, model.spec.window(layer), decodeFrom);
            const at::Tensor out = oracle.read(q[0].narrow(0, g * group, group), k[0][g], v[0][g]);
            for (int h = 0; h < group; ++h)
                heads.push_back(out[h]);
        }
        return at::stack(heads).unsqueeze(0);
    };
    return logits(model, hiddenStates(model, at::tensor(ids).unsqueeze(0), 0, attention, at::kFloat))[0]
        .contiguous();
}

inline constexpr const char* kScored[] = {
    "keep=h2o:heavy=5,recent=9",
    "keep=h2o:heavy=1,recent=0",
    "keep=h2o:heavy=0,recent=6",
    "keep=h2o:heavy=20%,recent=10%",
    "keep=h2o:heavy=300,recent=1",
    "keep=scissorhands:budget=14,history=7,recent=3",
    "keep=scissorhands:budget=11,history=40,recent=0,drop=1",
    "keep=scissorhands:budget=9,history=33,recent=4,drop=5",
    "keep=scissorhands:budget=1,history=1,recent=0",
    "keep=snapkv:budget=12,window=4,pool=3",
    "keep=snapkv:budget=6,window=6,pool=1",
    "keep=snapkv:budget=30,window=25,pool=7",
};

} // namespace fovea::test
