#include "core/plan/weights_text.h"

#include <algorithm>

#include "core/model/block_type.h"
#include "core/model/model_spec.h"
#include "core/plan/rtn_text.h"
#include "core/plan/switch_values.h"

namespace fovea {

namespace {

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
    if (const auto* learnt = std::get_if<CalibratedWeights>(&weights)) {
        const bool awq = learnt->method == CalibratedWeights::Method::Awq;
        return (awq ? "weights=awq" : "weights=gptq") + rtnSwitches({.bits = learnt->bits, .group = learnt->group});
    }
    const auto* rtn = std::get_if<RtnParams>(&weights);
    return rtn ? "weights=" + rtnText(*rtn) : std::string();
}

std::optional<std::string> weightsRefusal(const WeightCodes& weights, const Share& share) {
    if (std::holds_alternative<CalibratedWeights>(weights) && !std::holds_alternative<OwnKv>(share))
        return weightsText(weights) +
               " was learnt with the model's own KV and cannot share it otherwise; accepted: share=own.";
    const auto rows = packedRows(weights);
    return rows ? rtnRefusal(weightsText(weights), *rows) : std::nullopt;
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
