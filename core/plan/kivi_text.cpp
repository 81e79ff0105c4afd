#include "core/plan/kivi_text.h"

#include "core/plan/switch_values.h"

namespace fovea {

namespace {

constexpr std::string_view kKiviSwitches =
    "bits=8, 4, 3 or 2, group=32, 64 or a multiple of 128, residual=a multiple of the group up to 4096";

// A cache codes the keys of a group once, when all of them are there.
bool cacheHolds(const KiviParams& p) {
    return kiviFits(p) && p.residual > 0;
}

} // namespace

KiviParams parseKivi(const PlanWord& word) {
    KiviParams p;
    const SwitchReader reader(word, kKiviSwitches);
    for (const PlanSwitch& s : reader.switches()) {
        if (s.name == "bits")
            p.bits = reader.count(s, 2);
        else if (s.name == "group")
            p.group = reader.count(s, 1);
        else if (s.name == "residual")
            p.residual = reader.count(s, 1);
        else
            reader.refuseUnknown(s);
    }
    if (!cacheHolds(p)) // group and residual belong together, whichever comes first
        refusePlan("the plan's " + quoted(word.text) + " has numbers that do not go together", kKiviSwitches);
    return p;
}

std::string kiviText(const KiviParams& kivi) {
    const KiviParams usual;
    std::string text = "kivi";
    auto add = [&, first = true](const char* name, int value, int own) mutable {
        if (value == own)
            return;
        text.append(first ? ":" : ",").append(name).append("=").append(std::to_string(value));
        first = false;
    };
    add("bits", kivi.bits, usual.bits);
    add("group", kivi.group, usual.group);
    add("residual", kivi.residual, usual.residual);
    return text;
}

std::optional<std::string> kiviRefusal(const std::string& word, const KiviParams& kivi) {
    if (cacheHolds(kivi))
        return std::nullopt;
    return word + " cannot be held; accepted: " + std::string(kKiviSwitches) + ".";
}

} // namespace fovea
