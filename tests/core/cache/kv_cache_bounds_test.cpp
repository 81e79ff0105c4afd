#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/randn.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <set>

#include "core/cache/cache_view_reader.h"
#include "core/cache/kv_cache.h"
#include "core/methods/read/page_bounds.h"

using namespace fovea;

namespace {

constexpr ElementType kTypes[] = {ElementType::F32, ElementType::F16, ElementType::BF16};

struct Fixture {
    int G = 2, d = 5, perBlock = 4, page = 3;
    ElementType type = ElementType::F32;
    KvCache cache{{.layers = 2,
                   .kvHeads = G,
                   .headDim = d,
                   .type = type,
                   .slotsPerBlock = perBlock,
                   .page = page,
                   .pagedFrom = 1}};
    at::Tensor k = at::randn({300, G, d}), v = at::randn({300, G, d});
    Ledger ledger;
    int tokens = 0;

    void append(int n = 1) {
        for (; n > 0; --n, ++tokens)
            for (int layer = 0; layer < 2; ++layer)
                cache.append(layer, tokens, k[tokens].data_ptr<float>(), v[tokens].data_ptr<float>(), ledger);
    }
    void evict(int head, const std::vector<std::int32_t>& slots) {
        cache.evict(1, head, slots, tokens, ledger);
    }
    std::int64_t boundsBytes() const { return 2 * d * elementBytes(type); }
    at::Tensor bounds(int head) { return CacheViewReader(cache.view(1, head)).pageBounds(page); }
    at::Tensor tight(int head) { return boundsOfRows(CacheViewReader(cache.view(1, head)).keys(), page); }

    // No live key is beyond its page's bounds.
    void requireBounded(int head) {
        const at::Tensor wide = bounds(head), narrow = tight(head);
        REQUIRE(wide.sizes() == narrow.sizes());
        REQUIRE((wide.select(1, 0) <= narrow.select(1, 0)).all().item<bool>());
        REQUIRE((wide.select(1, 1) >= narrow.select(1, 1)).all().item<bool>());
    }
};

} // namespace

TEST_CASE("While no token leaves, bounds are those of the stored rows, from the layer on that has them",
          "[core.cache]") {
    for (const ElementType type : kTypes)
        for (const int page : {1, 3, 4, 7, 40}) {
            Fixture f{.page = page, .type = type};
            for (int n = 0; n < 30; ++n) {
                f.ledger.take();
                f.append();
                // The first row of a page becomes its bounds, another reads them first.
                const int times = (f.tokens - 1) % page == 0 ? 1 : 2;
                REQUIRE(f.ledger.take()[Component::Bounds] == times * f.G * f.boundsBytes());
                const std::int64_t pages = (f.tokens + page - 1) / page;
                REQUIRE(f.cache.held()[Component::Bounds] == pages * f.G * f.boundsBytes());
                for (int head = 0; head < f.G; ++head)
                    REQUIRE(f.bounds(head).equal(f.tight(head)));
            }
            CHECK(f.cache.view(0, 0).bounds == nullptr);
            CHECK(f.cache.view(0, 0).pages() == 0);
            CHECK(f.cache.takeChanges(0).pagesBegun == 0);
            CHECK(f.cache.takeChanges(1).pagesBegun == f.G * ((30 + page - 1) / page));
        }
}

TEST_CASE("However tokens leave and slots are used again, no live key is beyond its page's bounds",
          "[core.cache]") {
    std::mt19937 random(5);
    for (const ElementType type : kTypes)
        for (int trial = 0; trial < 20; ++trial) {
            Fixture f{.perBlock = 1 + static_cast<int>(random() % 9),
                      .page = 1 + static_cast<int>(random() % 11),
                      .type = type};
            while (f.tokens < 250) {
                f.append(1 + static_cast<int>(random() % 9));
                const auto n = random() % static_cast<std::size_t>(f.cache.slots(1));
                for (int head = 0; head < f.G; ++head) {
                    const auto live = f.cache.byAge(1, head);
                    std::vector<std::int32_t> slots(live.begin(), live.end());
                    std::shuffle(slots.begin(), slots.end(), random);
                    slots.resize(n);
                    std::sort(slots.begin(), slots.end());
                    f.evict(head, slots);
                }
                // Held are the bounds of pages that a live row is in.
                std::int64_t pages = 0;
                for (int head = 0; head < f.G; ++head) {
                    std::set<std::int32_t> lived;
                    for (const std::int32_t slot : f.cache.byAge(1, head))
                        lived.insert(slot / f.page);
                    pages += std::ssize(lived);
                    const std::int64_t slots = f.cache.slots(1, head) + (f.cache.hasHole(1, head) ? 1 : 0);
                    if (f.page > 1)
                        REQUIRE(std::ssize(lived) == (slots + f.page - 1) / f.page);
                }
                REQUIRE(f.cache.held()[Component::Bounds] == pages * f.boundsBytes());
                const std::int64_t row = f.d * elementBytes(type);
                const std::int64_t perBlock = std::max(1, f.perBlock / f.page);
                REQUIRE(f.cache.reserved() >= f.cache.held().total());
                REQUIRE(f.cache.reserved() <= f.cache.held().total() + 2 * 2 * f.G * f.perBlock * row +
                                                  f.G * perBlock * f.boundsBytes());
                f.append();
                for (int head = 0; head < f.G; ++head)
                    f.requireBounded(head);
            }
        }
}

TEST_CASE("A page that all its tokens left begins anew, one that some left stays as wide as it was",
          "[core.cache]") {
    Fixture f;
    f.append(9); // three pages of three
    for (int head = 0; head < f.G; ++head)
        f.evict(head, {3, 4, 5}); // the second is left; 8 and 7 move there, and one slot stays free
    f.append();
    const at::Tensor bounds = f.bounds(0), tight = f.tight(0);
    CHECK(bounds[0].equal(tight[0]));
    CHECK(bounds[1].equal(tight[1]));

    Fixture one;
    one.append(3);
    const at::Tensor before = one.bounds(0);
    for (int head = 0; head < one.G; ++head)
        one.evict(head, {1});
    one.append();
    const at::Tensor after = one.bounds(0);
    CHECK((after[0][0] <= before[0][0]).all().item<bool>());
    CHECK((after[0][1] >= before[0][1]).all().item<bool>());
}

TEST_CASE("A row that an eviction moves widens the bounds of where it goes, and is counted", "[core.cache]") {
    Fixture f;
    f.append(10); // pages 0 1 2 | 3 4 5 | 6 7 8 | 9
    f.cache.takeChanges(1);
    f.ledger.take();
    f.evict(0, {0, 1,
                4}); // 8 and 9 move: to 0, which begins its page (2 still lives there: it does not), and to 1
    const SlotChanges changes = f.cache.takeChanges(1);
    CHECK(changes.moved == 2);
    CHECK(changes.pagesBegun == 0);
    CHECK(f.ledger.take()[Component::Bounds] == 2 * 2 * f.boundsBytes());
}
