#include "app/commands/sampler_options.h"

#include <CLI/CLI.hpp>

#include <cmath>

#include "app/commands/usage_error.h"

namespace fovea {

void addSamplerOptions(CLI::App& command, SamplerOptions& options) {
    command.add_option("--temperature", options.temperature, "0 is greedy (default)");
    command.add_option("--top-k", options.topK, "Choose among the k likeliest tokens, 0 for all");
    command.add_option("--top-p", options.topP,
                       "Choose among the likeliest tokens of this joint probability");
    command.add_option("--seed", options.seed, "Seed of the choice (default 1)")
        ->check(CLI::NonNegativeNumber);
}

void requireSampler(const SamplerOptions& options) {
    if (!std::isfinite(options.temperature) || options.temperature < 0)
        throw UsageError("--temperature is a number from 0 (greedy) on");
    if (!(options.topP > 0 && options.topP <= 1))
        throw UsageError("--top-p is a number above 0 and at most 1 (no limit)");
    if (options.topK < 0)
        throw UsageError("--top-k is a whole number, 0 for no limit");
}

} // namespace fovea
