#include "core/cache/slot_history.h"

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

constexpr auto kBorn = SlotEvent::Kind::Born;
constexpr auto kEvicted = SlotEvent::Kind::Evicted;

std::vector<SlotEvent> of(const SlotHistory& history, int layer, int head) {
    const auto events = history.of(layer, head);
    return {events.begin(), events.end()};
}

} // namespace

TEST_CASE("Lanes that live alike share their story, and part where they differ", "[core.cache]") {
    SlotHistory history(2, 2);
    const SlotEvent first{0, 0, 0, kBorn}, second{1, 1, 1, kBorn}, early{2, 0, 0, kEvicted},
        late{2, 1, 1, kEvicted};
    for (int layer = 0; layer < 2; ++layer)
        for (int head = 0; head < 2; ++head)
            for (const SlotEvent& event : {first, second})
                history.add(layer, head, event);
    CHECK(history.alike());
    CHECK(history.layers() == 2);
    history.add(0, 0, early);
    CHECK_FALSE(history.alike()); // the others have yet to live it
    history.add(0, 1, late);
    history.add(1, 0, late);
    history.add(1, 1, early);
    history.add(7, 0, early); // beyond the layers that are recorded

    CHECK((of(history, 0, 0) == std::vector{first, second, early})); // events have no text
    CHECK((of(history, 0, 1) == std::vector{first, second, late}));
    CHECK((of(history, 1, 0) == of(history, 0, 1)));
    CHECK((of(history, 1, 1) == of(history, 0, 0)));
    CHECK_FALSE(history.alike());
    CHECK(history.of(7, 0).empty());
    CHECK(SlotHistory().of(0, 0).empty());
    CHECK(SlotHistory().alike());
}

TEST_CASE("A copy catches up with what came later, new stories included", "[core.cache]") {
    SlotHistory history(1, 2), copy;
    history.add(0, 0, {0, 0, 0, kBorn});
    history.add(0, 1, {0, 0, 0, kBorn});
    copy.catchUp(history);
    CHECK(copy.alike());
    history.add(0, 0, {1, 1, 1, kBorn});
    history.add(0, 1, {1, 1, 2, kBorn});
    CHECK(copy.of(0, 0).size() == 1);
    copy.catchUp(history);
    for (int head = 0; head < 2; ++head)
        CHECK((of(copy, 0, head) == of(history, 0, head)));
}
