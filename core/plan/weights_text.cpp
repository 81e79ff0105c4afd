#include "core/plan/weights_text.h"

#include <algorithm>

#include "core/model/block_type.h"
#include "core/model/model_spec.h"
#include "core/plan/switch_values.h"

namespace fovea {

namespace {

constexpr std::string_view kRtnSwitches =
    "bits=8, 4, 3 or 2, group=32, 64 or a multiple of 128, mode=asym|sym, zero=clamped|free";

RtnParams parseRtn(const PlanWord& word) {
    RtnParams p;
    const SwitchReader reader(word, kRtnSwitches);
    for (const PlanSwitch& s : reader.switches()) {
        if (s.name == "bits")
            p.bits = reader.count(s, 2);
        else if (s.name == "group")
            p.group = reader.count(s, 1);
        else if (s.name == "mode")
            p.mode =
                reader.either(s, "asym", "sym") ? RtnParams::Mode::Symmetric : RtnParams::Mode::Asymmetric;
        else if (s.name == "zero")
            p.zero = reader.either(s, "clamped", "free") ? RtnParams::Zero::Free : RtnParams::Zero::Clamped;
        else
            reader.refuseUnknown(s);
        if (!rtnFits(p))
            reader.refuse(s, "is more or less than kernels read");
    }
    if (p.mode == RtnParams::Mode::Symmetric && p.zero == RtnParams::Zero::Free)
        refusePlan("the plan's " + quoted(word.text) + " frees the zero, and mode=sym has none",
                   kRtnSwitches);
    return p;
}

bool isBlocks(const std::string& type) {
    return std::any_of(std::begin(kBlockTypes), std::end(kBlockTypes),
                       [&](BlockType block) { return blockShape(block).name == type; });
}

} // namespace

std::optional<WeightCodes> parseWeightsMethod(const PlanWord& word) {
    if (word.value == "rtn")
        return parseRtn(word);
    return std::nullopt;
}

std::string weightsText(const WeightCodes& weights) {
    const auto* rtn = std::get_if<RtnParams>(&weights);
    if (!rtn)
        return {};
    const RtnParams usual;
    std::string text;
    const auto add = [&text](const std::string& word) { text += (text.empty() ? ":" : ",") + word; };
    if (rtn->bits != usual.bits)
        add("bits=" + std::to_string(rtn->bits));
    if (rtn->group != usual.group)
        add("group=" + std::to_string(rtn->group));
    if (rtn->mode != usual.mode)
        add("mode=sym");
    if (rtn->zero != usual.zero)
        add("zero=free");
    return "weights=rtn" + text;
}

std::optional<std::string> weightsRefusal(const WeightCodes& weights) {
    const auto* rtn = std::get_if<RtnParams>(&weights);
    if (!rtn || rtnFits(*rtn))
        return std::nullopt;
    return weightsText(weights) + " is read by no kernel; accepted: " + std::string(kRtnSwitches) + ".";
}

std::optional<std::string> roundedTwiceNote(const WeightCodes& weights, const ModelSpec& spec) {
    if (std::holds_alternative<OwnWeights>(weights))
        return std::nullopt;
    const auto blocks = std::find_if(spec.heldOtherwise.begin(), spec.heldOtherwise.end(),
                                     [](const HeldOtherwise& held) { return isBlocks(held.type); });
    if (blocks == spec.heldOtherwise.end())
        return std::nullopt;
    return "rounded twice: this model's file holds weights as " + blocks->type +
           " blocks, which were decoded first; a file of floats would lose less";
}

} // namespace fovea
