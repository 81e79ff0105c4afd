#pragma once
// --memory-budget: how much a run may hold, and what is said when it would hold more.

#include <cstdint>
#include <string>

#include "core/engine/memory_estimate.h"

namespace CLI {
class App;
}

namespace fovea {

struct MemoryBudget {
    std::int64_t bytes = 0;
    bool chosen = false; // by the user: then what is beyond it is refused, not only said
    std::string text;    // "12 GB", "80 % of 16.8 GB"
};

void addMemoryBudgetOption(CLI::App& command, std::string& budget);

// "12GB", "750 MB", "8GiB", "60%" of the machine's memory, or bytes; empty: 80 % of the machine's memory, and
// no limit where that is not known. Throws UsageError.
MemoryBudget parseMemoryBudget(const std::string& text);

// Before anything large is read: nothing within a budget that nobody chose, one line on stderr beyond it or
// within a chosen one, std::runtime_error with the ways to hold less beyond a chosen one.
void requireMemory(const ModelSpec& spec, const MemoryQuestion& question, const MemoryBudget& budget);

// "beyond the budget of 12 GB; generate 812 tokens instead of 4096 (11.9 GB), or store rows in bf16 (11.0
// GB)"
std::string beyondText(const ModelSpec& spec, const MemoryQuestion& question, const MemoryBudget& budget);

} // namespace fovea
