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
#include <functional>

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

// What both have in common: spans, of all layers that read the rows, are put together to a row, which `add` then hears
// whole.
class TrueScores : public RowScores {
public:
    explicit TrueScores(int readers) : m_readers(readers) {}

    void begin(const KvView& view, int reader, Traffic& moved) final {
        m_reader = reader;
        if (reader > 0)
            return;
        m_order = ageOrder(view);
        m_row = at::zeros({view.slots});
        m_heard = 0;
        born(1);
        moved[Component::Scores] += bytesPerRow();
    }
    void hear(std::int64_t first, std::span<const float> weights, float uniform, Traffic& moved) final {
        std::transform(weights.begin(), weights.end(), m_row.data_ptr<float>() + first,
                       m_row.data_ptr<float>() + first, std::plus<>());
        m_heard += std::ssize(weights);
        moved[Component::Scores] += bytesHeard(m_reader, m_readers) * std::ssize(weights);
        if (m_heard == m_row.size(0) * m_readers)
            add(m_row.index_select(0, m_order).unsqueeze(0), at::ones({1, m_row.size(0)}, at::kBool),
                1 / (uniform * static_cast<float>(m_heard)));
    }
    void prefilled(const KvView& view, const HeardWeights& heard, int reader) final {
        const at::Tensor order = ageOrder(view);
        if (reader == 0)
            born(heard.weights.size(0));
        const at::Tensor weights = heard.weights.index_select(1, order);
        m_prompt = reader == 0 ? weights : m_prompt + weights;
        if (reader == m_readers - 1)
            add(m_prompt, heard.seen.index_select(1, order),
                1.f / static_cast<float>(heard.heads * m_readers));
    }
    void lowest(std::span<const std::int32_t> candidates, std::int64_t exempt, std::int64_t n,
                std::vector<std::int64_t>& places, Traffic& moved) final {
        const std::int64_t rows = std::ssize(candidates) - exempt;
        moved[Component::Scores] += bytesPerRow() * std::ssize(candidates);
        for (const std::int64_t place : others(kept(exempt, rows, n), rows))
            places.push_back(place + exempt);
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
    virtual std::int64_t bytesHeard(int reader, int readers) const = 0; // per row
    virtual void born(std::int64_t n) = 0;
    // weights, seen (T, S), by age; `mean` makes the group's sum its mean.
    virtual void add(const at::Tensor& weights, const at::Tensor& seen, float mean) = 0;
    // The places of those of rows from..from + n - 1 that stay when `leaving` go.
    virtual at::Tensor kept(std::int64_t from, std::int64_t n, std::int64_t leaving) const = 0;
    virtual void forget(const at::Tensor& kept) = 0;

private:
    int m_readers, m_reader = 0;
    at::Tensor m_order, m_row, m_prompt;
    std::int64_t m_heard = 0;
};

at::Tensor ages(std::int64_t n) {
    return at::ones({n}, at::kLong).cumsum(0);
}

class TrueSums final : public TrueScores {
public:
    using TrueScores::TrueScores;
    std::int64_t bytesPerRow() const override { return 4; }

private:
    std::int64_t bytesHeard(int, int) const override { return 8; }
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
    TrueHistory(const ScissorhandsParams& params, int readers) : TrueScores(readers), m_params(params) {
        m_params.recent = 0;
    }
    std::int64_t bytesPerRow() const override { return 4 * m_params.words(); }

private:
    std::int64_t bytesHeard(int reader, int readers) const override {
        return scissorhandsHeardBytes(reader, readers);
    }
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

std::unique_ptr<RowScores> makeTrueRowScores(const AttentionPlan& plan, int readers) {
    if (const auto* scissors = std::get_if<ScissorhandsParams>(&plan.keep))
        return std::make_unique<TrueHistory>(*scissors, readers);
    return std::make_unique<TrueSums>(readers);
}

} // namespace fovea
