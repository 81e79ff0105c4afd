#pragma once
// Plans worth starting from, each with the paper it comes from.

#include <span>
#include <string_view>

namespace fovea {

struct PlanPreset {
    std::string_view name;  // for menus, "SparQ, the paper's default"
    std::string_view plan;  // text form
    std::string_view paper; // key of papers.h
    std::string_view note;  // one sentence: where these values come from
    int leastHeadDim = 1;   // r fits heads this wide
    int leastLayers = 1;    // enough to share between
};

// The first is dense.
std::span<const PlanPreset> presets();

} // namespace fovea
