#include "core/plan/switch_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "core/plan/attention_plan.h"

namespace fovea {

void refusePlan(std::string sentence, std::string_view accepted) {
    throw PlanError(sentence + "; accepted: " + std::string(accepted) + ".");
}

std::optional<double> parseNumber(std::string_view text) {
    double value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stop != end || !std::isfinite(value))
        return std::nullopt;
    return value;
}

std::string numberText(double number) {
    std::array<char, 32> text; // the longest is 24 characters
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    return {text.data(), end};
}

SwitchReader::SwitchReader(const PlanWord& word, std::string_view accepted)
    : m_word(word.text), m_accepted(accepted), m_switches(splitSwitches(word)) {
    // Among more than a method has, one is unknown or named twice early on: hostile text costs no more time.
    constexpr std::ptrdiff_t kMost = 16;
    const auto end = m_switches.begin() + std::min(kMost, std::ssize(m_switches));
    for (auto s = m_switches.begin(); s != end; ++s)
        if (std::any_of(m_switches.begin(), s,
                        [&](const PlanSwitch& other) { return other.name == s->name; }))
            refusePlan("the plan names the switch " + quoted(s->name) + " twice", m_accepted);
}

int SwitchReader::count(const PlanSwitch& s, int least) const {
    const auto n = parseInteger(s.value);
    if (!n || *n < least)
        refusePlan("the plan's " + quoted(s.text) + " needs a whole number from " + std::to_string(least) +
                       " to 2147483647",
                   m_accepted);
    return *n;
}

double SwitchReader::number(const PlanSwitch& s, double least, double most) const {
    const auto n = parseNumber(s.value);
    if (!n || *n < least || *n > most)
        refuse(s, "needs a number from " + numberText(least) + " to " + numberText(most));
    return *n;
}

void SwitchReader::refuse(const PlanSwitch& s, const std::string& why) const {
    refusePlan("the plan's " + quoted(s.text) + " " + why, m_accepted);
}

bool SwitchReader::either(const PlanSwitch& s, std::string_view first, std::string_view second) const {
    if (s.value != first && s.value != second)
        refusePlan("the plan's " + quoted(s.text) + " is neither " + std::string(first) + " nor " +
                       std::string(second),
                   m_accepted);
    return s.value == second;
}

bool SwitchReader::onOff(const PlanSwitch& s) const {
    return !either(s, "on", "off");
}

void SwitchReader::refuseUnknown(const PlanSwitch& s) const {
    refusePlan("unknown switch " + quoted(s.text) + " in the plan's " + quoted(m_word), m_accepted);
}

} // namespace fovea
