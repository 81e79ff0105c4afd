#pragma once
// The angles by which the queries of a prompt's chunk are turned for sinks that they meet at another distance than their own
// (KeepRule::turns), on the device. A step has its own (StepInputs).

#include <cstdint>
#include <vector>

#include "core/engine/device/room.h"
#include "core/engine/layer_keeps.h"
#include "core/engine/slot_turns.h"
#include "core/kernels/cuda/prefill.h"
#include "core/model/model_spec.h"

namespace fovea {

class DevicePromptTurns {
public:
    // Both outlive it. `masked`: the plan's keep acts from the first token, and with it its distances.
    DevicePromptTurns(const ModelSpec& spec, const LayerKeeps& keeps, bool masked);

    // For `count` queries from position `first` on. Throws cuda::OutOfMemory.
    void prepare(std::int64_t first, std::int64_t count, cuda::Stream stream);
    cuda::PromptTurns of(int layer) const; // good until the next prepare

private:
    struct Tables { // of layers that turn alike
        int sinks = 0, pairs = 0;
        Room<std::int32_t> rows;    // (count, sinks) of the angles; -1: not turned
        Room<float> cosines, sines; // (turns, pairs)
    };
    const KeepRule& ruleOf(std::size_t layer) const;
    void write(std::size_t layer, std::int64_t first, std::int64_t count, cuda::Stream stream);

    const ModelSpec& m_spec;
    const LayerKeeps& m_keeps;
    bool m_masked;
    TurnAngles m_angles;
    std::vector<Tables> m_tables;        // (layers), empty where an earlier layer's are the same
    std::vector<std::size_t> m_tablesOf; // (layers) whose those are
};

} // namespace fovea
