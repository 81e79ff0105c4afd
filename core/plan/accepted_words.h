#pragma once
// The words a plan may hold: what is said to one that it may not, and how the command line's help lists them.

#include <span>
#include <string>
#include <string_view>

#include "core/plan/plan_words.h"

namespace fovea {

struct SlotWords {
    std::string_view slot;                   // "read"
    std::string_view question;               // that it answers: "which tokens are read"
    std::span<const std::string_view> words; // "read=sparq:r=…,k=…", each with its switches
};

// In the order of a plan's text.
std::span<const SlotWords> slotWords();
// "read=all, read=sparq:r=…, …"; of no slot of that name, which slots there are.
std::string acceptedWords(std::string_view slot);
// PlanError: names the word, the closest one that there is, and what its slot accepts.
[[noreturn]] void refuseUnknownWord(const PlanWord& word);

// Of these the one that most likely was meant: at most a third of its letters, or one, are other, missing, too many or swapped.
// Empty: none.
std::string closestOf(std::string_view typed, std::span<const std::string> known);

// Several lines, for the end of a verb's help.
std::string planHelp();

} // namespace fovea
