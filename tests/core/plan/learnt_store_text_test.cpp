// The text of stores that are learnt.

#include "core/plan/learnt_store_text.h"

#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"

#include <catch2/catch.hpp>

using namespace fovea;

TEST_CASE("A learnt store comes back from its text", "[core.plan]") {
    for (const char* text : {"kvquant", "kvquant:bits=2", "kvquant:bits=4,outliers=0,exact=0,norm=off",
                             "kvquant:outliers=0.025,norm=on", "cq", "cq:channels=8,bits=10,recent=32"})
        CHECK(learntStoreText(parseLearntStore(text)) == text);
    CHECK(learntStoreText(parseLearntStore("kvquant:bits=3,outliers=.01,exact=1")) == "kvquant");
    CHECK(learntStoreText(parseLearntStore("cq:bits=8,channels=4,recent=0")) == "cq");
    CHECK(std::get<CqParams>(parseLearntStore("cq:bits=5")) == CqParams{.bits = 5});
    CHECK(std::get<KvquantParams>(parseLearntStore("kvquant:norm=off")) == KvquantParams{.norm = false});
}

TEST_CASE("A learnt store's parameters are refused by their name", "[core.plan]") {
    CHECK_THROWS_WITH(parseLearntStore("kivi"), Catch::Contains("accepted: kvquant or cq"));
    CHECK_THROWS_WITH(parseLearntStore("cq read=sparq"), Catch::Contains("accepted: kvquant or cq"));
    CHECK_THROWS_WITH(parseLearntStore(""), Catch::Contains("accepted: kvquant or cq"));
    CHECK_THROWS_WITH(parseLearntStore("cq:channels=3"), Catch::Contains("channels=3"));
    CHECK_THROWS_WITH(parseLearntStore("cq:bits=11"), Catch::Contains("bits=11"));
    CHECK_THROWS_WITH(parseLearntStore("cq:recent=5000"), Catch::Contains("recent=5000"));
    CHECK_THROWS_WITH(parseLearntStore("kvquant:bits=8"), Catch::Contains("bits=8"));
    CHECK_THROWS_WITH(parseLearntStore("kvquant:outliers=.2"), Catch::Contains("outliers=.2"));
    CHECK_THROWS_WITH(parseLearntStore("kvquant:outliers=nan"), Catch::Contains("outliers=nan"));
    CHECK_THROWS_WITH(parseLearntStore("kvquant:exact=2000"), Catch::Contains("exact=2000"));
    CHECK_THROWS_WITH(parseLearntStore("kvquant:group=32"), Catch::Contains("group=32"));
}

TEST_CASE("A model says which learnt stores it cannot have", "[core.plan]") {
    ModelSpec spec;
    spec.kvHeads = 2, spec.headDim = 12;
    CHECK_FALSE(learntStoreRefusal(CqParams{}, spec));
    REQUIRE(learntStoreRefusal(CqParams{.channels = 8}, spec));
    CHECK_THAT(*learntStoreRefusal(CqParams{.channels = 8}, spec), Catch::Contains("head width of 12"));
    CHECK_FALSE(learntStoreRefusal(KvquantParams{}, spec));
    spec.headDim = 120000;
    CHECK_THAT(*learntStoreRefusal(KvquantParams{}, spec), Catch::Contains("120000"));
}
