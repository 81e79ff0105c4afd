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

constexpr std::string_view kLearntSwitches = "bits=8, 4, 3 or 2, group=32, 64 or a multiple of 128";

CalibratedWeights parseLearnt(const PlanWord& word, CalibratedWeights::Method method) {
    CalibratedWeights learnt{.method = method};
    const SwitchReader reader(word, kLearntSwitches);
    for (const PlanSwitch& s : reader.switches()) {
        if (s.name == "bits")
            learnt.bits = reader.count(s, 2);
        else if (s.name == "group")
            learnt.group = reader.count(s, 1);
        else
            reader.refuseUnknown(s);
        if (!rtnFits(*packedRows(learnt)))
            reader.refuse(s, "is more or less than kernels read");
    }
    return learnt;
}

// Switches behind a method's name, those that are not as usual.
class SwitchText {
public:
    void add(const std::string& word) { m_text += (m_text.empty() ? ":" : ",") + word; }
    void form(int bits, int group) {
        const RtnParams usual;
        if (bits != usual.bits)
            add("bits=" + std::to_string(bits));
        if (group != usual.group)
            add("group=" + std::to_string(group));
    }
    std::string behind(const std::string& word) const { return word + m_text; }

private:
    std::string m_text;
};

// Held as packed rows in the file itself.
bool isPacked(const std::string& type) {
    return type.starts_with("rtn");
}

bool isBlocks(const std::string& type) {
    return std::any_of(std::begin(kBlockTypes), std::end(kBlockTypes),
                       [&](BlockType block) { return blockShape(block).name == type; });
}

} // namespace

std::optional<WeightCodes> parseWeightsMethod(const PlanWord& word) {
    if (word.value == "rtn")
        return parseRtn(word);
    if (word.value == "awq")
        return parseLearnt(word, CalibratedWeights::Method::Awq);
    if (word.value == "gptq")
        return parseLearnt(word, CalibratedWeights::Method::Gptq);
    return std::nullopt;
}

std::string weightsText(const WeightCodes& weights) {
    SwitchText text;
    if (const auto* learnt = std::get_if<CalibratedWeights>(&weights)) {
        text.form(learnt->bits, learnt->group);
        return text.behind(learnt->method == CalibratedWeights::Method::Awq ? "weights=awq" : "weights=gptq");
    }
    const auto* rtn = std::get_if<RtnParams>(&weights);
    if (!rtn)
        return {};
    text.form(rtn->bits, rtn->group);
    if (rtn->mode == RtnParams::Mode::Symmetric)
        text.add("mode=sym");
    if (rtn->zero == RtnParams::Zero::Free)
        text.add("zero=free");
    return text.behind("weights=rtn");
}

std::optional<std::string> weightsRefusal(const WeightCodes& weights, const Share& share) {
    if (std::holds_alternative<CalibratedWeights>(weights) && !std::holds_alternative<OwnKv>(share))
        return weightsText(weights) +
               " was learnt with the model's own KV and cannot share it otherwise; accepted: share=own.";
    const auto rows = packedRows(weights);
    if (!rows || rtnFits(*rows))
        return std::nullopt;
    return weightsText(weights) + " is read by no kernel; accepted: " + std::string(kRtnSwitches) + ".";
}

std::optional<std::string> roundedTwiceNote(const WeightCodes& weights, const ModelSpec& spec) {
    if (!std::holds_alternative<RtnParams>(weights))
        return std::nullopt;
    const auto packed = [](const HeldOtherwise& held) { return isPacked(held.type); };
    if (std::any_of(spec.heldOtherwise.begin(), spec.heldOtherwise.end(), packed))
        return "rounded twice: this model's file holds rounded weights, which were decoded first; the model that it "
               "was made of would lose less";
    const auto blocks = std::find_if(spec.heldOtherwise.begin(), spec.heldOtherwise.end(),
                                     [](const HeldOtherwise& held) { return isBlocks(held.type); });
    if (blocks == spec.heldOtherwise.end())
        return std::nullopt;
    return "rounded twice: this model's file holds weights as " + blocks->type +
           " blocks, which were decoded first; a file of floats would lose less";
}

} // namespace fovea
