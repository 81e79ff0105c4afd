// What attend_shape.cpp says of a step before it goes anywhere near a GPU.

#include <limits>
#include <stdexcept>

#include <catch2/catch.hpp>

#include "core/kernels/cuda/attend.h"
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

} // namespace

TEST_CASE("A step that the kernel cannot take is refused with the reason", "[core.kernels.cuda]") {
    using Catch::Contains;
    CHECK(refusal(validStep()) == "");
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.kvHeads = 3; }), Contains("multiple of the KV heads"));
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.kvHeads = 0; }), Contains("8 and 0"));
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.heads = -8; }), Contains("-8"));
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.heads = s.kvHeads = 70000; }), Contains("70000 KV heads"));
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.batch.count = 3; }),
               Contains("3 texts needs to know where"));
    CHECK_THAT(refusalAfter([](AttendAll& s) {
                   static const TextPlace place;
                   s.batch = {&place, 40000, 40000};
               }),
               Contains("80000 KV heads"));
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

TEST_CASE("What is asked for beside attention is refused where something is missing", "[core.kernels.cuda]") {
    using Catch::Contains;
    static const HeadSight sight;
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.softcap = -1; }), Contains("soft cap"));
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.softcap = std::numeric_limits<float>::quiet_NaN(); }),
               Contains("soft cap"));
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.sights = &sight; }), Contains("positions"));
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.report.logits = g_memory; }), Contains("room"));
    static const std::int64_t* positions = &g_slots;
    CHECK_THAT(refusalAfter([](AttendAll& s) {
                   s.report = {g_memory, 1, g_memory, g_memory};
                   s.sights = &sight;
                   s.positions = &positions;
               }),
               Contains("no report"));

    const std::int32_t list = 0;
    const SlotLists lists{&list, &list, 1, false};
    CHECK(refusal(validStep(), lists) == "");
    CHECK_THAT(refusal(validStep(), {}), Contains("lists needs"));
    CHECK_THAT(refusal(validStep(), {&list, &list, 0, false}), Contains("at least one slot"));
    MeanValue mean;
    mean.alphas = g_memory;
    CHECK_THAT(refusal(validStep(), lists, mean), Contains("sums of the values"));
    KnownLogits known;
    CHECK_THAT(refusal(validStep(), lists, known), Contains("need their logits"));
    known.logits = known.tops = g_memory;
    CHECK_THAT(refusal(validStep(), lists, known), Contains("or neither"));
    known.sums = g_memory;
    CHECK(refusal(validStep(), lists, known) == "");
    simt::Executor executor;
    CHECK_THROWS_AS(attendList(validStep(), {}, {}, &executor), std::invalid_argument);
    AttendAll wide = validStep();
    wide.heads = 70000;
    CHECK(refusal(wide, lists) == "");
    CHECK_THAT(refusal(wide, {&list, &list, 1, true}), Contains("70000 query heads"));
}

TEST_CASE("Coded rows that the kernel cannot take are refused with the reason", "[core.kernels.cuda]") {
    using Catch::Contains;
    CHECK(refusalAfter([](AttendAll& s) { s.codes.bits = 4; }) == "");
    CHECK(refusalAfter([](AttendAll& s) { s.codes.bits = 3, s.headDim = 80; }) == "");
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.codes.bits = 5; }), Contains("8, 4, 3 or 2 bits, got 5"));
    CHECK_THAT(refusalAfter([](AttendAll& s) {
                   s.codes = {4, 96, 1};
               }),
               Contains("multiple of 128 components, got 96"));
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.codes = {4, 0, 1}; }), Contains("got 0"));
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.codes = {4, 64, 3}; }), Contains("bytes, got 3"));
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.codes.bits = 2, s.headDim = 36; }),
               Contains("multiple of 8"));
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.codes.bits = 3, s.headDim = 40; }),
               Contains("multiple of 16 up to 256 at 3 bits, got 40"));
    CHECK_THAT(refusalAfter([](AttendAll& s) { s.codes.bits = 8, s.headDim = 264; }), Contains("got 264"));
}

TEST_CASE("Splits fill the GPU where there are tokens enough, and never cut them too fine",
          "[core.kernels.cuda]") {
    AttendAll step = validStep();
    CHECK(splitsFor(step, 0, 132) == 1);
    CHECK(splitsFor(step, 1, 132) == 1);
    CHECK(splitsFor(step, 640, 132) == 10);     // 64 tokens each
    CHECK(splitsFor(step, 100000, 132) == 264); // 2 KV heads x 264 = 132 x 4
    CHECK(splitsFor(step, 100000, 0) == 1);
    CHECK(splitsFor(step, 100000, 132, true) == 66); // lists of 8 query heads
    step.heads = 64; // groups of 32 query heads make four blocks per split already
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

TEST_CASE("Mixed rows that no kernel takes are refused in one sentence", "[core.kernels.cuda]") {
    std::int32_t place = 0;
    void* const block = g_memory;
    const auto valid = [&](AttendAll& step, MixedKind kind) {
        MixedBlocks& mixed = step.mixed;
        mixed.kind = kind;
        mixed.bits = kind == MixedKind::Cq ? 8 : 4;
        mixed.group = 32;
        mixed.channels = 4;
        mixed.positions = &g_slots;
        for (MixedPart* part : {&mixed.keys, &mixed.values}) {
            part->places = &place;
            part->levels = part->ranges = g_memory;
            part->centroids = reinterpret_cast<const std::uint16_t*>(g_memory);
        }
        mixed.keys.sides = &block;
        mixed.keys.sidesPerBlock = 1;
    };
    const auto after = [&](MixedKind kind, const auto& change) {
        return refusalAfter([&](AttendAll& step) {
            valid(step, kind);
            change(step);
        });
    };
    for (const MixedKind kind : {MixedKind::Kivi, MixedKind::Kvquant, MixedKind::Cq}) {
        AttendAll step = validStep();
        valid(step, kind);
        CHECK(refusal(step) == "");
        CHECK(after(kind, [](AttendAll& s) { s.mixed.bits = 11; }) != "");
        CHECK(after(kind, [](AttendAll& s) { s.headDim = 20; }) != "");
        CHECK(after(kind, [](AttendAll& s) { s.headDim = 264; }) != "");
        CHECK(after(kind, [](AttendAll& s) { s.mixed.values.places = nullptr; }) != "");
    }
    for (const MixedKind kind : {MixedKind::Kivi, MixedKind::Kvquant})
        CHECK(after(kind, [](AttendAll& s) {
                  s.mixed.bits = 3;
                  s.headDim = 40;
              }) != "");
    CHECK(after(MixedKind::Kivi, [](AttendAll& s) { s.mixed.group = 48; }) != "");
    CHECK(after(MixedKind::Kivi, [](AttendAll& s) { s.mixed.keys.sides = nullptr; }) != "");
    CHECK(after(MixedKind::Kvquant, [](AttendAll& s) { s.mixed.keys.ranges = nullptr; }) != "");
    CHECK(after(MixedKind::Kvquant, [](AttendAll& s) { s.mixed.values.levels = nullptr; }) != "");
    CHECK(after(MixedKind::Cq, [](AttendAll& s) { s.mixed.channels = 3; }) != "");
    CHECK(after(MixedKind::Cq, [](AttendAll& s) { s.mixed.values.centroids = nullptr; }) != "");
    CHECK(after(MixedKind::Cq, [](AttendAll& s) { s.mixed.positions = nullptr; }) != "");
}
