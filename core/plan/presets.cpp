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
    PlanPreset{
        .name = "StreamingLLM",
        .plan = "keep=streaming",
        .paper = "streaming",
        .note = "4 sinks and the newest 512 tokens, as in the authors' cache class; positions of the text."},
    PlanPreset{.name = "StreamingLLM, as in the authors' code",
               .plan = "keep=streaming:positions=cache",
               .paper = "streaming",
               .note =
                   "The same, with positions within the cache: no distance is ever longer than the cache."},
    PlanPreset{.name = "StreamingLLM, 4+252",
               .plan = "keep=streaming:window=252,positions=cache",
               .paper = "streaming",
               .note = "A cache of 256 tokens, the smallest of the paper's."},
    PlanPreset{.name = "StreamingLLM, small model",
               .plan = "keep=streaming:window=60",
               .paper = "streaming",
               .note = "Not from the paper: scaled to contexts of a few hundred tokens."},
    PlanPreset{.name = "LM-Infinite",
               .plan = "keep=lm-infinite",
               .paper = "lm-infinite",
               .note = "10 first tokens and the newest 4096, no distance above 4096: for Llama-2."},
    PlanPreset{.name = "LM-Infinite, small model",
               .plan = "keep=lm-infinite:sinks=4,window=60",
               .paper = "lm-infinite",
               .note = "Not from the paper: scaled to contexts of a few hundred tokens."},
    PlanPreset{
        .name = "H2O, real drop",
        .plan = "keep=h2o",
        .paper = "h2o",
        .note =
            "4 heavy hitters and the newest 512 tokens, the smallest of the authors' real-drop settings."},
    PlanPreset{.name = "H2O, real drop, a fifth of the prompt",
               .plan = "keep=h2o:heavy=10%,recent=10%",
               .paper = "h2o",
               .note = "Half heavy hitters, half newest: the paper's 20 % setting."},
    PlanPreset{.name = "H2O, small model",
               .plan = "keep=h2o:heavy=32,recent=32",
               .paper = "h2o",
               .note = "Not from the paper: scaled to contexts of a few hundred tokens."},
    PlanPreset{
        .name = "Scissorhands",
        .plan = "keep=scissorhands",
        .paper = "scissorhands",
        .note = "A history of 400 queries, the newest 10 kept, half the budget dropped at a time, as in the "
                "paper; 512 tokens."},
    PlanPreset{.name = "Scissorhands, small model",
               .plan = "keep=scissorhands:budget=64,history=64,recent=8",
               .paper = "scissorhands",
               .note = "Not from the paper: scaled to contexts of a few hundred tokens."},
    PlanPreset{.name = "SnapKV",
               .plan = "keep=snapkv",
               .paper = "snapkv",
               .note = "1024 tokens of the prompt, chosen by its last 64 queries over 5 neighbours."},
    PlanPreset{.name = "SnapKV, small model",
               .plan = "keep=snapkv:budget=64,window=16",
               .paper = "snapkv",
               .note = "Not from the paper: scaled to contexts of a few hundred tokens."},
    PlanPreset{.name = "H2O and SparQ, small model",
               .plan = "keep=h2o:heavy=64,recent=64 read=sparq:r=8,k=32",
               .paper = "h2o",
               .note =
                   "Not from a paper: SparQ chooses among what H2O keeps, which hears only what was read.",
               .leastHeadDim = 8},
    PlanPreset{.name = "StreamingLLM and SparQ, small model",
               .plan = "keep=streaming:window=124 read=sparq:r=8,k=32",
               .paper = "streaming",
               .note =
                   "Not from a paper: two slots filled at once; SparQ chooses among what the stream keeps.",
               .leastHeadDim = 8},
};

} // namespace

std::span<const PlanPreset> presets() {
    return kPresets;
}

} // namespace fovea
