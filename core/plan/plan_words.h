#pragma once
// The grammar under a plan's text, without any meaning:  slot=value[:name=value[,name=value]…]  between
// blanks. In double quotes, blanks and commas are part of the value; a quote among them is written twice.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fovea {

// All views point into the text that was split.
struct PlanWord {
    std::string_view text;       // the whole word
    std::string_view slot;       // before '='; empty when there is none
    std::string_view value;      // after '=', up to ':'
    std::string_view parameters; // after ':'
    bool hasParameters = false;  // a ':' was there
};

struct PlanSwitch {
    std::string_view text, name, value;
};

std::vector<PlanWord> splitPlan(std::string_view text);
// At commas; a word without parameters has no switches, but "r=1," ends in an empty one (and is refused).
std::vector<PlanSwitch> splitSwitches(const PlanWord& word);

// Decimal digits with an optional '-', nothing else, and no overflow.
std::optional<int> parseInteger(std::string_view text);
// A switch's value without its quotes.
std::string unquoted(std::string_view value);
// The same value in a plan's text: in quotes where it needs them.
std::string inPlan(std::string_view value);
// In double quotes for a message of one line: control characters become '?', long words are cut short.
std::string quoted(std::string_view text);

} // namespace fovea
