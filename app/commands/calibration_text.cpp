#include "app/commands/calibration_text.h"

#include <variant>
#include <vector>

#include "app/commands/usage_error.h"
#include "core/plan/attention_plan.h"
#include "core/plan/plan_words.h"
#include "core/plan/switch_values.h"

namespace fovea {

namespace {

constexpr std::string_view kAccepted =
    "awq:bits=8|4|3|2,group=…, gptq:bits=8|4|3|2,group=…, smooth:alpha=0…1";

[[noreturn]] void refuse(const std::string& text) {
    throw UsageError("--weights " + fovea::quoted(std::string_view(text)) + " is no calibration; accepted: " + std::string(kAccepted) + ".");
}

SmoothParams parseSmooth(const PlanWord& word) {
    SmoothParams params;
    const SwitchReader reader(word, "alpha=0…1");
    for (const PlanSwitch& s : reader.switches())
        if (s.name == "alpha")
            params.alpha = reader.number(s, 0, 1);
        else
            reader.refuseUnknown(s);
    return params;
}

} // namespace

std::string_view acceptedCalibrations() {
    return kAccepted;
}

WeightCalibration parseCalibration(const std::string& text) {
    const std::string whole = "weights=" + text;
    const std::vector<PlanWord> words = splitPlan(whole);
    if (words.size() != 1)
        refuse(text);
    if (words.front().value == "smooth")
        return {parseSmooth(words.front())};
    if (words.front().value != "awq" && words.front().value != "gptq")
        refuse(text);
    const auto learnt = std::get<CalibratedWeights>(parsePlan(whole).weights);
    if (learnt.method == CalibratedWeights::Method::Awq)
        return {AwqParams{}, learnt.bits, learnt.group};
    return {GptqParams{}, learnt.bits, learnt.group};
}

} // namespace fovea
