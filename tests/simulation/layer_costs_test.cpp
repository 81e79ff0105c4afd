#include "simulation/layer_costs.h"

#include <catch2/catch.hpp>

#include <memory>

#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"
#include "simulation/model_shapes.h"
#include "simulation/show_as.h"

using namespace fovea;

TEST_CASE("Layers' costs add up to the whole step's, and a borrower reads without holding", "[simulation]") {
    const ModelSpec& spec = findModelShape("Llama-3.2-1B")->spec;
    for (const char* text : {"dense", "share=cla:3", "share=cla:2,pattern=dense-back store=f16",
                             "share=cla:4 keep=streaming read=sparq:r=16,k=64", "keep=lm-infinite"}) {
        INFO(text);
        const AttentionPlan plan = parsePlan(text);
        const std::vector<std::int64_t> contexts = {3000};
        const ProjectedStep whole = showAs(plan, spec, contexts).steps.front();
        const std::vector<LayerCost> layers = layerCosts(plan, spec, 3000);
        REQUIRE(std::ssize(layers) == spec.layers);
        Traffic held, read;
        for (int i = 0; i < spec.layers; ++i) {
            const LayerCost& layer = layers[static_cast<std::size_t>(i)];
            held += layer.held;
            read += layer.read;
            CHECK((layer.held.total() > 0) == (layer.source == i));
            CHECK(layer.read == layers.front().read); // all alike, whoever owns what
        }
        CHECK(held == whole.held);
        // What is missing of the step is what owners write.
        CHECK(read.total() < whole.moved.attention());
        CHECK(whole.moved.attention() - read.total() < read.total());
    }
}

TEST_CASE("Where layers see spans of their own, each costs what its own hold", "[simulation]") {
    const ModelSpec& spec = findModelShape("Llama-3.2-1B")->spec;
    MoaSpans spans{.layers = spec.layers, .heads = spec.queryHeads, .spans = {}};
    for (int layer = 0; layer < spec.layers; ++layer)
        for (int head = 0; head < spec.queryHeads; ++head)
            spans.spans.push_back({.alpha = 100. * (layer + 1), .beta = 0});
    AttentionPlan plan;
    plan.keep = MoaParams{.all = {}, .spans = std::make_shared<const MoaSpans>(std::move(spans)), .file = {}};
    const std::vector<std::int64_t> contexts = {3000};
    const std::vector<LayerCost> layers = layerCosts(plan, spec, 3000);
    Traffic held;
    for (const LayerCost& layer : layers)
        held += layer.held;
    CHECK(held == showAs(plan, spec, contexts).steps.front().held);
    CHECK(layers.back().held.total() > 2 * layers.front().held.total());
    CHECK(layers.back().read.total() > 2 * layers.front().read.total());
}
