#pragma once
// Reads the switches of one word of a plan. Every complaint is a PlanError of one sentence that names the
// switch and ends in what is accepted.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/plan/plan_words.h"

namespace fovea {

// "<sentence>; accepted: <accepted>."
[[noreturn]] void refusePlan(std::string sentence, std::string_view accepted);

// The number that all of `text` is; nothing for what is none, or not finite.
std::optional<double> parseNumber(std::string_view text);
// The shortest text that is this number again.
std::string numberText(double number);

class SwitchReader {
public:
    // `accepted` must outlive the reader. Refuses a switch that is named twice.
    SwitchReader(const PlanWord& word, std::string_view accepted);

    // The switches, in the order they were written.
    const std::vector<PlanSwitch>& switches() const { return m_switches; }

    int count(const PlanSwitch& s, int least) const; // a whole number from `least`
    double number(const PlanSwitch& s, double least, double most) const;
    bool onOff(const PlanSwitch& s) const;
    // Is it `second` (true) or `first`?
    bool either(const PlanSwitch& s, std::string_view first, std::string_view second) const;
    [[noreturn]] void refuseUnknown(const PlanSwitch& s) const;
    // "the plan's "…" <why>".
    [[noreturn]] void refuse(const PlanSwitch& s, const std::string& why) const;

private:
    std::string_view m_word, m_accepted;
    std::vector<PlanSwitch> m_switches;
};

} // namespace fovea
