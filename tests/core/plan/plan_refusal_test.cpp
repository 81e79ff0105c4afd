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
    CHECK(refusal({.keep = {}, .store = {}, .read = p}, headsOf(64)));
    p = {.tokens = 0};
    CHECK(refusal({.keep = {}, .store = {}, .read = p}, headsOf(64)));
    p = {.tokens = 8, .local = 9};
    CHECK(refusal({.keep = {}, .store = {}, .read = p}, headsOf(64)));
    p = {.tokens = 8, .local = -1};
    CHECK(refusal({.keep = {}, .store = {}, .read = p}, headsOf(64)));
}

TEST_CASE("A keep that meets its sinks at another distance is refused under SparQ, in one sentence",
          "[core.plan]") {
    const auto cache = refusal(parsePlan("keep=streaming:positions=cache read=sparq:r=4"), headsOf(8));
    REQUIRE(cache);
    CHECK(cache->find("positions=cache") != std::string::npos);
    CHECK(cache->find("read=sparq") != std::string::npos);
    const auto infinite = refusal(parsePlan("keep=lm-infinite read=sparq:r=4"), headsOf(8));
    REQUIRE(infinite);
    CHECK(infinite->find("keep=lm-infinite") != std::string::npos);
    CHECK_FALSE(refusal(parsePlan("keep=streaming:window=100000 read=sparq:r=4"), headsOf(8)));
    CHECK_FALSE(refusal(parsePlan("keep=lm-infinite store=f16"), headsOf(8)));
    CHECK(refusal({.keep = StreamingParams{0, 0}, .store = {}, .read = {}}, headsOf(8)));
    CHECK(refusal({.keep = StreamingParams{5, -1}, .store = {}, .read = {}}, headsOf(8)));
    CHECK(refusal({.keep = LmInfiniteParams{5, 0}, .store = {}, .read = {}}, headsOf(8)));
    // The two largest do not overflow.
    CHECK_FALSE(
        refusal({.keep = StreamingParams{2147483647, 2147483647}, .store = {}, .read = {}}, headsOf(8)));
}

TEST_CASE("Other distances need RoPE", "[core.plan]") {
    ModelSpec spec = headsOf(8);
    spec.learnedPositions = true;
    const auto why = refusal(parsePlan("keep=lm-infinite"), spec);
    REQUIRE(why);
    CHECK(why->find("learned positions") != std::string::npos);
    CHECK(refusal(parsePlan("keep=streaming:positions=cache"), spec));
    CHECK_FALSE(refusal(parsePlan("keep=streaming:sinks=0,positions=cache"), spec));
    CHECK_FALSE(refusal(parsePlan("keep=streaming"), spec));

    spec = headsOf(8);
    spec.rope.scaling.kind = RopeScaling::Kind::Dynamic;
    CHECK(refusal(parsePlan("keep=lm-infinite"), spec));
    CHECK_FALSE(refusal(parsePlan("keep=streaming"), spec));
}

TEST_CASE("A keep that scores tokens needs values that fit, and feedback somebody to hear it",
          "[core.plan]") {
    const auto refused = [](const Keep& keep) {
        return refusal({.keep = keep, .store = {}, .read = {}}, headsOf(8));
    };
    CHECK(refused(H2oParams{{0, false}, {0, true}}));
    CHECK(refused(H2oParams{{-1, false}, {5, false}}));
    CHECK(refused(H2oParams{{101, true}, {5, false}}));
    CHECK(refused(ScissorhandsParams{.budget = 0}));
    CHECK(refused(ScissorhandsParams{.history = 0}));
    CHECK(refused(ScissorhandsParams{.drop = 0}));
    CHECK(refused(ScissorhandsParams{.recent = 2147483647, .drop = 2147483647}));
    CHECK(refused(SnapkvParams{.window = 0}));
    CHECK(refused(SnapkvParams{.budget = 20000, .window = 5000}));
    CHECK(refused(SnapkvParams{.pool = 0}));
    CHECK_FALSE(refused(H2oParams{{2147483647, false}, {2147483647, false}}));
    for (const char* text : {"keep=h2o", "keep=scissorhands store=f16", "keep=snapkv read=sparq:r=4",
                             "keep=h2o read=sparq:r=4", "keep=h2o read=sparq:r=4 feedback=estimate"})
        CHECK_FALSE(refusal(parsePlan(text), headsOf(8)));
    for (const char* text :
         {"feedback=estimate", "keep=h2o feedback=estimate", "read=sparq:r=4 feedback=estimate",
          "keep=snapkv read=sparq:r=4 feedback=estimate"}) {
        const auto why = refusal(parsePlan(text), headsOf(8));
        REQUIRE(why);
        CHECK(why->find("feedback=estimate") != std::string::npos);
    }
}
