#include "core/plan/attention_plan.h"

#include <algorithm>
#include <vector>

#include "core/model/model_spec.h"
#include "core/plan/accepted_words.h"
#include "core/plan/acts_text.h"
#include "core/plan/keep_text.h"
#include "core/plan/moa_text.h"
#include "core/plan/plan_prefill.h"
#include "core/plan/plan_words.h"
#include "core/plan/read_text.h"
#include "core/plan/share_text.h"
#include "core/plan/store_text.h"
#include "core/plan/switch_values.h"
#include "core/plan/weights_text.h"

namespace fovea {

namespace {

void requireNoSwitches(const PlanWord& word) {
    if (word.hasParameters)
        refusePlan("the plan's " + quoted(word.text) + " takes no switches", acceptedWords(word.slot));
}

Read parseRead(const PlanWord& word) {
    if (const auto read = parseReadMethod(word))
        return *read;
    if (word.value != "all")
        refuseUnknownWord(word);
    requireNoSwitches(word);
    return ReadAll{};
}

Share parseShare(const PlanWord& word) {
    if (const auto share = parseShareMethod(word))
        return *share;
    if (word.value != "own")
        refuseUnknownWord(word);
    requireNoSwitches(word);
    return OwnKv{};
}

Keep parseKeep(const PlanWord& word) {
    if (const auto keep = parseKeepMethod(word))
        return *keep;
    if (word.value != "all")
        refuseUnknownWord(word);
    requireNoSwitches(word);
    return KeepAll{};
}

WeightCodes parseWeights(const PlanWord& word) {
    if (const auto weights = parseWeightsMethod(word))
        return *weights;
    if (word.value != "own")
        refuseUnknownWord(word);
    requireNoSwitches(word);
    return OwnWeights{};
}

Acts parseActs(const PlanWord& word) {
    if (const auto acts = parseActsMethod(word))
        return *acts;
    if (word.value != "own")
        refuseUnknownWord(word);
    requireNoSwitches(word);
    return OwnActs{};
}

AttentionPlan::Feedback parseFeedback(const PlanWord& word) {
    requireNoSwitches(word);
    if (word.value != "exact" && word.value != "estimate")
        refuseUnknownWord(word);
    return word.value == "exact" ? AttentionPlan::Feedback::Exact : AttentionPlan::Feedback::Estimate;
}

AttentionPlan::Prefill parsePrefill(const PlanWord& word) {
    requireNoSwitches(word);
    if (word.value == "dense")
        return AttentionPlan::Prefill::Dense;
    if (word.value == "masked")
        return AttentionPlan::Prefill::Masked;
    if (word.value != "quantised")
        refuseUnknownWord(word);
    return AttentionPlan::Prefill::Quantised;
}

Store parseStore(const PlanWord& word) {
    if (const auto store = parseStoreMethod(word))
        return *store;
    refuseUnknownWord(word);
}

// Do layers read the KV of others, under the plan or in the model itself?
bool sharesKv(const AttentionPlan& plan, const ModelSpec& spec) {
    return sharedSpec(spec, plan.share).kvLayers() < spec.layers;
}

// Under spans per head a layer may see less of a cache than another that it shares it with; what is kept of the cache as a
// whole then says nothing of what the layer sees.
std::optional<std::string> spansRefusal(const AttentionPlan& plan, const ModelSpec& spec) {
    const auto* moa = std::get_if<MoaParams>(&plan.keep);
    if (!moa || !moa->spans || !sharesKv(plan, spec))
        return std::nullopt;
    const std::string why =
        "keep=moa gives every head a span of its own, so layers that read one cache see different "
        "tokens of it, and ";
    if (std::holds_alternative<QuestParams>(plan.read))
        return why + readText(plan.read) +
               " chooses among pages of the whole; accepted: read=all, read=topv, "
               "read=sparq:…,alpha=off, or alpha=… and beta=… for all heads.";
    const auto* sparq = std::get_if<SparqParams>(&plan.read);
    if (sparq && sparq->alpha)
        return why + readText(plan.read) +
               " stands in for the rest with the mean value of the whole; accepted: "
               "read=sparq:…,alpha=off, read=all, read=topv, or alpha=… and beta=… for all heads.";
    return std::nullopt;
}

// The text of a plan whose keep's is `keep`.
std::string withKeep(const std::string& keep, const AttentionPlan& plan) {
    std::string text = shareText(plan.share);
    const auto add = [&](const std::string& word) {
        text += (text.empty() || word.empty() ? "" : " ") + word;
    };
    add(keep);
    add(storeText(plan.store));
    add(readText(plan.read));
    add(prefillText(plan));
    if (plan.feedback == AttentionPlan::Feedback::Estimate)
        add("feedback=estimate");
    add(weightsText(plan.weights));
    add(actsText(plan.acts));
    return text.empty() ? "dense" : text;
}

} // namespace

bool sameModel(const AttentionPlan& a, const AttentionPlan& b) {
    return a.share == b.share && a.weights == b.weights && a.acts == b.acts;
}

AttentionPlan parsePlan(std::string_view text) {
    AttentionPlan plan;
    const std::vector<PlanWord> words = splitPlan(text);
    if (words.empty())
        refusePlan("the plan is empty", acceptedWords({}));
    std::vector<std::string_view> filled;
    for (const PlanWord& word : words) {
        if (word.text.find_first_of("{}") != std::string_view::npos)
            refusePlan("the plan's " + quoted(word.text) +
                           " lists values in braces, as only a sweep takes them",
                       "one value for each switch");
        const std::string_view slot = word.text == "dense" ? "read" : word.slot;
        if (std::none_of(slotWords().begin(), slotWords().end(),
                         [&](const SlotWords& known) { return known.slot == slot; }))
            refuseUnknownWord(word);
        if (std::find(filled.begin(), filled.end(), slot) != filled.end())
            refusePlan("the plan's " + quoted(word.text) + " fills the slot " + std::string(slot) + " twice",
                       "each slot once");
        filled.push_back(slot);
        if (slot == "store")
            plan.store = parseStore(word);
        else if (slot == "share")
            plan.share = parseShare(word);
        else if (slot == "keep")
            plan.keep = parseKeep(word);
        else if (slot == "prefill")
            plan.prefill = parsePrefill(word);
        else if (slot == "feedback")
            plan.feedback = parseFeedback(word);
        else if (slot == "weights")
            plan.weights = parseWeights(word);
        else if (slot == "acts")
            plan.acts = parseActs(word);
        else if (word.text != "dense")
            plan.read = parseRead(word);
    }
    forgetPaperPrefill(plan);
    return plan;
}

std::string toText(const AttentionPlan& plan, SpansText spans) {
    return withKeep(keepText(plan.keep, spans), plan);
}

std::string toTitle(const AttentionPlan& plan) {
    const auto* moa = std::get_if<MoaParams>(&plan.keep);
    return withKeep(moa ? moaTitle(*moa) : keepText(plan.keep), plan);
}

std::optional<std::string> refusal(const AttentionPlan& plan, const ModelSpec& spec) {
    if (const auto why = shareRefusal(plan.share, spec))
        return why;
    if (const auto why = keepRefusal(plan, spec))
        return why;
    if (const auto why = spansRefusal(plan, spec))
        return why;
    if (const auto why = prefillRefusal(plan))
        return why;
    if (const auto why = storeRefusal(plan, spec))
        return why;
    if (const auto why = weightsRefusal(plan.weights, plan.share))
        return why;
    if (const auto why = actsRefusal(plan))
        return why;
    return readRefusal(plan.read, spec);
}

} // namespace fovea
