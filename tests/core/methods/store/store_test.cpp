// What rows weigh under a store, against hand-worked figures.

#include <catch2/catch.hpp>

#include "core/methods/predict.h"
#include "core/plan/attention_plan.h"

using namespace fovea;

TEST_CASE("Bits per value have their metadata in them", "[core.methods]") {
    const auto bits = [](const Store& store, int d) { return storedBits(store, ElementType::BF16, d); };
    using Mode = RtnParams::Mode;
    using Zero = RtnParams::Zero;
    CHECK(bits(OwnStore{}, 128) == 16);
    CHECK(bits(ElementType::F32, 128) == 32);
    // b + 32/g with a zero of 16 bits, b + 24/g with one in a byte, b + 16/g without.
    CHECK(bits(RtnParams{.bits = 4, .group = 128, .zero = Zero::Free}, 128) == 4.25);
    CHECK(bits(RtnParams{.bits = 2, .group = 32, .zero = Zero::Free}, 128) == 3);
    CHECK(bits(RtnParams{.bits = 4, .group = 128}, 128) == 4.1875);
    CHECK(bits(RtnParams{.bits = 3, .group = 32, .mode = Mode::Symmetric}, 64) == 3.5);
    // A head narrower than the group has one scale and zero per row all the same.
    CHECK(bits(RtnParams{.bits = 8, .group = 128}, 32) == 8.75);
}

TEST_CASE("A dense step under codes: rows by their bits, what is kept beside them as floats", "[core.methods]") {
    StepShape shape{.tokens = 100, .queryHeads = 8, .kvHeads = 2, .headDim = 64, .store = ElementType::BF16};
    AttentionPlan plan{.store = RtnParams{.bits = 4, .group = 32}};
    Traffic moved = predictMoved(plan, shape);
    CHECK(moved[Component::Keys] == 2 * 101 * 32); // 64 codes of 4 bits
    CHECK(moved[Component::Values] == moved[Component::Keys]);
    CHECK(moved[Component::Scales] == 2 * 2 * 101 * 2 * 3); // K and V, two groups of a scale and a zero
    CHECK(predictHeld(plan, shape).total() == 2 * 2 * 100 * (32 + 6));

    plan.read = SparqParams{.components = 8, .tokens = 10};
    moved = predictMoved(plan, shape);
    CHECK(moved[Component::KeyColumns] == 2 * (100 * 8 + 64) * 2); // bf16
    CHECK(moved[Component::Keys] == 2 * 11 * 32);
    CHECK(moved[Component::Scales] == 2 * 2 * 11 * 6);
    CHECK(predictHeld(plan, shape)[Component::KeyColumns] == 2 * 100 * 64 * 2);
}
