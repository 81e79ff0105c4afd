#include "app/commands/memory_budget.h"

#include <CLI/CLI.hpp>

#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <utility>

#include "app/commands/usage_error.h"
#include "core/engine/machine_memory.h"
#include "core/model/model_spec.h"
#include "core/trace/byte_text.h"

namespace fovea {

namespace {

constexpr std::array<std::pair<const char*, double>, 9> kUnits = {{{"", 1},
                                                                   {"b", 1},
                                                                   {"kb", 1e3},
                                                                   {"mb", 1e6},
                                                                   {"gb", 1e9},
                                                                   {"tb", 1e12},
                                                                   {"mib", 1048576.0},
                                                                   {"gib", 1073741824.0},
                                                                   {"tib", 1099511627776.0}}};

[[noreturn]] void refuse(const std::string& text) {
    throw UsageError("--memory-budget " + text +
                     " is no amount of memory, give for example 12GB, 8GiB or 60%");
}

std::string unitOf(std::string_view rest) {
    std::string unit;
    for (const char c : rest)
        if (c != ' ')
            unit += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return unit;
}

MemoryBudget shareOf(double share, bool chosen) {
    const std::int64_t machine = machineMemory();
    if (machine == 0 && chosen)
        throw UsageError("this machine does not say how much memory it has, give --memory-budget in GB");
    if (machine == 0)
        return {.bytes = std::numeric_limits<std::int64_t>::max(), .text = "unlimited"};
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.3g %% of %s", share * 100, byteText(machine).c_str());
    return {static_cast<std::int64_t>(share * static_cast<double>(machine)), chosen, text.data()};
}

} // namespace

void addMemoryBudgetOption(CLI::App& command, std::string& budget) {
    command.add_option(
        "--memory-budget", budget,
        "Most that may be held: 12GB, 8GiB or 60% (default: 80%, beyond which it is only said)");
}

MemoryBudget parseMemoryBudget(const std::string& text) {
    if (text.empty())
        return shareOf(kMemoryShare, false);
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    const std::string unit = unitOf(end);
    if (end == text.c_str() || !std::isfinite(number) || number <= 0)
        refuse(text);
    if (unit == "%") {
        if (number > 100)
            refuse(text);
        return shareOf(number / 100, true);
    }
    for (const auto& [name, factor] : kUnits)
        if (unit == name) {
            const double bytes = number * factor;
            if (bytes < 1 || bytes > 9e18)
                refuse(text);
            return {static_cast<std::int64_t>(bytes), true, byteText(static_cast<std::int64_t>(bytes))};
        }
    refuse(text);
}

std::string beyondText(const ModelSpec& spec, const MemoryQuestion& question, const MemoryBudget& budget) {
    std::string text = "beyond the memory budget of " + budget.text;
    const auto offers = memoryOffers(spec, question, budget.bytes);
    for (std::size_t i = 0; i < offers.size(); ++i)
        text +=
            (i == 0 ? "; " : ", or ") + offers[i].what + " (" + byteText(offers[i].estimate.total()) + ")";
    return offers.empty() ? text + ", and nothing less will do; take a smaller model" : text;
}

void requireMemory(const ModelSpec& spec, const MemoryQuestion& question, const MemoryBudget& budget) {
    const MemoryEstimate estimate = estimateMemory(spec, question);
    const bool beyond = estimate.total() > budget.bytes;
    if (!beyond && !budget.chosen)
        return;
    const std::string holds = "this run holds " + memoryText(estimate);
    if (beyond && budget.chosen)
        throw std::runtime_error(holds + ", " + beyondText(spec, question, budget));
    std::fprintf(
        stderr, "fovea: %s\n",
        (holds + (beyond ? ", " + beyondText(spec, question, budget) : ", of a budget of " + budget.text))
            .c_str());
}

} // namespace fovea
