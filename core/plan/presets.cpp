#include "core/plan/presets.h"

#include <array>

namespace fovea {

namespace {

constexpr std::array kPresets = {
    PlanPreset{.name = "Dense",
               .plan = "dense",
               .paper = "attention",
               .note = "Every cached token is read, in the checkpoint's own float type."},
    PlanPreset{.name = "SparQ, the paper's default",
               .plan = "read=sparq",
               .paper = "sparq",
               .note = "r=32, k=128, the newest k/4 tokens always read; made for heads 128 wide.",
               .leastHeadDim = 32},
    PlanPreset{.name = "SparQ, most sparse",
               .plan = "read=sparq:r=8",
               .paper = "sparq",
               .note = "r=8, k=128: the setting of the paper's Llama-2-13B results.",
               .leastHeadDim = 8},
    PlanPreset{.name = "SparQ, as run on Llama 3",
               .plan = "read=sparq:alpha=off",
               .paper = "sparq",
               .note = "The authors switched the mean value off for Llama 3.",
               .leastHeadDim = 32},
    PlanPreset{
        .name = "SparQ, as in the authors' code",
        .plan = "read=sparq:select=logits",
        .paper = "sparq",
        .note =
            "The authors' code sums raw scaled logits over a group, the paper's listing softmaxed scores.",
        .leastHeadDim = 32},
    PlanPreset{.name = "SparQ, small model",
               .plan = "read=sparq:r=8,k=64",
               .paper = "sparq",
               .note = "Not from the paper: scaled to heads 32 wide and contexts of a few hundred tokens.",
               .leastHeadDim = 8},
    PlanPreset{.name = "SparQ, tiny model",
               .plan = "read=sparq:r=2,k=32",
               .paper = "sparq",
               .note = "Not from the paper: scaled to heads 8 wide.",
               .leastHeadDim = 2},
};

} // namespace

std::span<const PlanPreset> presets() {
    return kPresets;
}

} // namespace fovea
