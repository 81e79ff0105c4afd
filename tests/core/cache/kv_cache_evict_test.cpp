#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/randn.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <limits>
#include <random>

#include "core/cache/cache_view_reader.h"
#include "core/cache/kv_cache.h"
#include "core/cache/scalar_type.h"

using namespace fovea;

namespace {

constexpr ElementType kTypes[] = {ElementType::F32, ElementType::F16, ElementType::BF16};

struct Fixture {
    int G = 2, d = 5, perBlock = 4;
    ElementType type = ElementType::F32;
    bool columns = true, sum = true;
    KvCache cache{{.layers = 1,
                   .kvHeads = G,
                   .headDim = d,
                   .type = type,
                   .keyColumns = columns,
                   .valueSum = sum,
                   .slotsPerBlock = perBlock}};
    at::Tensor k = at::randn({200, G, d}), v = at::randn({200, G, d});
    Ledger ledger;
    int tokens = 0;

    void append(int n = 1) {
        for (; n > 0; --n, ++tokens)
            cache.append(0, tokens, k[tokens].data_ptr<float>(), v[tokens].data_ptr<float>(), ledger);
    }
    void evict(int head, const std::vector<std::int32_t>& slots) {
        cache.evict(0, head, slots, tokens, ledger);
    }
    void evict(const std::vector<std::int32_t>& slots) {
        for (int head = 0; head < G; ++head)
            evict(head, slots);
    }
    std::int64_t row() const { return d * elementBytes(type); }

    // Every live slot holds its token's rows, whatever happened to it.
    void requireRows(int head) {
        CacheViewReader reader(cache.view(0, head));
        const at::Tensor at = reader.positions();
        const auto stored = [&](const at::Tensor& rows) {
            return rows.select(1, head).index_select(0, at).to(scalarType(type)).to(at::kFloat);
        };
        REQUIRE(reader.keys().equal(stored(k)));
        REQUIRE(reader.values().equal(stored(v)));
        if (columns)
            REQUIRE(reader.keyColumns(at::arange(d, at::kLong)).equal(stored(k).t()));
        if (sum)
            REQUIRE(at::allclose(reader.valueMean(), stored(v).mean(0), 1e-4, 1e-5));
    }
};

} // namespace

TEST_CASE("Random evictions leave every live token its rows, its columns and the mean", "[core.cache]") {
    std::mt19937 random(3);
    for (const ElementType type : kTypes)
        for (int trial = 0; trial < 15; ++trial) {
            Fixture f{.perBlock = 1 + static_cast<int>(random() % 7), .type = type};
            while (f.tokens < 150) {
                f.append(1 + static_cast<int>(random() % 9));
                // Each head drops others, but as many.
                const auto n = random() % static_cast<std::size_t>(f.cache.slots(0));
                for (int head = 0; head < f.G; ++head) {
                    std::vector<std::int32_t> slots(f.cache.byAge(0, head).begin(),
                                                    f.cache.byAge(0, head).end());
                    std::shuffle(slots.begin(), slots.end(), random);
                    slots.resize(n);
                    std::sort(slots.begin(), slots.end());
                    f.evict(head, slots);
                }
                f.append();
                for (int head = 0; head < f.G; ++head)
                    f.requireRows(head);
                // Live bytes, and at most a block more of each kind reserved.
                const std::int64_t live = f.cache.slots(0) * f.row() * f.G;
                REQUIRE(f.cache.held()[Component::Keys] == live);
                REQUIRE(f.cache.held()[Component::KeyColumns] == live);
                REQUIRE(f.cache.reserved() >= f.cache.held().total());
                REQUIRE(f.cache.reserved() <= f.cache.held().total() + 3 * f.G * f.perBlock * f.row());
            }
        }
}

TEST_CASE("An eviction counts the value it takes from the sum, and the rows that move", "[core.cache]") {
    Fixture f{.type = ElementType::BF16};
    f.append(10);
    f.ledger.take();
    f.evict({3});
    Traffic one;
    one[Component::Values] = f.G * f.row();
    one[Component::Mean] = f.G * 8 * f.d;
    CHECK(f.ledger.take() == one);
    f.append(); // into slot 3
    f.ledger.take();

    // 5 of 10 leave: of 5..9 the first is the next token's, so slots 6 to 9 move into 0, 1, 2 and 3.
    f.evict({0, 1, 2, 3, 4});
    Traffic five;
    five[Component::Keys] = f.G * 4 * 2 * f.row();
    five[Component::Values] = f.G * (5 + 4 * 2) * f.row();
    five[Component::KeyColumns] = f.G * 4 * 2 * f.row();
    five[Component::Mean] = f.G * 5 * 8 * f.d;
    CHECK(f.ledger.take() == five);
    const SlotChanges changes = f.cache.takeChanges(0);
    CHECK(changes.dropped == f.G * 6);
    CHECK(changes.moved == f.G * 4);
    CHECK(changes.resummed == 0);
    CHECK(f.cache.takeChanges(0).dropped == 0);
}

TEST_CASE("An infinite value that is evicted leaves the mean as if it had never been", "[core.cache]") {
    for (const float value :
         {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
        Fixture f;
        f.v[2][0][1] = value;
        f.append(6);
        CHECK_FALSE(CacheViewReader(f.cache.view(0, 0)).valueMean().isfinite().all().item<bool>());
        f.ledger.take();
        f.evict({2});
        // Head 0 adds its five live values up again; head 1 need not.
        Traffic expected;
        expected[Component::Values] = (f.G + 5) * f.row();
        expected[Component::Mean] = f.G * 8 * f.d + 4 * f.d;
        CHECK(f.ledger.take() == expected);
        const SlotChanges changes = f.cache.takeChanges(0);
        CHECK(changes.resummed == 5);
        CHECK(changes.sums == 1);
        f.append();
        f.requireRows(0);
        f.requireRows(1);
    }
}

TEST_CASE("A cache that is emptied starts again", "[core.cache]") {
    Fixture f;
    f.append(9);
    f.evict({0, 1, 2, 3, 4, 5, 6, 7, 8});
    CHECK(f.cache.slots(0) == 0);
    CHECK(f.cache.held().total() == f.cache.held()[Component::Mean]);
    CHECK(f.cache.reserved() <= f.cache.held().total() + 3 * f.G * f.perBlock * f.row());
    f.append(5);
    f.requireRows(0);
}

TEST_CASE("At a block's edge a steady stream takes no memory", "[core.cache]") {
    Fixture f;
    f.append(8); // two whole blocks
    f.append();
    const std::int64_t reserved = f.cache.reserved();
    for (int i = 0; i < 20; ++i) {
        f.evict({f.cache.byAge(0, 0).front()});
        CHECK(f.cache.slots(0) == 8);
        CHECK(f.cache.reserved() == reserved);
        f.append();
        f.requireRows(1);
    }
}

TEST_CASE("A cache tells of births, moves and evictions", "[core.cache]") {
    SlotHistory history(1, 2);
    Fixture f;
    f.cache.tell(&history);
    f.append(4);
    f.evict({0, 1}); // slot 3 moves into 0; 1 is free, then 2 lives on
    f.append();
    REQUIRE(history.alike());
    const auto events = history.of(0, 1);
    REQUIRE(events.size() == 8);
    CHECK(events[3] == SlotEvent{3, 3, 3, SlotEvent::Kind::Born});
    CHECK(events[4] == SlotEvent{4, 0, 0, SlotEvent::Kind::Evicted});
    CHECK(events[5] == SlotEvent{4, 1, 1, SlotEvent::Kind::Evicted});
    CHECK(events[6] == SlotEvent{4, 3, 0, SlotEvent::Kind::Moved});
    CHECK(events[7] == SlotEvent{4, 4, 1, SlotEvent::Kind::Born});
}
