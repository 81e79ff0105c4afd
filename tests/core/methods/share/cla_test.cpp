#include "core/methods/share/cla.h"

#include <catch2/catch.hpp>

#include "core/methods/predict.h"
#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"
#include "simulation/model_shapes.h"
#include "simulation/show_as.h"

using namespace fovea;
using Pattern = ClaParams::Pattern;

namespace {

std::vector<int> sourcesOf(int layers, int factor, Pattern pattern = Pattern::Even) {
    return claSources({.factor = factor, .pattern = pattern}, layers);
}

int owners(const std::vector<int>& sources) {
    int n = 0;
    for (int layer = 0; layer < std::ssize(sources); ++layer)
        n += sources[static_cast<std::size_t>(layer)] == layer ? 1 : 0;
    return n;
}

// One of the paper's 1B models.
ModelSpec paperModel(int headDim, int queryHeads, int kvHeads) {
    ModelSpec spec;
    spec.layers = 20;
    spec.width = 2048;
    spec.queryHeads = queryHeads;
    spec.kvHeads = kvHeads;
    spec.headDim = headDim;
    spec.type = ElementType::BF16;
    return spec;
}

} // namespace

TEST_CASE("Adjacent layers share their first one's KV, and the first group is the smaller one",
          "[core.methods]") {
    CHECK(sourcesOf(8, 2) == std::vector{0, 0, 2, 2, 4, 4, 6, 6});
    CHECK(sourcesOf(10, 3) == std::vector{0, 1, 1, 1, 4, 4, 4, 7, 7, 7});
    CHECK(sourcesOf(5, 2) == std::vector{0, 1, 1, 3, 3});
    CHECK(sourcesOf(8, 3) == std::vector{0, 0, 2, 2, 2, 5, 5, 5});
    CHECK(sourcesOf(4, 4) == std::vector{0, 0, 0, 0});
    for (int layers = 1; layers < 40; ++layers)
        for (int s = 2; s <= layers; ++s)
            CHECK(owners(sourcesOf(layers, s)) == (layers + s - 1) / s);
}

TEST_CASE("The paper's patterns on 20 layers", "[core.methods]") {
    CHECK(sourcesOf(20, 2, Pattern::KeepEnds) ==
          std::vector{0, 1, 1, 3, 3, 5, 5, 7, 7, 9, 9, 11, 11, 13, 13, 15, 15, 17, 17, 19});
    CHECK(sourcesOf(20, 2, Pattern::DenseFront) ==
          std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 19});
    CHECK(sourcesOf(20, 2, Pattern::DenseBack) ==
          std::vector{0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 11, 12, 13, 14, 15, 16, 17, 18, 19});
}

TEST_CASE("Every pattern of every size is a map that can be run, with as many KV layers as keep-ends",
          "[core.methods]") {
    for (int layers = 1; layers < 50; ++layers)
        for (int s = 2; s <= layers + 3; ++s)
            for (const Pattern pattern :
                 {Pattern::Even, Pattern::KeepEnds, Pattern::DenseFront, Pattern::DenseBack}) {
                ModelSpec spec;
                spec.layers = layers;
                const std::vector<int> sources = sourcesOf(layers, s, pattern);
                INFO(layers << " layers, s = " << s << ", pattern " << static_cast<int>(pattern));
                REQUIRE_FALSE(sourcesRefusal(sources, spec));
                if (pattern != Pattern::Even)
                    REQUIRE(owners(sources) == owners(sourcesOf(layers, s, Pattern::KeepEnds)));
            }
}

TEST_CASE("Bytes of KV per token are those of the paper's table", "[core.methods]") {
    struct Row {
        int headDim, queryHeads, kvHeads;
        const char* plan;
        int kvLayers;
        std::int64_t bytes;
    };
    // Brandon et al., tables of the 1B models, 16-bit elements.
    for (const Row& row : {Row{128, 16, 16, "dense", 20, 163840},
                           Row{128, 16, 4, "dense", 20, 40960},
                           Row{128, 16, 2, "dense", 20, 20480},
                           Row{128, 16, 1, "dense", 20, 10240},
                           Row{64, 32, 1, "dense", 20, 5120},
                           Row{46, 45, 1, "dense", 20, 3680},
                           Row{32, 64, 1, "dense", 20, 2560},
                           Row{512, 4, 1, "share=cla:2", 10, 20480},
                           Row{256, 8, 1, "share=cla:2", 10, 10240},
                           Row{128, 16, 1, "share=cla:2", 10, 5120},
                           Row{90, 22, 1, "share=cla:2", 10, 3600},
                           Row{64, 32, 1, "share=cla:2", 10, 2560},
                           Row{256, 8, 4, "share=cla:2", 10, 40960},
                           Row{128, 16, 4, "share=cla:2", 10, 20480},
                           Row{128, 16, 2, "share=cla:2", 10, 10240},
                           Row{128, 16, 1, "share=cla:3", 7, 3584},
                           Row{128, 16, 1, "share=cla:4", 5, 2560},
                           Row{128, 16, 1, "share=cla:2,pattern=keep-ends", 11, 5632},
                           Row{128, 16, 1, "share=cla:2,pattern=dense-front", 11, 5632},
                           Row{128, 16, 1, "share=cla:2,pattern=dense-back", 11, 5632}}) {
        INFO(row.plan << ", d = " << row.headDim << ", G = " << row.kvHeads);
        const AttentionPlan plan = parsePlan(row.plan);
        const ModelSpec spec = paperModel(row.headDim, row.queryHeads, row.kvHeads);
        const ModelSpec shared = sharedSpec(spec, plan.share);
        CHECK(shared.kvLayers() == row.kvLayers);
        CHECK(predictKvBytesPerToken(plan.share, spec, ElementType::BF16) == row.bytes);
        // What the formula of a cache says layer by layer is the same; reads do not shrink.
        StepShape shape{.tokens = 100,
                        .queryHeads = spec.queryHeads,
                        .kvHeads = spec.kvHeads,
                        .headDim = spec.headDim,
                        .store = ElementType::BF16};
        std::int64_t held = 0, moved = 0;
        for (int layer = 0; layer < spec.layers; ++layer) {
            shape.ownsKv = shared.ownsKv(layer);
            held += predictHeld(plan, shape).total();
            moved += predictMoved(plan, shape).total();
        }
        CHECK(held == 100 * row.bytes);
        CHECK(moved == 100 * predictKvReadPerToken(spec, ElementType::BF16) + row.bytes);
    }
}

TEST_CASE("Sharing leaves out the projections of layers that borrow", "[core.methods]") {
    ModelSpec spec = paperModel(128, 16, 4);
    const std::int64_t projections = 2 * 4 * 128 * std::int64_t{2048} * 2; // K and V of a layer, 16 bit
    CHECK(predictSharedWeights(OwnKv{}, spec) == 0);
    CHECK(predictSharedWeights(parsePlan("share=cla:2,convert=first").share, spec) == -10 * projections);
    // A mean's owner reads as much as before, and the gain of its own norm.
    CHECK(predictSharedWeights(parsePlan("share=cla:2").share, spec) == -10 * projections + 10 * 2048 * 2);
    CHECK(predictConvertedBytes(parsePlan("share=cla:2").share, spec) == 10 * (projections + 2048 * 2));
    CHECK(predictConvertedBytes(parsePlan("share=cla:2,convert=first").share, spec) == 0);
    // Layers 0 and 19 share with nobody, and stay as they are.
    CHECK(convertedLayers(parsePlan("share=cla:2,pattern=keep-ends").share, spec).size() == 9);
    CHECK(convertedLayers(parsePlan("share=cla:2,pattern=dense-front").share, spec) == std::vector{9});
}

TEST_CASE("A large model shown under a share holds less and reads as much", "[core.methods]") {
    const ModelSpec& spec = findModelShape("Llama-2-7B")->spec;
    const std::vector<std::int64_t> contexts = {4096};
    const ProjectedStep dense = showAs(parsePlan("dense"), spec, contexts).steps.front(),
                        shared = showAs(parsePlan("share=cla:2"), spec, contexts).steps.front();
    CHECK(shared.held.total() * 2 == dense.held.total());
    const std::int64_t row = std::int64_t{32} * 128 * 2;
    CHECK(dense.moved[Component::Keys] - shared.moved[Component::Keys] ==
          16 * row); // not written by 16 layers
    CHECK(shared.moved[Component::Weights] < dense.moved[Component::Weights]);
}
