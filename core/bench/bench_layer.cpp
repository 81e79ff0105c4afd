#include "core/bench/bench_layer.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "core/calibrate/store_codebooks.h"
#include "core/engine/store_codecs.h"

namespace fovea {

namespace {

// Codebooks of a store that is learnt: made up, since the time that codes take does not depend on what they stand for.
LayerCodebooks someBooks(const KvquantParams& params, const ModelSpec& spec) {
    const at::Tensor levels = at::linspace(-1, 1, params.levels());
    const KvquantTable values{.offset = {}, .range = {}, .levels = levels, .read = levels};
    KvquantTable keys = values;
    keys.offset = at::zeros({spec.kvHeads, spec.headDim});
    keys.range = at::full({spec.kvHeads, spec.headDim}, 2.f);
    return {.keyTable = keys, .valueTable = values, .keyCentroids = {}, .valueCentroids = {}};
}
LayerCodebooks someBooks(const CqParams& params, const ModelSpec& spec) {
    const auto centroids = [&] {
        return at::randn({spec.kvHeads, spec.headDim / params.channels, params.centroids(), params.channels});
    };
    return {.keyTable = {}, .valueTable = {}, .keyCentroids = centroids(), .valueCentroids = centroids()};
}

std::shared_ptr<const StoreCodecs> benchCodecs(const Store& store, const ModelSpec& spec) {
    const auto learnt = learntStore(store);
    if (!learnt)
        return plainCodecs(store, spec);
    StoreCodebooks books{.store = *learnt, .layers = {}, .origin = {}};
    books.layers.assign(static_cast<std::size_t>(spec.layers),
                        std::visit([&](const auto& params) { return someBooks(params, spec); }, *learnt));
    return learntCodecs(books, spec);
}

constexpr std::int64_t kChunk = 128; // prompt tokens that are heard at once
// Tokens that a bench may append: what is made ready for a context, as angles of a learnt store's keys are, is so for these.
constexpr std::int64_t kMostSteps = 1 << 22;

// Uniform with variance 1: what matters is that no two tokens are alike.
float draw(std::uint64_t& state) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (static_cast<float>(state >> 40) * 0x1p-24f - 0.5f) * std::sqrt(12.f);
}

std::vector<float> floats(int heads, int headDim) {
    return std::vector<float>(static_cast<std::size_t>(heads) * static_cast<std::size_t>(headDim));
}

} // namespace

ModelSpec benchSpec(const BenchShape& shape) {
    ModelSpec spec;
    spec.name = "one layer";
    spec.layers = 1;
    spec.queryHeads = shape.heads;
    spec.kvHeads = shape.kvHeads;
    spec.headDim = shape.headDim;
    spec.width = shape.heads * shape.headDim;
    spec.context = static_cast<int>(std::min<std::int64_t>(shape.context, 1 << 30) + kMostSteps);
    spec.type = ElementType::F32;
    return spec;
}

AttentionPlan benchPlan(AttentionPlan plan) {
    if (auto* quest = std::get_if<QuestParams>(&plan.read))
        quest->skip = 0;
    return plan;
}

BenchLayer::BenchLayer(const BenchShape& shape, const AttentionPlan& plan)
    : m_spec(benchSpec(shape)), m_plan(benchPlan(plan)), m_keeps(m_plan, m_spec),
      m_text(m_plan, m_spec, m_keeps, m_ledger, {.capacity = shape.context, .codecs = benchCodecs(m_plan.store, m_spec)}),
      m_attention(m_plan, m_spec, m_keeps, m_ledger), m_drops(!std::holds_alternative<KeepAll>(m_plan.keep)),
      m_q(floats(shape.heads, shape.headDim)), m_k(floats(shape.kvHeads, shape.headDim)),
      m_v(floats(shape.kvHeads, shape.headDim)), m_out(m_q.size()) {
    for (std::size_t i = 0; i < m_q.size(); ++i)
        m_q[i] = static_cast<float>(std::sin(0.7 * static_cast<double>(i * i + 1)));
    fill(shape.context);
}

// A prompt that nobody read; but a keep that ranks tokens by what queries gave them hears something.
void BenchLayer::fill(std::int64_t tokens) {
    const bool heard = m_text.observer() && m_text.observer()->hearsReads();
    const at::Tensor weights = heard ? at::rand({kChunk, tokens}) : at::Tensor{};
    while (m_text.tokens() < tokens) {
        const std::int64_t fresh = std::min(kChunk, tokens - m_text.tokens()), rows = m_text.tokens() + fresh;
        for (std::int64_t t = 0; t < fresh; ++t)
            append(m_text.tokens() + t);
        for (int head = 0; heard && head < m_spec.kvHeads; ++head)
            m_text.observer()->prefilled(0, head, m_text.cache().view(0, head),
                                         {weights.narrow(0, 0, fresh).narrow(1, 0, rows),
                                          at::ones({fresh, rows}, at::kBool), m_spec.group()});
        m_text.advance(fresh);
    }
    m_text.begin(/*planned=*/true);
}

void BenchLayer::append(std::int64_t position) {
    for (float& x : m_k)
        x = draw(m_random);
    for (float& x : m_v)
        x = draw(m_random);
    m_text.append(0, position, m_q.data(), m_k.data(), m_v.data());
}

void BenchLayer::step() {
    if (m_drops && m_text.tokens() == m_spec.context)
        throw std::length_error("the bench has appended " + std::to_string(kMostSteps) + " tokens; ask for fewer repeats");
    if (m_drops)
        m_text.append(0, m_text.tokens(), m_q.data(), m_k.data(), m_v.data());
    const Feed feed{&m_text, 0};
    m_attention.attend(0, {&feed, 1}, /*planned=*/true, m_q, m_out);
    if (m_drops)
        m_text.advance();
}

StepCost BenchLayer::cost() {
    StepCost cost;
    m_text.begin(true);
    m_ledger.take();
    step();
    cost.counted = m_ledger.take();
    m_text.describe(cost);
    return cost;
}

} // namespace fovea
