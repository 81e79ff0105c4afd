#pragma once
// Where a step's time went on a GPU, by the GPU's own clock.

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace fovea {

struct DeviceSpan {
    enum class Stage : std::uint8_t {
        Projections, // norms, q, k and v, RoPE
        Attention,   // rows into the cache, and the read
        FeedForward, // the output's projection and the feed-forward
        Head,        // the last norm and the logits
    };
    Stage stage = Stage::Head;
    int layer = -1;           // -1: of the whole model
    float begin = 0, end = 0; // seconds since the step's first kernel
};
inline constexpr int kDeviceStages = 4;
inline constexpr std::string_view kDeviceStageNames[kDeviceStages] = {"projections", "attention",
                                                                      "feed-forward", "output head"};

// Of one step, in order; null: it was no GPU's.
using DeviceSpans = std::shared_ptr<const std::vector<DeviceSpan>>;

} // namespace fovea
