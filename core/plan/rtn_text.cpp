#include "core/plan/rtn_text.h"

#include "core/plan/switch_values.h"

namespace fovea {

namespace {

constexpr std::string_view kRtnSwitches =
    "bits=8, 4, 3 or 2, group=32, 64 or a multiple of 128, mode=asym|sym, zero=clamped|free";

} // namespace

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

std::string rtnSwitches(const RtnParams& rtn) {
    const RtnParams usual;
    std::string text;
    const auto add = [&text](const std::string& word) { text += (text.empty() ? ":" : ",") + word; };
    if (rtn.bits != usual.bits)
        add("bits=" + std::to_string(rtn.bits));
    if (rtn.group != usual.group)
        add("group=" + std::to_string(rtn.group));
    if (rtn.mode != usual.mode)
        add("mode=sym");
    if (rtn.zero != usual.zero)
        add("zero=free");
    return text;
}

std::string rtnText(const RtnParams& rtn) {
    return "rtn" + rtnSwitches(rtn);
}

std::optional<std::string> rtnRefusal(const std::string& word, const RtnParams& rtn) {
    if (rtnFits(rtn))
        return std::nullopt;
    return word + " is read by no kernel; accepted: " + std::string(kRtnSwitches) + ".";
}

} // namespace fovea
