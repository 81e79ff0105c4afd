// KV heads that hold different numbers of slots, and query heads of one group that see different ones of them.

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "core/kernels/cpu/attention.h"
#include "core/methods/read/sparq_stages.h"
#include "tests/core/kernels/attention_reference.h"
#include "tests/support/tensor_reader.h"

using namespace fovea;
using namespace fovea::test;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A cache whose KV heads hold their first `slots[g]` slots, tokens in any order among the first of them, and what
// each query head sees of them.
struct Ragged {
    KvBlocks blocks;
    std::vector<std::vector<std::int64_t>> positions; // (G, slots)
    std::vector<std::vector<std::int32_t>> byAge;
    std::vector<KvView> views;
    std::vector<cpu::HeadSight> sights;   // (H)
    std::vector<std::vector<float>> sums; // (G, group·d)

    Ragged(const AttentionShape& shape, std::mt19937& random) : blocks(shape) {
        const auto upTo = [&](std::int64_t n) {
            return std::uniform_int_distribution<std::int64_t>(0, n)(random);
        };
        blocks.fill(static_cast<std::uint32_t>(random()));
        views = blocks.views();
        const std::int64_t sinks = upTo(3);
        for (KvView& view : views) {
            view.slots = 1 + upTo(shape.slots - 1);
            // A stretch of the text with a gap behind the sinks, as evictions leave it.
            const std::int64_t gap = upTo(50);
            std::vector<std::int64_t> tokens(static_cast<std::size_t>(view.slots));
            for (std::int64_t i = 0; i < view.slots; ++i)
                tokens[static_cast<std::size_t>(i)] = i < sinks ? i : i + gap;
            const auto mixed = upTo(2);
            if (mixed == 1)
                std::rotate(tokens.begin(), tokens.begin() + upTo(view.slots - 1), tokens.end());
            if (mixed == 2)
                std::shuffle(tokens.begin(), tokens.end(), random);
            std::vector<std::int32_t> age(tokens.size());
            std::iota(age.begin(), age.end(), 0);
            std::sort(age.begin(), age.end(), [&](std::int32_t a, std::int32_t b) {
                return tokens[static_cast<std::size_t>(a)] < tokens[static_cast<std::size_t>(b)];
            });
            const std::int64_t newest = *std::max_element(tokens.begin(), tokens.end());
            // One head of the group sees all that is held, as the one that the KV head holds it for does.
            const std::int64_t all = upTo(shape.group() - 1);
            for (int h = 0; h < shape.group(); ++h)
                sights.push_back({sinks, h == all ? 0 : newest - upTo(upTo(1) ? 5 : newest)});
            positions.push_back(std::move(tokens));
            byAge.push_back(std::move(age));
        }
        for (std::size_t g = 0; g < views.size(); ++g) {
            views[g].positions = positions[g].data();
            views[g].byAge = mixedOrder(g) ? byAge[g].data() : nullptr;
        }
    }

    bool mixedOrder(std::size_t g) const { return !std::is_sorted(byAge[g].begin(), byAge[g].end()); }
    int group() const { return blocks.shape().group(); }
    bool sees(int head, std::int64_t slot) const {
        const std::int64_t position =
            positions[static_cast<std::size_t>(head / group())][static_cast<std::size_t>(slot)];
        const cpu::HeadSight& sight = sights[static_cast<std::size_t>(head)];
        return position < sight.sinks || position >= sight.oldest;
    }
    std::vector<std::int32_t> seen(int head) const {
        std::vector<std::int32_t> slots;
        for (std::int64_t s = 0; s < views[static_cast<std::size_t>(head / group())].slots; ++s)
            if (sees(head, s))
                slots.push_back(static_cast<std::int32_t>(s));
        return slots;
    }
    // A sum of values per query head, of what it sees.
    void sumWhatIsSeen() {
        const int d = blocks.shape().headDim;
        sums.assign(views.size(), {});
        for (int head = 0; head < blocks.shape().queryHeads; ++head) {
            std::vector<float> sum(static_cast<std::size_t>(d), 0.f);
            for (const std::int32_t slot : seen(head)) {
                const std::vector<float> value = blocks.value(head / group(), slot);
                for (std::size_t i = 0; i < sum.size(); ++i)
                    sum[i] += value[i];
            }
            auto& own = sums[static_cast<std::size_t>(head / group())];
            own.insert(own.end(), sum.begin(), sum.end());
        }
        for (std::size_t g = 0; g < views.size(); ++g) {
            views[g].valueSum = sums[g].data();
            views[g].valueSums = group();
        }
    }
};

std::vector<float> queriesOf(const AttentionShape& shape, std::uint32_t seed) {
    return normals(static_cast<std::size_t>(shape.queryHeads) * static_cast<std::size_t>(shape.headDim),
                   seed);
}

std::vector<AttentionShape> shapes() {
    return {{4, 4, 32, 300, ElementType::F32, 256}, {4, 2, 16, 1100, ElementType::F32, 256},
            {6, 2, 24, 90, ElementType::BF16, 7},   {8, 1, 32, 2100, ElementType::F16, 1024},
            {3, 1, 5, 40, ElementType::F32, 16},    {10, 2, 64, 130, ElementType::BF16, 256}};
}

// What SparQ's truth reads of one KV head.
TensorReader readerOf(const Ragged& cache, int kvHead) {
    const int d = cache.blocks.shape().headDim;
    const std::int64_t S = cache.views[static_cast<std::size_t>(kvHead)].slots;
    at::Tensor k = at::empty({S, d}), v = at::empty({S, d});
    for (std::int64_t s = 0; s < S; ++s) {
        const std::vector<float> key = cache.blocks.key(kvHead, s), value = cache.blocks.value(kvHead, s);
        std::copy(key.begin(), key.end(), k.data_ptr<float>() + s * d);
        std::copy(value.begin(), value.end(), v.data_ptr<float>() + s * d);
    }
    return {k, v};
}

} // namespace

TEST_CASE("Dense attention over heads of unequal numbers of slots, and of unequal sight, is each head's own "
          "equation",
          "[core.kernels]") {
    std::mt19937 random(17);
    cpu::AttentionScratch scratch; // one for all shapes: nothing of a step is left for the next
    for (int trial = 0; trial < 60; ++trial) {
        const AttentionShape shape = shapes()[static_cast<std::size_t>(trial) % shapes().size()];
        Ragged cache(shape, random);
        const bool differ = trial % 3 != 0;
        INFO("trial " << trial << ", H=" << shape.queryHeads << " G=" << shape.kvHeads << ", heads differ "
                      << differ);
        const std::vector<float> q = queriesOf(shape, static_cast<std::uint32_t>(trial));
        std::vector<float> out(q.size(), kNaN);
        Ledger ledger;
        const std::span<const cpu::HeadSight> sights = cache.sights;
        cpu::attendAll(cache.views, shape.group(), q.data(), out.data(), scratch, ledger, {}, {},
                       differ ? sights : sights.first(0));
        std::int64_t slots = 0;
        for (const KvView& view : cache.views)
            slots += view.slots;
        for (int h = 0; h < shape.queryHeads; ++h) {
            std::vector<std::int32_t> held(
                static_cast<std::size_t>(cache.views[static_cast<std::size_t>(h / shape.group())].slots));
            std::iota(held.begin(), held.end(), 0);
            const Attended truth = attend(cache.blocks, h / shape.group(), q.data() + h * shape.headDim,
                                          differ ? cache.seen(h) : held);
            INFO("query head " << h);
            for (int i = 0; i < shape.headDim; ++i)
                REQUIRE(std::fabs(out[static_cast<std::size_t>(h * shape.headDim + i)] -
                                  truth.output[static_cast<std::size_t>(i)]) <= truth.bound);
        }
        // Each row once per group.
        Traffic expected;
        expected[Component::Keys] = expected[Component::Values] =
            slots * shape.headDim * elementBytes(shape.type);
        REQUIRE(ledger.take() == expected);
    }
}

TEST_CASE("An infinite row reaches those that see it and nobody else", "[core.kernels]") {
    std::mt19937 random(23);
    cpu::AttentionScratch scratch;
    for (int trial = 0; trial < 40; ++trial) {
        const AttentionShape shape = shapes()[static_cast<std::size_t>(trial) % shapes().size()];
        Ragged cache(shape, random);
        const int g = static_cast<int>(random() % static_cast<unsigned>(shape.kvHeads));
        const auto slot = static_cast<std::int64_t>(
            random() % static_cast<unsigned>(cache.views[static_cast<std::size_t>(g)].slots));
        cache.blocks.setValue(g, slot,
                              std::vector<float>(static_cast<std::size_t>(shape.headDim), kInfinity));
        if (trial % 2 == 0)
            cache.blocks.setKey(g, slot,
                                std::vector<float>(static_cast<std::size_t>(shape.headDim), kInfinity));
        cache.sumWhatIsSeen();
        const std::vector<float> q = queriesOf(shape, static_cast<std::uint32_t>(trial));
        for (const bool sparse : {false, true}) {
            INFO("trial " << trial << ", sparse " << sparse);
            std::vector<float> out(q.size(), kNaN);
            Ledger ledger;
            if (sparse)
                cpu::attendSparq(cache.views, shape.group(),
                                 {.components = 4, .tokens = static_cast<int>(shape.slots), .alpha = true},
                                 q.data(), out.data(), scratch, ledger, {}, cache.sights);
            else
                cpu::attendAll(cache.views, shape.group(), q.data(), out.data(), scratch, ledger, {}, {},
                               cache.sights);
            for (int h = 0; h < shape.queryHeads; ++h) {
                const bool reached = h / shape.group() == g && cache.sees(h, slot);
                const auto finite = [](float x) { return std::isfinite(x); };
                const auto first = out.begin() + h * shape.headDim, last = first + shape.headDim;
                INFO("query head " << h << " of group " << shape.group() << ", sees it: " << reached);
                if (!reached)
                    REQUIRE(std::all_of(first, last, finite));
                else
                    REQUIRE(std::none_of(first, last, finite));
            }
        }
    }
}

TEST_CASE("SparQ chooses for a group whose heads see different tokens as its truth does", "[core.kernels]") {
    std::mt19937 random(29);
    cpu::AttentionScratch scratch;
    for (int trial = 0; trial < 80; ++trial) {
        const AttentionShape shape = shapes()[static_cast<std::size_t>(trial) % shapes().size()];
        Ragged cache(shape, random);
        cache.sumWhatIsSeen();
        const std::vector<float> q = queriesOf(shape, static_cast<std::uint32_t>(trial));
        SparqParams params;
        params.components = 1 + static_cast<int>(random() % static_cast<unsigned>(shape.headDim));
        params.tokens = 1 + static_cast<int>(random() % 60);
        params.local = static_cast<int>(random() % static_cast<unsigned>(params.tokens + 1));
        params.alpha = trial % 2 == 0;
        params.select = trial % 5 == 0 ? SparqParams::Select::Logits : SparqParams::Select::Softmax;
        INFO("trial " << trial << ", r=" << params.components << " k=" << params.tokens
                      << " local=" << *params.local);
        std::vector<float> out(q.size(), kNaN);
        Ledger ledger;
        cpu::attendSparq(cache.views, shape.group(), params, q.data(), out.data(), scratch, ledger, {},
                         cache.sights);

        const std::int64_t e = elementBytes(shape.type), d = shape.headDim, g = shape.group();
        Traffic expected;
        for (int kvHead = 0; kvHead < shape.kvHeads; ++kvHead) {
            TensorReader reader = readerOf(cache, kvHead);
            const std::int64_t S = reader.slots(), n = std::min<std::int64_t>(params.tokens, S);
            at::Tensor seen = at::empty({g, S}, at::kBool);
            for (std::int64_t h = 0; h < g; ++h)
                for (std::int64_t s = 0; s < S; ++s)
                    seen[h][s] = cache.sees(static_cast<int>(kvHead * g + h), s);
            struct ByAge final : CacheReader { // the newest are those of the highest positions
                TensorReader& inner;
                const std::vector<std::int32_t>& age;
                ByAge(TensorReader& reader, const std::vector<std::int32_t>& order)
                    : inner(reader), age(order) {}
                std::int64_t slots() const override { return inner.slots(); }
                at::Tensor newest(std::int64_t count) const override {
                    std::vector<std::int64_t> last(age.end() - count, age.end());
                    std::sort(last.begin(), last.end());
                    return at::tensor(last);
                }
                at::Tensor keys() override { return inner.keys(); }
                at::Tensor values() override { return inner.values(); }
                at::Tensor keyRows(const at::Tensor& slots) override { return inner.keyRows(slots); }
                at::Tensor valueRows(const at::Tensor& slots) override { return inner.valueRows(slots); }
                at::Tensor keyColumns(const at::Tensor& c) override { return inner.keyColumns(c); }
                at::Tensor valueMean() override { return inner.valueMean(); }
                at::Tensor valueMeans(const at::Tensor& mask) override { return inner.valueMeans(mask); }
            } byAge(reader, cache.byAge[static_cast<std::size_t>(kvHead)]);
            std::vector<float> group(q.begin() + kvHead * g * d, q.begin() + (kvHead + 1) * g * d);
            const at::Tensor queries = at::tensor(group).view({g, d});
            const SparqStages truth = sparqTruth(params, queries, byAge, {}, seen);
            const at::Tensor output = truth.output.contiguous();
            for (std::int64_t i = 0; i < g * d; ++i) {
                INFO("KV head " << kvHead << ", number " << i);
                const float exact = output.data_ptr<float>()[i];
                REQUIRE(std::isfinite(exact));
                REQUIRE(out[static_cast<std::size_t>(kvHead * g * d + i)] ==
                        Approx(exact).margin(2e-4).epsilon(2e-3));
            }
            expected[Component::KeyColumns] += params.components * S * e;
            expected[Component::Scores] += 2 * 4 * S * g;
            expected[Component::Indices] += 2 * 4 * n;
            expected[Component::Mean] += params.alpha ? 4 * d * g : 0;
        }
        const Traffic moved = ledger.take();
        for (const Component c :
             {Component::KeyColumns, Component::Scores, Component::Indices, Component::Mean}) {
            INFO(kComponentNames[static_cast<std::size_t>(c)]);
            REQUIRE(moved[c] == expected[c]);
        }
    }
}
