#include "core/plan/attention_plan.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/model/model_spec.h"
#include "core/plan/keep_text.h"
#include "core/plan/plan_words.h"
#include "core/plan/read_text.h"
#include "core/plan/switch_values.h"

namespace fovea {

namespace {

constexpr std::string_view kAccepted =
    "dense, keep=all, keep=streaming:sinks=…,window=…,positions=original|cache, "
    "keep=lm-infinite:sinks=…,window=…, "
    "read=all, read=sparq:r=…,k=…,local=…,alpha=on|off,tau=on|off,select=softmax|logits, "
    "read=topv:k=…,renormalise=on|off, read=quest:page=…,pages=…,skip=…, "
    "store=f32|f16|bf16";
constexpr std::array kStores = {ElementType::F32, ElementType::F16, ElementType::BF16};

[[noreturn]] void refuseUnknown(const PlanWord& word) {
    refusePlan("unknown word " + quoted(word.text) + " in the plan", kAccepted);
}

void requireNoSwitches(const PlanWord& word) {
    if (word.hasParameters)
        refusePlan("the plan's " + quoted(word.text) + " takes no switches", kAccepted);
}

Read parseRead(const PlanWord& word) {
    if (const auto read = parseReadMethod(word))
        return *read;
    if (word.value != "all")
        refuseUnknown(word);
    requireNoSwitches(word);
    return ReadAll{};
}

Keep parseKeep(const PlanWord& word) {
    if (const auto keep = parseKeepMethod(word))
        return *keep;
    if (word.value != "all")
        refuseUnknown(word);
    requireNoSwitches(word);
    return KeepAll{};
}

ElementType parseStore(const PlanWord& word) {
    for (const ElementType type : kStores)
        if (word.value == elementName(type) && !word.hasParameters)
            return type;
    refuseUnknown(word);
}

} // namespace

std::string_view acceptedPlanWords() {
    return kAccepted;
}

AttentionPlan parsePlan(std::string_view text) {
    AttentionPlan plan;
    const std::vector<PlanWord> words = splitPlan(text);
    if (words.empty())
        refusePlan("the plan is empty", kAccepted);
    std::vector<std::string_view> filled;
    for (const PlanWord& word : words) {
        const std::string_view slot = word.text == "dense" ? "read" : word.slot;
        if (slot != "read" && slot != "store" && slot != "keep")
            refuseUnknown(word);
        if (std::find(filled.begin(), filled.end(), slot) != filled.end())
            refusePlan("the plan's " + quoted(word.text) + " fills the slot " + std::string(slot) + " twice",
                       kAccepted);
        filled.push_back(slot);
        if (slot == "store")
            plan.store = parseStore(word);
        else if (slot == "keep")
            plan.keep = parseKeep(word);
        else if (word.text != "dense")
            plan.read = parseRead(word);
    }
    return plan;
}

std::string toText(const AttentionPlan& plan) {
    std::string text = keepText(plan.keep);
    const auto add = [&](const std::string& word) { text += (text.empty() ? "" : " ") + word; };
    if (plan.store)
        add("store=" + std::string(elementName(*plan.store)));
    if (const std::string read = readText(plan.read); !read.empty())
        add(read);
    return text.empty() ? "dense" : text;
}

std::optional<std::string> refusal(const AttentionPlan& plan, const ModelSpec& spec) {
    if (const auto why = keepRefusal(plan, spec))
        return why;
    return readRefusal(plan.read, spec);
}

} // namespace fovea
