#include "core/plan/attention_plan.h"

#include <array>
#include <utility>
#include <vector>

#include "core/model/model_spec.h"
#include "core/plan/plan_words.h"

namespace fovea {

namespace {

constexpr std::string_view kAccepted =
    "dense, read=all, read=sparq:r=…,k=…,local=…,alpha=on|off,tau=on|off,select=softmax|logits, "
    "store=f32|f16|bf16";
constexpr std::string_view kSparqSwitches =
    "r=…, k=…, local=…, alpha=on|off, tau=on|off, select=softmax|logits";
constexpr std::array kStores = {ElementType::F32, ElementType::F16, ElementType::BF16};

[[noreturn]] void refuse(std::string sentence, std::string_view accepted) {
    throw PlanError(std::move(sentence) + "; accepted: " + std::string(accepted) + ".");
}

bool parseSwitch(const PlanSwitch& s) {
    if (s.value == "on")
        return true;
    if (s.value != "off")
        refuse("the plan's " + quoted(s.text) + " is neither on nor off", kSparqSwitches);
    return false;
}

int parseCount(const PlanSwitch& s, int least) {
    const auto n = parseInteger(s.value);
    if (!n || *n < least)
        refuse("the plan's " + quoted(s.text) + " needs a whole number from " + std::to_string(least) +
                   " to 2147483647",
               kSparqSwitches);
    return *n;
}

SparqParams::Select parseSelect(const PlanSwitch& s) {
    if (s.value == "softmax")
        return SparqParams::Select::Softmax;
    if (s.value != "logits")
        refuse("the plan's " + quoted(s.text) + " is neither softmax nor logits", kSparqSwitches);
    return SparqParams::Select::Logits;
}

void checkLocal(const SparqParams& p) {
    if (p.localTokens() > p.tokens)
        refuse("the plan's \"local=" + std::to_string(p.localTokens()) +
                   "\" is more than k=" + std::to_string(p.tokens) + ", and the local window lies inside k",
               kSparqSwitches);
}

SparqParams parseSparq(const PlanWord& word) {
    SparqParams p;
    std::vector<std::string_view> seen;
    for (const PlanSwitch& s : splitSwitches(word)) {
        for (const auto name : seen)
            if (name == s.name)
                refuse("the plan names the switch " + quoted(s.name) + " twice", kSparqSwitches);
        seen.push_back(s.name);
        if (s.name == "r")
            p.components = parseCount(s, 1);
        else if (s.name == "k")
            p.tokens = parseCount(s, 1);
        else if (s.name == "local")
            p.local = parseCount(s, 0);
        else if (s.name == "alpha")
            p.alpha = parseSwitch(s);
        else if (s.name == "tau")
            p.tau = parseSwitch(s);
        else if (s.name == "select")
            p.select = parseSelect(s);
        else
            refuse("unknown switch " + quoted(s.text) + " in the plan's " + quoted(word.text),
                   kSparqSwitches);
    }
    checkLocal(p);
    return p;
}

std::variant<ReadAll, SparqParams> parseRead(const PlanWord& word) {
    if (word.value == "sparq")
        return parseSparq(word);
    if (word.value != "all")
        refuse("unknown word " + quoted(word.text) + " in the plan", kAccepted);
    if (word.hasParameters)
        refuse("the plan's " + quoted(word.text) + " takes no switches", kAccepted);
    return ReadAll{};
}

ElementType parseStore(const PlanWord& word) {
    for (const ElementType type : kStores)
        if (word.value == elementName(type) && !word.hasParameters)
            return type;
    refuse("unknown word " + quoted(word.text) + " in the plan", kAccepted);
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

} // namespace

std::string_view acceptedPlanWords() {
    return kAccepted;
}

AttentionPlan parsePlan(std::string_view text) {
    AttentionPlan plan;
    bool readGiven = false;
    const std::vector<PlanWord> words = splitPlan(text);
    if (words.empty())
        refuse("the plan is empty", kAccepted);
    for (const PlanWord& word : words) {
        const bool isRead = word.slot == "read" || word.text == "dense";
        const bool isStore = word.slot == "store";
        if (!isRead && !isStore)
            refuse("unknown word " + quoted(word.text) + " in the plan", kAccepted);
        if ((isRead && readGiven) || (isStore && plan.store))
            refuse("the plan's " + quoted(word.text) + " fills the slot " + (isRead ? "read" : "store") +
                       " twice",
                   kAccepted);
        if (isStore) {
            plan.store = parseStore(word);
        } else {
            readGiven = true;
            if (word.text != "dense")
                plan.read = parseRead(word);
        }
    }
    return plan;
}

std::string toText(const AttentionPlan& plan) {
    std::string text;
    if (plan.store)
        text = "store=" + std::string(elementName(*plan.store));
    if (const auto* sparq = std::get_if<SparqParams>(&plan.read)) {
        if (!text.empty())
            text += ' ';
        text += sparqText(*sparq);
    }
    return text.empty() ? "dense" : text;
}

std::optional<std::string> refusal(const AttentionPlan& plan, const ModelSpec& spec) {
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
