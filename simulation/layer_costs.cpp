#include "simulation/layer_costs.h"

#include "core/methods/predict.h"
#include "core/methods/share/cla.h"
#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"

namespace fovea {

std::vector<LayerCost> layerCosts(const AttentionPlan& plan, const ModelSpec& spec, std::int64_t tokens) {
    const ModelSpec shared = sharedSpec(spec, plan.share);
    std::vector<LayerCost> costs;
    for (int layer = 0; layer < spec.layers; ++layer) {
        StepShape shape{.tokens = tokens,
                        .queryHeads = spec.queryHeads,
                        .kvHeads = spec.kvHeads,
                        .headDim = spec.headDim,
                        .store = spec.type};
        shape.layer = layer;
        shape.window = spec.window(layer);
        shape.ownsKv = shared.ownsKv(layer);
        LayerCost cost{.source = shared.kvSource(layer), .held = predictHeld(plan, shape), .read = {}};
        shape.ownsKv = false; // what is left of a layer that appends nothing are its reads
        cost.read = predictMoved(plan, shape);
        costs.push_back(cost);
    }
    return costs;
}

} // namespace fovea
