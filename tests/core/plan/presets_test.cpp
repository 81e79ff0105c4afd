#include <catch2/catch.hpp>

#include <set>
#include <string>

#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"
#include "core/plan/papers.h"
#include "core/plan/presets.h"

using namespace fovea;

TEST_CASE("Every preset is a plan in its shortest text, from a paper that is listed", "[core.plan]") {
    std::set<std::string_view> names, plans;
    for (const PlanPreset& preset : presets()) {
        INFO(preset.name);
        CHECK(toText(parsePlan(preset.plan)) == preset.plan);
        CHECK(findPaper(preset.paper));
        CHECK(names.insert(preset.name).second);
        CHECK(plans.insert(preset.plan).second);
        ModelSpec spec;
        spec.headDim = preset.leastHeadDim;
        spec.layers = preset.leastLayers;
        CHECK_FALSE(refusal(parsePlan(preset.plan), spec));
        spec.headDim = preset.leastHeadDim - 1;
        if (preset.leastHeadDim > 1)
            CHECK(refusal(parsePlan(preset.plan), spec));
    }
    CHECK(presets().front().plan == "dense");
}

TEST_CASE("SparQ's paper card says what its authors published", "[core.plan]") {
    const Paper* paper = findPaper("sparq");
    REQUIRE(paper);
    CHECK(paper->arxiv == "2312.04985");
    CHECK(paper->publishedMoved.find("S·r + 2·k·d + 4·d elements per KV head") == 0);
    CHECK_FALSE(paper->results.empty());
    CHECK(findPaper("nothing") == nullptr);
    CHECK(findPaper("streaming")->arxiv == "2309.17453");
    CHECK(findPaper("lm-infinite")->arxiv == "2308.16137");
    CHECK(findPaper("cla")->arxiv == "2405.12981");
    // In order of appearance.
    for (std::size_t i = 1; i < papers().size(); ++i)
        CHECK(papers()[i - 1].arxiv < papers()[i].arxiv);
}
