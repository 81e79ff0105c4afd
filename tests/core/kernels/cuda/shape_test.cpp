// What attend_all_shape.cpp says of a step before it goes anywhere near a GPU.

#include <limits>
#include <stdexcept>

#include <catch2/catch.hpp>

#include "core/kernels/cuda/kernels.h"
#include "tests/support/simt/executor.h"

using namespace fovea;
using namespace fovea::cuda;

namespace {

alignas(16) float g_memory[1024];
const void* g_block = g_memory;
std::int64_t g_slots = 1;

AttendAll validStep() {
    AttendAll step;
    step.heads = 8;
    step.kvHeads = 2;
    step.headDim = 128;
    step.q = g_memory;
    step.out = g_memory;
    step.keys = step.values = &g_block;
    step.slots = &g_slots;
    return step;
}

template <class Change>
std::string refusalAfter(const Change& change) {
    AttendAll step = validStep();
    change(step);
    const std::string why = refusal(step);
    if (!why.empty()) {
        simt::Executor executor;
        CHECK_THROWS_AS(attendAll(step, &executor), std::invalid_argument);
    }
    return why;
}

}  // namespace

TEST_CASE("A step that the kernel cannot take is refused with the reason", "[core.kernels.cuda]") {
    using Catch::Contains;
    CHECK(refusal(validStep()) == "");
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.kvHeads = 3; }), Contains("multiple of the KV heads"));
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.kvHeads = 0; }), Contains("8 and 0"));
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.heads = -8; }), Contains("-8"));
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.heads = s.kvHeads = 70000; }), Contains("70000 KV heads"));
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.headDim = 0; }), Contains("head width"));
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.headDim = 260; }), Contains("up to 256"));
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.headDim = 6; }), Contains("multiple of 4"));
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.headDim = 68, s.type = ElementType::BF16; }),
               Contains("multiple of 8 up to 256 in bf16, got 68"));
    CHECK(refusalAfter([](AttendAll& s) { s.headDim = 68; }) == "");
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.slotsPerBlock = 0; }), Contains("at least one slot"));
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.splits = 0; }), Contains("got 0"));
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.splits = 1025; }), Contains("1 to 1024"));
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.splits = 2; }), Contains("partials"));
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.keys = nullptr; }), Contains("null"));
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.q = g_memory + 1; }), Contains("aligned"));
}

TEST_CASE("Splits fill the GPU where there are tokens enough, and never cut them too fine",
          "[core.kernels.cuda]") {
    AttendAll step = validStep();
    CHECK(splitsFor(step, 0, 132) == 1);
    CHECK(splitsFor(step, 1, 132) == 1);
    CHECK(splitsFor(step, 640, 132) == 10);      // 64 tokens each
    CHECK(splitsFor(step, 100000, 132) == 264);  // 2 KV heads x 264 = 132 x 4
    CHECK(splitsFor(step, 100000, 0) == 1);
    step.heads = 64;  // groups of 32 query heads make four blocks per split already
    CHECK(splitsFor(step, 100000, 132) == 66);
    CHECK(splitsFor(validStep(), std::numeric_limits<std::int64_t>::max() / 2, 100000) == 1024);
}

TEST_CASE("Scratch holds a softmax state per head and split, and nothing for one split",
          "[core.kernels.cuda]") {
    AttendAll step = validStep();
    CHECK(partialFloats(step) == 0);
    step.splits = 3;
    CHECK(partialFloats(step) == 8 * 3 * (128 + 2));
}
