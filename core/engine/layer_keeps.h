#pragma once
// Every layer's keep, made once for all texts of a plan.

#include <cstddef>
#include <vector>

#include "core/methods/keep/keep_rule.h"
#include "core/model/model_spec.h"

namespace fovea {

class LayerKeeps {
public:
    LayerKeeps(const AttentionPlan& plan, const ModelSpec& spec) {
        for (int layer = 0; layer < spec.layers; ++layer) {
            m_unplanned.emplace_back(plan, spec, layer, false);
            m_kept.emplace_back(plan, spec, layer, true);
        }
    }

    // What the model itself sees, or what the plan's keep leaves of that.
    const LayerKeep& of(int layer, bool planned) const {
        return (planned ? m_kept : m_unplanned)[static_cast<std::size_t>(layer)];
    }

private:
    std::vector<LayerKeep> m_unplanned, m_kept;
};

} // namespace fovea
