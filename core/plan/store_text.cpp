#include "core/plan/store_text.h"

#include <string_view>

#include "core/cache/row_form.h"
#include "core/methods/keep/keep_rule.h"
#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"
#include "core/plan/kivi_text.h"
#include "core/plan/learnt_store_text.h"
#include "core/plan/rtn_text.h"

namespace fovea {

namespace {

constexpr ElementType kFloats[] = {ElementType::F32, ElementType::F16, ElementType::BF16};

} // namespace

std::optional<Store> parseStoreMethod(const PlanWord& word) {
    if (word.value == "rtn")
        return parseRtn(word);
    if (word.value == "kivi")
        return parseKivi(word);
    if (const auto learnt = parseLearntStore(word))
        return std::visit([](const auto& params) { return Store(params); }, *learnt);
    for (const ElementType type : kFloats)
        if (word.value == elementName(type) && !word.hasParameters)
            return type;
    return std::nullopt;
}

std::string storeText(const Store& store) {
    if (std::holds_alternative<OwnStore>(store))
        return {};
    return "store=" + storeName(store, ElementType::F32);
}

std::string storeName(const Store& store, ElementType own) {
    if (const auto* rtn = std::get_if<RtnParams>(&store))
        return rtnText(*rtn);
    if (const auto* kivi = std::get_if<KiviParams>(&store))
        return kiviText(*kivi);
    if (const auto learnt = learntStore(store))
        return learntStoreText(*learnt);
    return std::string(elementName(storedFloats(store, own)));
}

namespace {

// Keys before RoPE are turned as they are read, by angles that their position alone says.
std::optional<std::string> learntRefusal(const AttentionPlan& plan, const LearntStore& learnt, const ModelSpec& spec) {
    if (auto why = learntStoreRefusal(learnt, spec))
        return why;
    const std::string word = storeText(plan.store);
    if (!std::holds_alternative<OwnKv>(plan.share))
        return word + " has codebooks of the model's own layers, and share= makes others; accepted: store=rtn or kivi.";
    for (int layer = 0; layer < spec.layers && spec.rotated() > 0; ++layer)
        if (spec.ropeOf(layer).scaling.kind == RopeScaling::Kind::Dynamic)
            return word + " holds keys before RoPE, and this model's changes with the length of the text; accepted: "
                          "store=rtn or kivi.";
    return std::nullopt;
}

// A value that is coded leaves the sums of the heads that see it, and nobody knows any more which these are.
bool losesSums(const AttentionPlan& plan, const MixedStore& mixed, const ModelSpec& spec) {
    const auto* sparq = std::get_if<SparqParams>(&plan.read);
    return sparq && sparq->alpha && mixed.values.exact.newest > 0 && valueSumsPerHead(plan, spec.group()) > 1;
}

} // namespace

std::optional<std::string> storeRefusal(const AttentionPlan& plan, const ModelSpec& spec) {
    const auto mixed = mixedStore(plan.store, spec.headDim);
    if (!storedCodes(plan.store) && !mixed)
        return std::nullopt;
    const std::string word = storeText(plan.store);
    if (spec.headDim > kMostRowCodes)
        return word + " codes rows of at most " + std::to_string(kMostRowCodes) +
               " components, and this model's heads have " + std::to_string(spec.headDim) +
               "; accepted: store=f32, f16 or bf16.";
    if (const auto learnt = learntStore(plan.store))
        if (auto why = learntRefusal(plan, *learnt, spec))
            return why;
    if (mixed && losesSums(plan, *mixed, spec))
        return word + " codes values that read=sparq has summed up per query head, as spans that differ want it; accepted: "
                      "alpha=off, or store=rtn.";
    if (const auto* kivi = std::get_if<KiviParams>(&plan.store))
        return kiviRefusal(word, *kivi);
    if (const auto* rtn = std::get_if<RtnParams>(&plan.store))
        return rtnRefusal(word, *rtn);
    return std::nullopt;
}

} // namespace fovea
