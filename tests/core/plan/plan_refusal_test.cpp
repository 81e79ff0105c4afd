#include <catch2/catch.hpp>

#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"

using namespace fovea;

namespace {

ModelSpec headsOf(int width) {
    ModelSpec spec;
    spec.layers = 2;
    spec.queryHeads = 4;
    spec.kvHeads = 2;
    spec.headDim = width;
    return spec;
}

} // namespace

TEST_CASE("A plan that fits the model is not refused", "[core.plan]") {
    CHECK_FALSE(refusal(parsePlan("dense"), headsOf(8)));
    CHECK_FALSE(refusal(parsePlan("read=sparq:r=8,k=100000"), headsOf(8))); // k beyond S reads all there is
    CHECK_FALSE(refusal(parsePlan("store=bf16 read=sparq"), headsOf(32)));
}

TEST_CASE("More components than a head is wide are refused with the range that fits", "[core.plan]") {
    const auto why = refusal(parsePlan("read=sparq:r=9"), headsOf(8));
    REQUIRE(why);
    CHECK(why->find("r=9") != std::string::npos);
    CHECK(why->find("r=1 to r=8") != std::string::npos);
}

TEST_CASE("Parameters that no text can give are refused as well", "[core.plan]") {
    SparqParams p;
    p.components = 0;
    CHECK(refusal({.store = {}, .read = p}, headsOf(64)));
    p = {.tokens = 0};
    CHECK(refusal({.store = {}, .read = p}, headsOf(64)));
    p = {.tokens = 8, .local = 9};
    CHECK(refusal({.store = {}, .read = p}, headsOf(64)));
    p = {.tokens = 8, .local = -1};
    CHECK(refusal({.store = {}, .read = p}, headsOf(64)));
}
