#include "core/plan/weights_text.h"

#include <algorithm>

#include "core/model/block_type.h"
#include "core/model/model_spec.h"
#include "core/plan/rtn_text.h"

namespace fovea {

namespace {

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
    return rtn ? "weights=" + rtnText(*rtn) : std::string();
}

std::optional<std::string> weightsRefusal(const WeightCodes& weights) {
    const auto* rtn = std::get_if<RtnParams>(&weights);
    return rtn ? rtnRefusal(weightsText(weights), *rtn) : std::nullopt;
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
