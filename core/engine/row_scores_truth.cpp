// The scores of the reference path: the methods' truths over tensors, rows in the order of their tokens' age. What it
// counts is what these tensors hold: read and written once each.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/argsort.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "core/engine/row_scores.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

// Slots by the age of their tokens.
at::Tensor ageOrder(const KvView& view) {
    return at::argsort(
        at::from_blob(const_cast<std::int64_t*>(view.positions), {view.slots}, at::kLong).clone());
}

// The places among 0..n-1 that are not in `kept` (ascending).
std::vector<std::int64_t> others(const at::Tensor& kept, std::int64_t n) {
    const auto place = kept.accessor<std::int64_t, 1>();
    std::vector<std::int64_t> left;
    for (std::int64_t i = 0, k = 0; i < n; ++i)
        if (k < kept.size(0) && place[k] == i)
            ++k;
        else
            left.push_back(i);
    return left;
}

// What both have in common: spans are put together to a row, which `add` then hears whole.
class TrueScores : public RowScores {
public:
    void begin(const KvView& view, Traffic& moved) final {
        m_order = ageOrder(view);
        m_row = at::zeros({view.slots});
        m_heard = 0;
        born(1);
        moved[Component::Scores] += bytesPerRow();
    }
    void hear(std::int64_t first, std::span<const float> weights, float uniform, Traffic& moved) final {
        std::copy(weights.begin(), weights.end(), m_row.data_ptr<float>() + first);
        m_heard += std::ssize(weights);
        moved[Component::Scores] += 8 * std::ssize(weights);
        if (m_heard == m_row.size(0))
            add(m_row.index_select(0, m_order).unsqueeze(0), at::ones({1, m_heard}, at::kBool),
                1 / (uniform * static_cast<float>(m_heard)));
    }
    void prefilled(const KvView& view, const HeardWeights& heard) final {
        const at::Tensor order = ageOrder(view);
        born(heard.weights.size(0));
        add(heard.weights.index_select(1, order), heard.seen.index_select(1, order),
            1.f / static_cast<float>(heard.heads));
    }
    std::vector<std::int64_t> lowest(std::span<const std::int32_t> candidates, std::int64_t exempt,
                                     std::int64_t n, Traffic& moved) final {
        const std::int64_t rows = std::ssize(candidates) - exempt;
        moved[Component::Scores] += bytesPerRow() * std::ssize(candidates);
        std::vector<std::int64_t> places = others(kept(exempt, rows, n), rows);
        for (std::int64_t& place : places)
            place += exempt;
        return places;
    }
    void evicted(std::span<const std::int64_t> places, std::span<const SlotTable::Move> moves,
                 Traffic& moved) final {
        const at::Tensor gone =
            at::tensor(std::vector<std::int64_t>(places.begin(), places.end()), at::kLong);
        forget(at::tensor(others(gone, rows()), at::kLong));
        moved[Component::Scores] += 2 * bytesPerRow() * std::ssize(moves); // as where rows lie by slot
    }
    void shrink(std::int64_t) final {}
    std::int64_t reserved() const final { return rows() * bytesPerRow(); }

protected:
    virtual std::int64_t rows() const = 0;
    virtual void born(std::int64_t n) = 0;
    // weights, seen (T, S), by age; `mean` makes the group's sum its mean.
    virtual void add(const at::Tensor& weights, const at::Tensor& seen, float mean) = 0;
    // The places of those of rows from..from + n - 1 that stay when `leaving` go.
    virtual at::Tensor kept(std::int64_t from, std::int64_t n, std::int64_t leaving) const = 0;
    virtual void forget(const at::Tensor& kept) = 0;

private:
    at::Tensor m_order, m_row;
    std::int64_t m_heard = 0;
};

at::Tensor ages(std::int64_t n) {
    return at::ones({n}, at::kLong).cumsum(0);
}

class TrueSums final : public TrueScores {
public:
    std::int64_t bytesPerRow() const override { return 4; }

private:
    std::int64_t rows() const override { return m_sums.size(0); }
    void born(std::int64_t n) override { m_sums = at::cat({m_sums, at::zeros({n})}); }
    void add(const at::Tensor& weights, const at::Tensor&, float) override {
        m_sums = m_sums + h2oScores(weights);
    }
    at::Tensor kept(std::int64_t from, std::int64_t n, std::int64_t leaving) const override {
        return h2oKept(n - leaving, 0, m_sums.narrow(0, from, n), ages(n));
    }
    void forget(const at::Tensor& kept) override { m_sums = m_sums.index_select(0, kept); }

    at::Tensor m_sums = at::empty({0});
};

class TrueHistory final : public TrueScores {
public:
    explicit TrueHistory(const ScissorhandsParams& params) : m_params(params) { m_params.recent = 0; }
    std::int64_t bytesPerRow() const override { return 4 * m_params.words(); }

private:
    std::int64_t rows() const override { return m_below.size(1); }
    void born(std::int64_t n) override {
        m_below = at::cat({m_below, at::zeros({m_below.size(0), n}, at::kBool)}, 1);
    }
    void add(const at::Tensor& weights, const at::Tensor& seen, float mean) override {
        m_below = at::cat({m_below, belowUniform(weights * mean, seen)});
        const std::int64_t kept = std::min<std::int64_t>(m_below.size(0), m_params.history);
        m_below = m_below.narrow(0, m_below.size(0) - kept, kept);
    }
    at::Tensor kept(std::int64_t from, std::int64_t n, std::int64_t leaving) const override {
        return scissorhandsKept(m_params, m_below.narrow(1, from, n), ages(n), leaving);
    }
    void forget(const at::Tensor& kept) override { m_below = m_below.index_select(1, kept); }

    ScissorhandsParams m_params;
    at::Tensor m_below = at::empty({0, 0}, at::kBool); // (queries, rows)
};

} // namespace

std::unique_ptr<RowScores> makeTrueRowScores(const AttentionPlan& plan) {
    if (const auto* scissors = std::get_if<ScissorhandsParams>(&plan.keep))
        return std::make_unique<TrueHistory>(*scissors);
    return std::make_unique<TrueSums>();
}

} // namespace fovea
