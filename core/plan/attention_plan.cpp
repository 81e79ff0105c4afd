#include "core/plan/attention_plan.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/model/model_spec.h"
#include "core/plan/keep_text.h"
#include "core/plan/moa_text.h"
#include "core/plan/plan_words.h"
#include "core/plan/share_text.h"
#include "core/plan/switch_values.h"

namespace fovea {

namespace {

constexpr std::string_view kAccepted =
    "dense, share=own, share=cla:…,pattern=even|keep-ends|dense-front|dense-back,convert=mean|first, "
    "share=layers:0_0_2_2_…,convert=mean|first, keep=all, keep=streaming:sinks=…,window=…,positions=original|cache, "
    "keep=lm-infinite:sinks=…,window=…, "
    "keep=moa:alpha=…,beta=…,sinks=…,block=…,min=…,length=grows|…,file=…, "
    "keep=h2o:heavy=…,recent=… (tokens, or 10% of the prompt), "
    "keep=scissorhands:budget=…,history=…,recent=…,drop=…, keep=snapkv:budget=…,window=…,pool=…, "
    "read=all, read=sparq:r=…,k=…,local=…,alpha=on|off,tau=on|off,select=softmax|logits, "
    "store=f32|f16|bf16, feedback=exact|estimate";
constexpr std::string_view kSparqSwitches =
    "r=…, k=…, local=…, alpha=on|off, tau=on|off, select=softmax|logits";
constexpr std::array kStores = {ElementType::F32, ElementType::F16, ElementType::BF16};

SparqParams parseSparq(const PlanWord& word) {
    SparqParams p;
    const SwitchReader reader(word, kSparqSwitches);
    for (const PlanSwitch& s : reader.switches()) {
        if (s.name == "r")
            p.components = reader.count(s, 1);
        else if (s.name == "k")
            p.tokens = reader.count(s, 1);
        else if (s.name == "local")
            p.local = reader.count(s, 0);
        else if (s.name == "alpha")
            p.alpha = reader.onOff(s);
        else if (s.name == "tau")
            p.tau = reader.onOff(s);
        else if (s.name == "select")
            p.select = reader.either(s, "softmax", "logits") ? SparqParams::Select::Logits
                                                             : SparqParams::Select::Softmax;
        else
            reader.refuseUnknown(s);
    }
    if (p.localTokens() > p.tokens)
        refusePlan("the plan's \"local=" + std::to_string(p.localTokens()) + "\" is more than k=" +
                       std::to_string(p.tokens) + ", and the local window lies inside k",
                   kSparqSwitches);
    return p;
}

[[noreturn]] void refuseUnknown(const PlanWord& word) {
    refusePlan("unknown word " + quoted(word.text) + " in the plan", kAccepted);
}

void requireNoSwitches(const PlanWord& word) {
    if (word.hasParameters)
        refusePlan("the plan's " + quoted(word.text) + " takes no switches", kAccepted);
}

std::variant<ReadAll, SparqParams> parseRead(const PlanWord& word) {
    if (word.value == "sparq")
        return parseSparq(word);
    if (word.value != "all")
        refuseUnknown(word);
    requireNoSwitches(word);
    return ReadAll{};
}

Share parseShare(const PlanWord& word) {
    if (const auto share = parseShareMethod(word))
        return *share;
    if (word.value != "own")
        refuseUnknown(word);
    requireNoSwitches(word);
    return OwnKv{};
}

Keep parseKeep(const PlanWord& word) {
    if (const auto keep = parseKeepMethod(word))
        return *keep;
    if (word.value != "all")
        refuseUnknown(word);
    requireNoSwitches(word);
    return KeepAll{};
}

AttentionPlan::Feedback parseFeedback(const PlanWord& word) {
    requireNoSwitches(word);
    if (word.value != "exact" && word.value != "estimate")
        refuseUnknown(word);
    return word.value == "exact" ? AttentionPlan::Feedback::Exact : AttentionPlan::Feedback::Estimate;
}

ElementType parseStore(const PlanWord& word) {
    for (const ElementType type : kStores)
        if (word.value == elementName(type) && !word.hasParameters)
            return type;
    refuseUnknown(word);
}

void append(std::string& list, std::string_view item) {
    if (!list.empty())
        list += ',';
    list += item;
}

std::string sparqText(const SparqParams& p) {
    const SparqParams defaults;
    std::string switches;
    if (p.components != defaults.components)
        append(switches, "r=" + std::to_string(p.components));
    if (p.tokens != defaults.tokens)
        append(switches, "k=" + std::to_string(p.tokens));
    if (p.local)
        append(switches, "local=" + std::to_string(*p.local));
    if (p.alpha != defaults.alpha)
        append(switches, "alpha=off");
    if (p.tau != defaults.tau)
        append(switches, "tau=off");
    if (p.select != defaults.select)
        append(switches, "select=logits");
    return switches.empty() ? "read=sparq" : "read=sparq:" + switches;
}

// The text of a plan whose keep's is `keep`.
std::string withKeep(const std::string& keep, const AttentionPlan& plan) {
    std::string text = shareText(plan.share);
    const auto add = [&](const std::string& word) { text += (text.empty() || word.empty() ? "" : " ") + word; };
    add(keep);
    if (plan.store)
        add("store=" + std::string(elementName(*plan.store)));
    if (const auto* sparq = std::get_if<SparqParams>(&plan.read))
        add(sparqText(*sparq));
    if (plan.feedback == AttentionPlan::Feedback::Estimate)
        add("feedback=estimate");
    return text.empty() ? "dense" : text;
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
        if (slot != "read" && slot != "store" && slot != "keep" && slot != "share" && slot != "feedback")
            refuseUnknown(word);
        if (std::find(filled.begin(), filled.end(), slot) != filled.end())
            refusePlan("the plan's " + quoted(word.text) + " fills the slot " + std::string(slot) + " twice",
                       kAccepted);
        filled.push_back(slot);
        if (slot == "store")
            plan.store = parseStore(word);
        else if (slot == "share")
            plan.share = parseShare(word);
        else if (slot == "keep")
            plan.keep = parseKeep(word);
        else if (slot == "feedback")
            plan.feedback = parseFeedback(word);
        else if (word.text != "dense")
            plan.read = parseRead(word);
    }
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
    if (const auto* moa = std::get_if<MoaParams>(&plan.keep);
        moa && moa->spans && !std::holds_alternative<OwnKv>(plan.share))
        return "keep=moa gives every layer spans of its own, and under " + shareText(plan.share) +
               " layers read one cache; accepted: alpha=… and beta=… for all heads, or share=own.";
    const auto* sparq = std::get_if<SparqParams>(&plan.read);
    if (!sparq)
        return std::nullopt;
    if (sparq->components < 1 || sparq->components > spec.headDim)
        return "read=sparq with r=" + std::to_string(sparq->components) +
               " does not fit this model, whose heads are " + std::to_string(spec.headDim) +
               " wide; accepted: r=1 to r=" + std::to_string(spec.headDim) + ".";
    if (sparq->tokens < 1)
        return "read=sparq with k=" + std::to_string(sparq->tokens) +
               " reads no token; accepted: k=1 or more.";
    if (sparq->localTokens() < 0 || sparq->localTokens() > sparq->tokens)
        return "read=sparq with local=" + std::to_string(sparq->localTokens()) +
               " does not fit; accepted: local=0 to local=" + std::to_string(sparq->tokens) + ", which is k.";
    return std::nullopt;
}

} // namespace fovea
