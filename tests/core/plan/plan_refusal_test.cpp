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
    CHECK(refusal({.keep = {}, .store = {}, .read = TopvParams{.tokens = 0}}, headsOf(64)));
    for (const QuestParams& quest : {QuestParams{.page = 0}, QuestParams{.pages = 0}, QuestParams{.skip = -1}})
        CHECK(refusal({.keep = {}, .store = {}, .read = quest}, headsOf(64)));
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

TEST_CASE("Quest's bounds do not go together with other distances; top-k V reads the keys themselves, and does",
          "[core.plan]") {
    for (const char* keep : {"keep=streaming:positions=cache", "keep=lm-infinite"}) {
        const auto why = refusal(parsePlan(std::string(keep) + " read=quest"), headsOf(8));
        REQUIRE(why);
        CHECK(why->find("read=quest") != std::string::npos);
        CHECK(why->find("bounds") != std::string::npos);
        CHECK_FALSE(refusal(parsePlan(std::string(keep) + " read=topv:k=4"), headsOf(8)));
    }
    CHECK_FALSE(refusal(parsePlan("keep=streaming read=quest"), headsOf(8)));
    // More pages than there are, or no layer that is not skipped: every token is read.
    CHECK_FALSE(refusal(parsePlan("read=quest:page=100000,pages=100000,skip=100000"), headsOf(8)));
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
    ModelSpec shared = headsOf(8);
    shared.layers = 4;
    for (const char* keep : {"keep=h2o", "keep=scissorhands", "keep=snapkv"})
        for (const char* read : {"", " read=topv", " read=quest", " read=sparq:r=4"}) {
            CHECK_FALSE(refusal(parsePlan(std::string("share=cla:2 ") + keep + read), shared));
            CHECK_FALSE(refusal(parsePlan(std::string(keep) + read), headsOf(8)));
        }
    CHECK(refusal(parsePlan("keep=h2o read=quest feedback=estimate"), headsOf(8)));
}

TEST_CASE("Spans per head go together with every read; on shared caches not with what knows of the whole "
          "cache alone",
          "[core.plan]") {
    const std::string spans = "keep=moa:spans=4x4/0+0.5N*16 ";
    ModelSpec spec = headsOf(8);
    spec.layers = 4;
    for (const char* read : {"read=topv", "read=quest", "read=sparq:r=4", "read=all"})
        CHECK_FALSE(refusal(parsePlan(spans + read), spec));
    for (const bool own : {false, true}) { // by the plan, and by the model itself
        const std::string share = own ? "" : "share=cla:2 ";
        spec.kvSources = own ? std::vector<int>{0, 0, 2, 2} : std::vector<int>{};
        for (const char* read : {"read=all", "read=topv", "read=sparq:r=4,alpha=off"})
            CHECK_FALSE(refusal(parsePlan(share + spans + read), spec));
        for (const char* read : {"read=quest", "read=sparq:r=4"}) {
            const auto why = refusal(parsePlan(share + spans + read), spec);
            REQUIRE(why);
            CHECK(why->find(read) != std::string::npos);
            CHECK(why->find("accepted: ") != std::string::npos);
        }
        CHECK_FALSE(refusal(parsePlan(share + "keep=moa read=quest"), spec));
    }
    spec.kvSources.clear();
    CHECK_FALSE(
        refusal(parsePlan("share=cla:2 read=quest:skip=1"), spec)); // bounds are kept where they will be read
}

TEST_CASE("A share that does not fit the model's layers is refused, in one sentence", "[core.plan]") {
    ModelSpec spec = headsOf(8);
    spec.layers = 4;
    struct Case {
        const char *plan, *named;
    };
    for (const Case& c : {Case{"share=cla:5", "2 to 4"},
                          Case{"share=layers:0_0_2", "3 layers and this model has 4"},
                          Case{"share=layers:0_0_2_2_4", "5 layers and this model has 4"},
                          Case{"share=layers:1_1_2_2", "layer 0 read the KV of layer 1"},
                          Case{"share=layers:0_0_2_9", "layer 3 read the KV of layer 9"},
                          Case{"share=layers:0_0_1_3", "which itself reads that of layer 0"}}) {
        INFO(c.plan);
        const auto why = refusal(parsePlan(c.plan), spec);
        REQUIRE(why);
        INFO(*why);
        CHECK(why->find(c.named) != std::string::npos);
        CHECK(why->find(c.plan) == 0);
        CHECK(why->size() < 300);
        CHECK(why->find("accepted: ") != std::string::npos);
    }
    for (const char* plan : {"share=cla:2", "share=cla:4", "share=cla:3,pattern=keep-ends", "share=layers:0_1_2_3",
                             "share=layers:0_0_0_0 keep=streaming read=sparq:r=4"})
        CHECK_FALSE(refusal(parsePlan(plan), spec));
    CHECK(refusal({.share = ClaParams{.factor = 0}, .keep = {}, .store = {}, .read = {}}, spec));
    CHECK(refusal({.share = LayerSources{{-1, 0, 0, 0}}, .keep = {}, .store = {}, .read = {}}, spec));

    // A list that does not fit shares nothing until it is refused.
    CHECK(kvSources(parsePlan("share=layers:7_7_7_7").share, spec).empty());

    spec.layerSpecs = {{}, {}, {.window = 8, .rope = {}}, {.window = 8, .rope = {}}};
    CHECK_FALSE(refusal(parsePlan("share=cla:2"), spec));
    const auto windows = refusal(parsePlan("share=cla:4"), spec);
    REQUIRE(windows);
    CHECK(windows->find("different sliding windows") != std::string::npos);
    spec.layerSpecs = {{}, {.window = 0, .rope = {.theta = 5e5f}}, {}, {}};
    const auto rope = refusal(parsePlan("share=cla:2"), spec);
    REQUIRE(rope);
    CHECK(rope->find("different RoPE") != std::string::npos);

    spec.layerSpecs.clear();
    spec.kvSources = {0, 0, 2, 2};
    CHECK(refusal(parsePlan("share=cla:2"), spec));
    CHECK_FALSE(refusal(parsePlan("dense"), spec));
    spec.kvSources.clear();
    spec.layers = 1;
    CHECK(refusal(parsePlan("share=cla:2"), spec));
}

TEST_CASE("A prompt is masked by what goes by position, and by nothing else", "[core.plan]") {
    for (const char* text :
         {"keep=streaming prefill=masked", "keep=streaming:positions=cache prefill=masked",
          "keep=lm-infinite", "keep=lm-infinite prefill=dense", "keep=moa", "keep=moa prefill=dense",
          "keep=moa read=sparq:r=4 prefill=masked", "keep=h2o prefill=dense", "prefill=dense"})
        CHECK_FALSE(refusal(parsePlan(text), headsOf(8)));
    for (const char* keep : {"keep=all", "keep=h2o", "keep=scissorhands", "keep=snapkv"}) {
        const auto why = refusal(parsePlan(std::string(keep) + " prefill=masked"), headsOf(8));
        REQUIRE(why);
        CHECK(why->find("prefill=masked") != std::string::npos);
        CHECK(why->find(keep) != std::string::npos);
        CHECK(why->find("accepted: prefill=dense") != std::string::npos);
        CHECK(why->find('\n') == std::string::npos);
    }
}

TEST_CASE("SmoothQuant's checkpoint goes with what was not learnt from another", "[core.plan]") {
    for (const char* text : {"acts=rtn", "acts=rtn weights=gptq", "acts=rtn share=cla:2 weights=rtn", "acts=smooth",
                             "acts=smooth weights=rtn:bits=8", "acts=smooth:bits=4 read=topv store=rtn"})
        CHECK_FALSE(refusal(parsePlan(text), headsOf(8)));
    for (const auto& [text, named] :
         {std::pair("acts=smooth weights=awq", "weights=awq"), std::pair("acts=smooth share=cla:2", "share=own")}) {
        const auto why = refusal(parsePlan(text), headsOf(8));
        REQUIRE(why);
        CHECK(why->find("acts=smooth") != std::string::npos);
        CHECK(why->find(named) != std::string::npos);
        CHECK(why->find('\n') == std::string::npos);
    }
    CHECK(refusal({.acts = RtnActs{.bits = 7}}, headsOf(8)));
    CHECK(refusal({.acts = SmoothActs{.alpha = -1}}, headsOf(8)));
}
