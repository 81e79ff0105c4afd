#include "core/cache/slot_table.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <random>

using namespace fovea;

namespace {

// Positions by slot, as a test keeps them.
using Slots = std::map<std::int32_t, std::int64_t>;

void requireSame(const SlotTable& table, const Slots& expected) {
    REQUIRE(table.live() == std::ssize(expected));
    std::vector<std::pair<std::int64_t, std::int32_t>> byAge;
    for (const auto& [slot, position] : expected) {
        REQUIRE(table.positions()[static_cast<std::size_t>(slot)] == position);
        byAge.emplace_back(position, slot);
    }
    std::sort(byAge.begin(), byAge.end());
    for (std::size_t i = 0; i < byAge.size(); ++i)
        REQUIRE(table.byAge()[i] == byAge[i].second);
    // Live slots are the first ones, but for the next token's.
    REQUIRE(table.next() <= table.live());
    REQUIRE(expected.count(static_cast<std::int32_t>(table.next())) == 0);
    REQUIRE((expected.empty() || expected.rbegin()->first <= table.live()));
    if (table.inOrder())
        REQUIRE(std::is_sorted(table.byAge().begin(), table.byAge().end()));
}

void take(SlotTable& table, Slots& slots, std::int64_t position) {
    slots[static_cast<std::int32_t>(table.next())] = position;
    table.take(position);
}

void release(SlotTable& table, Slots& slots, const std::vector<std::int32_t>& freed) {
    for (const std::int32_t slot : freed)
        slots.erase(slot);
    for (const SlotTable::Move move : table.release(freed)) {
        REQUIRE(slots.count(move.to) == 0);
        slots[move.to] = slots.at(move.from);
        slots.erase(move.from);
    }
}

} // namespace

TEST_CASE("One token in, one token out: a freed slot is the next token's and no row moves", "[core.cache]") {
    SlotTable table;
    for (int i = 0; i < 6; ++i)
        table.take(i);
    CHECK(table.inOrder());
    CHECK(table.release(std::vector{2}).empty());
    CHECK(table.next() == 2);
    table.take(6);
    CHECK_FALSE(table.inOrder());
    CHECK(table.positions()[2] == 6);
    const std::vector<std::int32_t> byAge(table.byAge().begin(), table.byAge().end());
    CHECK(byAge == std::vector{0, 1, 3, 4, 5, 2});
    CHECK(table.release(std::vector<std::int32_t>{}).empty());
}

TEST_CASE("Of a long prompt the sinks stay where they are and the window closes up behind them",
          "[core.cache]") {
    // 2 sinks and the newest 3 of 10: slots 2..6 go, 7, 8 and 9 move into 2, 3 and 4; 5 is the next token's.
    SlotTable table;
    for (int i = 0; i < 10; ++i)
        table.take(i);
    const auto moves = table.release(std::vector{2, 3, 4, 5, 6});
    REQUIRE(moves.size() == 3);
    for (int i = 0; i < 3; ++i) {
        CHECK(moves[static_cast<std::size_t>(i)].from == 7 + i);
        CHECK(moves[static_cast<std::size_t>(i)].to == 2 + i);
    }
    CHECK(table.next() == 5);
    CHECK(table.inOrder());
}

TEST_CASE("Whatever is released, live slots stay the first ones and keep their age", "[core.cache]") {
    std::mt19937 random(5);
    for (int trial = 0; trial < 300; ++trial) {
        SlotTable table;
        Slots slots;
        std::int64_t position = 0;
        for (int round = 0; round < 20; ++round) {
            for (auto n = random() % 6; n > 0; --n)
                take(table, slots, position++);
            requireSame(table, slots);
            std::vector<std::int32_t> freed;
            for (const auto& [slot, token] : slots)
                if (random() % 4 == 0)
                    freed.push_back(slot);
            release(table, slots, freed);
            requireSame(table, slots);
        }
    }
}
