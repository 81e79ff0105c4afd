// What reads_shape.cpp says of a read before it goes anywhere near a GPU.

#include <limits>
#include <stdexcept>

#include <catch2/catch.hpp>

#include "core/kernels/cuda/reads.h"
#include "tests/support/simt/executor.h"

using namespace fovea;
using namespace fovea::cuda;
using Catch::Contains;

namespace {

alignas(16) float g_memory[64];
std::int32_t g_numbers[4];
std::int64_t g_slots = 1;
const void* g_block = g_memory;

ReadStep validStep() {
    ReadStep step;
    step.heads = 8;
    step.kvHeads = 2;
    step.headDim = 64;
    step.scale = 0.125f;
    step.q = g_memory;
    step.slots = &g_slots;
    step.longest = 100;
    return step;
}

SparqChoice validSparq() {
    SparqChoice c;
    c.step = validStep();
    c.keyColumns = &g_block;
    c.chosenComponents = g_numbers;
    c.taus = c.alphas = c.scratch = g_memory;
    c.approximate = {g_memory, 100, g_memory, g_memory};
    c.chosen = {100, g_numbers, g_numbers};
    return c;
}

QuestChoice validQuest() {
    QuestChoice c;
    c.step = validStep();
    c.bounds = &g_block;
    c.scores = g_memory;
    c.stride = 7;
    c.chosenPages = c.pageCounts = g_numbers;
    c.chosen = {100, g_numbers, g_numbers};
    return c;
}

TopvChoice validTopv() {
    TopvChoice c;
    c.step = validStep();
    c.keys = &g_block;
    c.exact = {g_memory, 100, g_memory, g_memory};
    c.chosen = {100, g_numbers, g_numbers};
    c.weights = c.kept = c.scratch = g_memory;
    return c;
}

template <class Change>
std::string questRefusal(const Change& change) {
    QuestChoice choice = validQuest();
    change(choice);
    const std::string why = refusal(choice);
    if (!why.empty()) {
        simt::Executor executor;
        CHECK_THROWS_AS(chooseQuest(choice, &executor), std::invalid_argument);
    }
    return why;
}

template <class Change>
std::string topvRefusal(const Change& change) {
    TopvChoice choice = validTopv();
    change(choice);
    const std::string why = refusal(choice);
    if (!why.empty()) {
        simt::Executor executor;
        CHECK_THROWS_AS(chooseTopv(choice, &executor), std::invalid_argument);
    }
    return why;
}

template <class Change>
std::string sparqRefusal(const Change& change) {
    SparqChoice choice = validSparq();
    change(choice);
    const std::string why = refusal(choice);
    if (!why.empty()) {
        simt::Executor executor;
        CHECK_THROWS_AS(chooseSparq(choice, &executor), std::invalid_argument);
    }
    return why;
}

} // namespace

TEST_CASE("A read that the kernels cannot take is refused with the reason", "[core.kernels.cuda]") {
    CHECK(refusal(validSparq()) == "");
    CHECK_THAT(sparqRefusal([](SparqChoice& c) { c.step.kvHeads = 3; }),
               Contains("multiple of the KV heads"));
    CHECK_THAT(sparqRefusal([](SparqChoice& c) { c.step.heads = c.step.kvHeads = 70000; }),
               Contains("70000"));
    CHECK_THAT(sparqRefusal([](SparqChoice& c) { c.step.headDim = 66; }), Contains("multiple of 4"));
    CHECK_THAT(sparqRefusal([](SparqChoice& c) { c.step.headDim = 260; }), Contains("up to 256"));
    CHECK_THAT(sparqRefusal([](SparqChoice& c) { c.step.slotsPerBlock = 0; }), Contains("at least one slot"));
    CHECK_THAT(sparqRefusal([](SparqChoice& c) { c.step.scale = 0; }), Contains("scale"));
    CHECK_THAT(
        sparqRefusal([](SparqChoice& c) { c.step.longest = std::numeric_limits<std::int64_t>::max(); }),
        Contains("slot's number"));
    CHECK_THAT(sparqRefusal([](SparqChoice& c) { c.step.q = nullptr; }), Contains("null"));
    CHECK_THAT(sparqRefusal([](SparqChoice& c) { c.step.slotsPerBlock = 66; }),
               Contains("multiple of 4 slots"));
    CHECK_THAT(
        sparqRefusal([](SparqChoice& c) { c.step.slotsPerBlock = 68, c.step.type = ElementType::F16; }),
        Contains("multiple of 8 slots"));
    CHECK_THAT(sparqRefusal([](SparqChoice& c) { c.components = 65; }), Contains("1 to 64 components"));
    CHECK_THAT(sparqRefusal([](SparqChoice& c) { c.local = 129; }), Contains("129"));
    CHECK_THAT(sparqRefusal([](SparqChoice& c) { c.tokens = 0, c.local = 0; }),
               Contains("at least one token"));
    CHECK_THAT(sparqRefusal([](SparqChoice& c) { c.scratch = g_memory + 1; }), Contains("aligned"));
    CHECK_THAT(sparqRefusal([](SparqChoice& c) { c.taus = nullptr; }), Contains("null"));
    static const HeadSight sight;
    static const std::int64_t* const positions = nullptr;
    CHECK_THAT(sparqRefusal([](SparqChoice& c) { c.step.sights = &sight; }), Contains("positions"));
    CHECK_THAT(sparqRefusal([](SparqChoice& c) { c.step.sights = &sight, c.step.positions = &positions; }),
               Contains("how many tokens"));
    CHECK_THAT(sparqRefusal([](SparqChoice& c) { c.approximate.stride = 96; }), Contains("must hold 100"));
    CHECK_THAT(sparqRefusal([](SparqChoice& c) { c.approximate.stride = 102; }), Contains("multiple of 4"));
    CHECK_THAT(sparqRefusal([](SparqChoice& c) { c.chosen.most = 99; }), Contains("must hold 100"));
    CHECK_THAT(sparqRefusal([](SparqChoice& c) { c.chosen.counts = nullptr; }), Contains("null"));
    CHECK_THAT(sparqRefusal([](SparqChoice& c) {
                   c.byAge = g_numbers, c.step.longest = c.approximate.stride = 1 << 20;
               }),
               Contains("out of order"));
}

TEST_CASE("Quest and top-k V refuse what they cannot take with the reason", "[core.kernels.cuda]") {
    CHECK(refusal(validQuest()) == "");
    CHECK_THAT(questRefusal([](QuestChoice& c) { c.step.heads = 3; }), Contains("multiple of the KV heads"));
    CHECK_THAT(questRefusal([](QuestChoice& c) { c.page = 0; }), Contains("at least one slot"));
    CHECK_THAT(questRefusal([](QuestChoice& c) { c.pages = 0; }), Contains("at least one slot, one page"));
    CHECK_THAT(questRefusal([](QuestChoice& c) { c.stride = 6; }), Contains("must hold 7"));
    CHECK_THAT(questRefusal([](QuestChoice& c) { c.bounds = nullptr; }), Contains("null"));
    CHECK_THAT(questRefusal([](QuestChoice& c) { c.chosen.most = 99; }), Contains("must hold 100"));
    CHECK(questRefusal([](QuestChoice& c) { c.pages = 2, c.chosen.most = 32; }) == "");
    CHECK(refusal(validTopv()) == "");
    CHECK_THAT(topvRefusal([](TopvChoice& c) { c.tokens = 0; }), Contains("at least one value"));
    CHECK_THAT(topvRefusal([](TopvChoice& c) { c.weights = nullptr; }), Contains("null"));
    CHECK_THAT(topvRefusal([](TopvChoice& c) { c.exact.tops = nullptr; }), Contains("masses"));
    CHECK_THAT(topvRefusal([](TopvChoice& c) { c.chosen.slots = nullptr; }), Contains("null"));
    CHECK_THAT(topvRefusal([](TopvChoice& c) { c.codes = {5, 32, 1}; }), Contains("8, 4, 3 or 2 bits"));
    CHECK_THAT(topvRefusal([](TopvChoice& c) { c.turned.count = 1; }), Contains("their queries"));
}

TEST_CASE("Scratch of a choice holds the masses of spans, and of a group what is compared",
          "[core.kernels.cuda]") {
    SparqChoice choice = validSparq();
    CHECK(scratchFloats(choice) == 8 * 1 * 2 + 2 * 100);
    choice.step.longest = 1025;
    choice.approximate.stride = 1028;
    CHECK(scratchFloats(choice) == 8 * 2 * 2 + 2 * 1028);
    choice.step.kvHeads = 8; // no groups: logits are compared themselves
    CHECK(scratchFloats(choice) == 8 * 2 * 2);
    TopvChoice topv = validTopv(); // whose spans are shorter
    topv.step.longest = 300;
    topv.exact.stride = 300;
    CHECK(scratchFloats(topv) == 8 * 2 * 2 + 2 * 300);
}
