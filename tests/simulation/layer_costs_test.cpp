#include "simulation/layer_costs.h"

#include <catch2/catch.hpp>

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
