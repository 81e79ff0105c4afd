#include "core/plan/plan_template.h"

#include <catch2/catch.hpp>

#include "core/plan/attention_plan.h"

using namespace fovea;
using Texts = std::vector<std::string>;

TEST_CASE("Braces stand for every combination, the last running fastest", "[core.plan]") {
    CHECK(expandPlans("dense") == Texts{"dense"});
    CHECK(expandPlans("") == Texts{""});
    CHECK(expandPlans("read=sparq:r={4,8,16},k={32,64}") ==
          Texts{"read=sparq:r=4,k=32", "read=sparq:r=4,k=64", "read=sparq:r=8,k=32", "read=sparq:r=8,k=64",
                "read=sparq:r=16,k=32", "read=sparq:r=16,k=64"});
    // Whole words, and nothing at all.
    CHECK(expandPlans("{keep=streaming,keep=lm-infinite}:window=64{, store=bf16}") ==
          Texts{"keep=streaming:window=64", "keep=streaming:window=64 store=bf16",
                "keep=lm-infinite:window=64", "keep=lm-infinite:window=64 store=bf16"});
    CHECK(expandPlans("a{1}b") == Texts{"a1b"});
    CHECK(expandPlans("keep=x:file=\"{1,2}.json\",n={1,2}") ==
          Texts{"keep=x:file=\"{1,2}.json\",n=1", "keep=x:file=\"{1,2}.json\",n=2"});
}

TEST_CASE("Braces that do not pair, nest, are empty or too many are refused in one sentence", "[core.plan]") {
    std::string many = "a";
    for (int i = 0; i < 13; ++i)
        many += "{0,1}";
    for (const std::string& text : {std::string("r={4,8"), std::string("r=4,8}"), std::string("r={4,{8}}"),
                                    std::string("}{"), std::string("r={}"), many}) {
        INFO(text);
        try {
            expandPlans(text);
            FAIL("not refused");
        } catch (const PlanError& error) {
            CHECK(std::string(error.what()).find('\n') == std::string::npos);
        }
    }
    CHECK(expandPlans(many.substr(0, many.size() - 5)).size() == kMostExpanded);
}

TEST_CASE("A method is a plan without its numbers", "[core.plan]") {
    CHECK(methodOf("dense") == "dense");
    CHECK(methodOf("keep=streaming:sinks=4,window=60 store=bf16 read=sparq:r=8") ==
          "keep=streaming store=bf16 read=sparq");
}
