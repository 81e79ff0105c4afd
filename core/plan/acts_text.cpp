#include "core/plan/acts_text.h"

#include <algorithm>
#include <iterator>

#include "core/plan/attention_plan.h"
#include "core/plan/switch_values.h"
#include "core/plan/weights_text.h"

namespace fovea {

namespace {

constexpr std::string_view kRtnSwitches = "bits=8 or 4", kSmoothSwitches = "bits=8 or 4, alpha=0…1";

bool isKnown(int bits) {
    return std::find(std::begin(kActBits), std::end(kActBits), bits) != std::end(kActBits);
}

int readBits(const SwitchReader& reader, const PlanSwitch& s) {
    const int bits = reader.count(s, 2);
    if (!isKnown(bits))
        reader.refuse(s, "is more or less than kernels multiply");
    return bits;
}

RtnActs parseRtnActs(const PlanWord& word) {
    RtnActs acts;
    const SwitchReader reader(word, kRtnSwitches);
    for (const PlanSwitch& s : reader.switches())
        if (s.name == "bits")
            acts.bits = readBits(reader, s);
        else
            reader.refuseUnknown(s);
    return acts;
}

SmoothActs parseSmoothActs(const PlanWord& word) {
    SmoothActs acts;
    const SwitchReader reader(word, kSmoothSwitches);
    for (const PlanSwitch& s : reader.switches())
        if (s.name == "bits")
            acts.bits = readBits(reader, s);
        else if (s.name == "alpha")
            acts.alpha = reader.number(s, 0, 1);
        else
            reader.refuseUnknown(s);
    return acts;
}

// ":bits=4,alpha=0.8", what is not as usual.
std::string switchesText(int bits, double alpha) {
    std::string text;
    const auto add = [&text](const std::string& word) { text += (text.empty() ? ":" : ",") + word; };
    if (bits != RtnActs{}.bits)
        add("bits=" + std::to_string(bits));
    if (alpha != SmoothActs{}.alpha)
        add("alpha=" + numberText(alpha));
    return text;
}

} // namespace

std::optional<Acts> parseActsMethod(const PlanWord& word) {
    if (word.value == "rtn")
        return parseRtnActs(word);
    if (word.value == "smooth")
        return parseSmoothActs(word);
    return std::nullopt;
}

std::string actsText(const Acts& acts) {
    if (const auto* rtn = std::get_if<RtnActs>(&acts))
        return "acts=rtn" + switchesText(rtn->bits, SmoothActs{}.alpha);
    if (const auto* smooth = std::get_if<SmoothActs>(&acts))
        return "acts=smooth" + switchesText(smooth->bits, smooth->alpha);
    return {};
}

std::optional<std::string> actsRefusal(const AttentionPlan& plan) {
    const auto grid = actGrid(plan.acts);
    if (!grid)
        return std::nullopt;
    const auto* smooth = std::get_if<SmoothActs>(&plan.acts);
    if (!isKnown(grid->bits))
        return actsText(plan.acts) + " is multiplied by no kernel; accepted: " +
               std::string(smooth ? kSmoothSwitches : kRtnSwitches) + ".";
    if (!smooth)
        return std::nullopt;
    if (!(smooth->alpha >= 0 && smooth->alpha <= 1))
        return actsText(plan.acts) + " moves more than there is; accepted: " + std::string(kSmoothSwitches) +
               ".";
    if (std::holds_alternative<CalibratedWeights>(plan.weights))
        return actsText(plan.acts) + " runs on a checkpoint of its own, and " + weightsText(plan.weights) +
               " was learnt from another; accepted: weights=own, weights=rtn, or acts=rtn.";
    if (!std::holds_alternative<OwnKv>(plan.share))
        return actsText(plan.acts) + " was calibrated with the model's own KV and cannot share it otherwise; "
                                     "accepted: share=own, or "
                                     "acts=rtn.";
    return std::nullopt;
}

} // namespace fovea
