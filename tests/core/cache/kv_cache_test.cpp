#include "core/cache/kv_cache.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <catch2/catch.hpp>

#include <limits>
#include <new>
#include <stdexcept>

#include "core/cache/cache_view_reader.h"
#include "core/cache/scalar_type.h"
#include "core/methods/predict.h"
#include "core/methods/read/dense.h"
#include "core/methods/read/sparq_stages.h"
#include "core/plan/attention_plan.h"

using namespace fovea;

namespace {

// Counts what is taken, and refuses from the given allocation on.
class Allocator final : public std::pmr::memory_resource {
public:
    std::int64_t taken = 0;
    int allowed = 1'000'000;

private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        if (allowed-- <= 0)
            throw std::bad_alloc();
        taken += static_cast<std::int64_t>(bytes);
        return std::pmr::new_delete_resource()->allocate(bytes, alignment);
    }
    void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
        taken -= static_cast<std::int64_t>(bytes);
        std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
    }
    bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

// (S, G, d) rows appended one token at a time.
void fill(KvCache& cache, int layer, const at::Tensor& k, const at::Tensor& v, Ledger& ledger) {
    for (std::int64_t t = 0; t < k.size(0); ++t)
        cache.append(layer, t, k[t].data_ptr<float>(), v[t].data_ptr<float>(), ledger);
}

constexpr ElementType kTypes[] = {ElementType::F32, ElementType::F16, ElementType::BF16};

} // namespace

TEST_CASE("Rows, columns and means read back as they were stored", "[core.cache]") {
    for (const ElementType type : kTypes) {
        for (const int perBlock : {1, 3, 16, 256}) {
            const int G = 2, d = 7, S = 37;
            KvCache cache({.layers = 2,
                           .kvHeads = G,
                           .headDim = d,
                           .type = type,
                           .keyColumns = true,
                           .valueSum = true,
                           .slotsPerBlock = perBlock});
            const at::Tensor k = at::randn({S, G, d}), v = at::randn({S, G, d});
            Ledger ledger;
            fill(cache, 1, k, v, ledger);
            CHECK(cache.slots(0) == 0);
            CHECK(cache.slots(1) == S);

            for (int head = 0; head < G; ++head) {
                // libtorch rounds to nearest even as well.
                const at::Tensor K = k.select(1, head).to(scalarType(type)).to(at::kFloat);
                const at::Tensor V = v.select(1, head).to(scalarType(type)).to(at::kFloat);
                CacheViewReader reader(cache.view(1, head));
                CHECK(reader.keys().equal(K));
                CHECK(reader.values().equal(V));
                const at::Tensor slots = at::tensor({0, 2, 3, 15, 16, 36}, at::kLong);
                CHECK(reader.keyRows(slots).equal(K.index_select(0, slots)));
                CHECK(reader.valueRows(slots).equal(V.index_select(0, slots)));
                const at::Tensor unsorted = at::tensor({17, 0, 16, 36, 1}, at::kLong);
                CHECK(reader.keyRows(unsorted).equal(K.index_select(0, unsorted)));
                const at::Tensor components = at::tensor({0, 4, 6}, at::kLong);
                CHECK(reader.keyColumns(components).equal(K.t().index_select(0, components)));
                CHECK(at::allclose(reader.valueMean(), V.mean(0), 1e-5, 1e-6));
            }
        }
    }
}

TEST_CASE("The truths give the same through the cache as on plain tensors", "[core.cache]") {
    const int d = 16, S = 300;
    KvCache cache({.layers = 1, .kvHeads = 1, .headDim = d, .keyColumns = true, .valueSum = true});
    const at::Tensor k = at::randn({S, 1, d}), v = at::randn({S, 1, d}), q = at::randn({2, d});
    Ledger ledger;
    fill(cache, 0, k, v, ledger);
    CacheViewReader reader(cache.view(0, 0));
    const at::Tensor expected =
        at::matmul(at::softmax(at::matmul(q, k.squeeze(1).t()) / 4, -1), v.squeeze(1));
    CHECK(at::allclose(denseTruth(q, reader), expected, 1e-5, 1e-6));
    const SparqParams params{.components = 16, .tokens = 300, .alpha = false};
    CHECK(at::allclose(sparqTruth(params, q, reader).output, expected, 1e-5, 1e-6));
}

TEST_CASE("What lies beyond the live slots of a block is never read", "[core.cache]") {
    const int d = 4, perBlock = 8;
    KvCache cache({.layers = 1, .kvHeads = 1, .headDim = d, .keyColumns = true, .slotsPerBlock = perBlock});
    const at::Tensor k = at::randn({5, 1, d}), v = at::randn({5, 1, d}), q = at::randn({1, d});
    Ledger ledger;
    fill(cache, 0, k, v, ledger);
    const KvView view = cache.view(0, 0);
    const float inf = std::numeric_limits<float>::infinity();
    for (int slot = 5; slot < perBlock; ++slot)
        for (int c = 0; c < d; ++c) {
            static_cast<float*>(const_cast<void*>(view.keys[0]))[slot * d + c] = inf;
            static_cast<float*>(const_cast<void*>(view.values[0]))[slot * d + c] = inf;
            static_cast<float*>(const_cast<void*>(view.keyColumns[0]))[c * perBlock + slot] = inf;
        }
    CacheViewReader reader(view);
    const SparqParams params{.components = 2, .tokens = 3, .alpha = false};
    CHECK(denseTruth(q, reader).isfinite().all().item<bool>());
    CHECK(sparqTruth(params, q, reader).output.isfinite().all().item<bool>());
}

TEST_CASE("Held bytes counted slot by slot are the formula's, and reserved is one block ahead at most",
          "[core.cache]") {
    for (const ElementType type : kTypes) {
        for (const bool sparse : {false, true}) {
            for (const bool alpha : {false, true}) {
                const int layers = 3, G = 2, d = 5, perBlock = 4;
                Allocator memory;
                KvCache cache({.layers = layers,
                               .kvHeads = G,
                               .headDim = d,
                               .type = type,
                               .keyColumns = sparse,
                               .valueSum = sparse && alpha,
                               .slotsPerBlock = perBlock,
                               .memory = &memory});
                AttentionPlan plan;
                if (sparse)
                    plan.read = SparqParams{.alpha = alpha};
                StepShape shape{.queryHeads = 4, .kvHeads = G, .headDim = d, .store = type};

                CHECK(cache.reserved() - cache.held()[Component::Mean] == 0);
                Ledger ledger;
                const std::int64_t block = perBlock * d * elementBytes(type) * (sparse ? 3 : 2);
                for (int token = 1; token <= 11; ++token) {
                    const at::Tensor row = at::randn({G, d});
                    for (int layer = 0; layer < layers; ++layer)
                        cache.append(layer, token, row.data_ptr<float>(), row.data_ptr<float>(), ledger);
                    shape.tokens = token;
                    REQUIRE(cache.held() == predictHeld(plan, shape) * layers);
                    REQUIRE(cache.reserved() >= cache.held().total());
                    REQUIRE(cache.reserved() <= cache.held().total() + layers * G * block);
                    REQUIRE(cache.reserved() - cache.held()[Component::Mean] == memory.taken);
                }
            }
        }
    }
}

TEST_CASE("An append counts the rows it writes, the copy, and the sum read and written", "[core.cache]") {
    const int G = 3, d = 5;
    KvCache cache({.layers = 1,
                   .kvHeads = G,
                   .headDim = d,
                   .type = ElementType::BF16,
                   .keyColumns = true,
                   .valueSum = true});
    Ledger ledger;
    const at::Tensor row = at::randn({G, d});
    cache.append(0, 0, row.data_ptr<float>(), row.data_ptr<float>(), ledger);
    Traffic expected;
    expected[Component::Keys] = expected[Component::Values] = expected[Component::KeyColumns] = G * d * 2;
    expected[Component::Mean] = G * d * 4 * 2;
    CHECK(ledger.take() == expected);
}

TEST_CASE("A token that finds no memory leaves the cache as it was", "[core.cache]") {
    const int G = 2, d = 4;
    // Two heads of three blocks each: refuse at every point of the second growth.
    for (int allowed = 6; allowed < 12; ++allowed) {
        Allocator memory;
        memory.allowed = allowed;
        KvCache cache({.layers = 1,
                       .kvHeads = G,
                       .headDim = d,
                       .keyColumns = true,
                       .valueSum = true,
                       .slotsPerBlock = 2,
                       .memory = &memory});
        Ledger ledger;
        const at::Tensor k = at::randn({3, G, d}), v = at::randn({3, G, d});
        fill(cache, 0, k.narrow(0, 0, 2), v.narrow(0, 0, 2), ledger);
        const Traffic held = cache.held();
        const std::int64_t reserved = cache.reserved(), taken = memory.taken;
        ledger.take();

        const at::Tensor kRow = k[2], vRow = v[2];
        CHECK_THROWS_AS(cache.append(0, 2, kRow.data_ptr<float>(), vRow.data_ptr<float>(), ledger),
                        std::bad_alloc);
        CHECK(cache.slots(0) == 2);
        CHECK(cache.held() == held);
        CHECK(cache.reserved() == reserved);
        CHECK(memory.taken == taken);
        CHECK(ledger.take() == Traffic{});

        // And it goes on once there is memory again.
        memory.allowed = 100;
        cache.append(0, 2, kRow.data_ptr<float>(), vRow.data_ptr<float>(), ledger);
        CHECK(cache.position(0, 1, 2) == 2);
        CacheViewReader reader(cache.view(0, 1));
        CHECK(reader.keys().equal(k.select(1, 1)));
        CHECK(at::allclose(reader.valueMean(), v.select(1, 1).mean(0), 1e-5, 1e-6));
    }
}

TEST_CASE("Blocks start on a cache line", "[core.cache]") {
    KvCache cache({.layers = 1, .kvHeads = 3, .headDim = 3, .keyColumns = true, .slotsPerBlock = 5});
    Ledger ledger;
    fill(cache, 0, at::randn({11, 3, 3}), at::randn({11, 3, 3}), ledger);
    for (int head = 0; head < 3; ++head)
        for (int block = 0; block < 3; ++block)
            for (const void* p : {cache.view(0, head).keys[block], cache.view(0, head).values[block],
                                  cache.view(0, head).keyColumns[block]})
                CHECK(reinterpret_cast<std::uintptr_t>(p) % 64 == 0);
}

TEST_CASE("A cache without the copy and the sum has none", "[core.cache]") {
    KvCache cache({.layers = 1, .kvHeads = 1, .headDim = 4});
    Ledger ledger;
    fill(cache, 0, at::randn({2, 1, 4}), at::randn({2, 1, 4}), ledger);
    CHECK(cache.view(0, 0).keyColumns == nullptr);
    CHECK(cache.view(0, 0).valueSum == nullptr);
    CHECK(ledger.take()[Component::KeyColumns] == 0);
    CHECK(cache.position(0, 0, 1) == 1);
    CHECK_THROWS_AS(KvCache({.layers = 1, .kvHeads = 0, .headDim = 4}), std::invalid_argument);
}
