#include "core/plan/accepted_words.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "core/plan/switch_values.h"

namespace fovea {

namespace {

constexpr std::string_view kShare[] = {
    "share=own", "share=cla:…,pattern=even|keep-ends|dense-front|dense-back,convert=mean|first",
    "share=layers:0_0_2_2_…,convert=mean|first"};
constexpr std::string_view kKeep[] = {"keep=all",
                                      "keep=streaming:sinks=…,window=…,positions=original|cache",
                                      "keep=lm-infinite:sinks=…,window=…",
                                      "keep=moa:alpha=…,beta=…,sinks=…,block=…,min=…,length=grows|…,file=…",
                                      "keep=h2o:heavy=…,recent=… (tokens, or 10% of the prompt)",
                                      "keep=scissorhands:budget=…,history=…,recent=…,drop=…",
                                      "keep=snapkv:budget=…,window=…,pool=…"};
constexpr std::string_view kStore[] = {
    "store=f32|f16|bf16", "store=rtn:bits=8|4|3|2,group=…,mode=asym|sym,zero=clamped|free",
    "store=kivi:bits=8|4|3|2,group=…,residual=…", "store=kvquant:bits=4|3|2,outliers=…,exact=…,norm=on|off",
    "store=cq:channels=1|2|4|8,bits=1…10,recent=…"};
constexpr std::string_view kRead[] = {
    "read=all", "read=sparq:r=…,k=…,local=…,alpha=on|off,tau=on|off,select=softmax|logits",
    "read=topv:k=…,renormalise=on|off", "read=quest:page=…,pages=…,skip=…"};
constexpr std::string_view kPrefill[] = {"prefill=dense|masked|quantised"};
constexpr std::string_view kFeedback[] = {"feedback=exact|estimate"};
constexpr std::string_view kWeights[] = {"weights=own",
                                         "weights=rtn:bits=8|4|3|2,group=…,mode=asym|sym,zero=clamped|free",
                                         "weights=awq|gptq:bits=8|4|3|2,group=…"};
constexpr std::string_view kActs[] = {"acts=own", "acts=rtn:bits=8|4", "acts=smooth:bits=8|4,alpha=0…1"};
constexpr SlotWords kSlots[] = {
    {"share", "who owns K and V", kShare},
    {"keep", "which tokens stay", kKeep},
    {"store", "in what form", kStore},
    {"read", "which of those are read", kRead},
    {"prefill", "what a prompt's queries see", kPrefill},
    {"feedback", "what a keep that scores tokens hears of a sparse read", kFeedback},
    {"weights", "in what form the layers' matrices are", kWeights},
    {"acts", "what these are multiplied with", kActs}};

// "sparq" of "read=sparq:r=…"; "f32", "f16", … of "store=f32|f16|bf16".
std::vector<std::string> valuesOf(const SlotWords& slot) {
    std::vector<std::string> values;
    for (const std::string_view word : slot.words) {
        std::string_view all = word.substr(slot.slot.size() + 1);
        all = all.substr(0, all.find_first_of(": "));
        for (auto bar = all.find('|'); bar != all.npos; bar = all.find('|')) {
            values.emplace_back(all.substr(0, bar));
            all.remove_prefix(bar + 1);
        }
        values.emplace_back(all);
    }
    return values;
}

// Letters to change, add, take away or swap with their neighbours (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> twoBefore, before(b.size() + 1), row(b.size() + 1);
    std::iota(before.begin(), before.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            row[j + 1] = std::min({before[j] + (a[i] == b[j] ? 0 : 1), before[j + 1] + 1, row[j] + 1});
            if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j])
                row[j + 1] = std::min(row[j + 1], twoBefore[j - 1] + 1);
        }
        twoBefore = std::move(before);
        before = row;
    }
    return before[b.size()];
}

// What a word may have been meant as: a value of the slot that it names or, naming none that there is, of any. Empty:
// nothing comes close.
std::string meantBy(const PlanWord& word) {
    const std::string typed(word.text.substr(0, word.text.find(':')));
    const std::string value =
        typed.substr(typed.find('=') + 1); // all of it where there is no '=': npos + 1 is 0
    const bool known = std::any_of(std::begin(kSlots), std::end(kSlots),
                                   [&](const SlotWords& slot) { return slot.slot == word.slot; });
    if (const std::string dense[] = {"dense"}; !known && !closestOf(typed, dense).empty())
        return dense[0];
    for (const SlotWords& slot : kSlots)
        if (!known || slot.slot == word.slot)
            if (const std::string meant = closestOf(value, valuesOf(slot)); !meant.empty())
                return std::string(slot.slot) + "=" + meant;
    return {};
}

} // namespace

std::span<const SlotWords> slotWords() {
    return kSlots;
}

std::string acceptedWords(std::string_view slot) {
    std::string text;
    for (const SlotWords& s : kSlots)
        if (s.slot == slot)
            for (const std::string_view word : s.words)
                text += (text.empty() ? "" : ", ") + std::string(word);
    if (!text.empty())
        return text;
    for (const SlotWords& s : kSlots)
        text += ", " + std::string(s.slot) + "=…";
    return "dense" + text;
}

void refuseUnknownWord(const PlanWord& word) {
    const std::string meant = meantBy(word);
    refusePlan("unknown word " + quoted(word.text) + " in the plan" +
                   (meant.empty() ? "" : " (is " + meant + " meant?)"),
               acceptedWords(word.slot));
}

std::string closestOf(std::string_view typed, std::span<const std::string> known) {
    constexpr std::size_t kLongest = 40; // hostile text costs no time
    std::string closest;
    std::size_t least = kLongest;
    for (const std::string& name : known) {
        if (typed.size() > kLongest)
            break;
        const std::size_t far = distance(typed, name);
        if (far < least && far <= std::max<std::size_t>(1, name.size() / 3)) {
            least = far;
            closest = name;
        }
    }
    return closest;
}

std::string planHelp() {
    std::string text =
        "A plan is words between blanks, at most one of each kind; what is left out is the model's own, "
        "\"dense\"\n"
        "all of it. Switches that are left out keep their defaults: \"read=sparq:r=8 store=bf16\".\n";
    for (const SlotWords& slot : kSlots) {
        text += "  " + std::string(slot.question) + "\n";
        for (const std::string_view word : slot.words)
            text += "    " + std::string(word) + "\n";
    }
    text.pop_back();
    return text;
}

} // namespace fovea
