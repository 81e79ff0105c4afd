#pragma once
// How tokens are chosen, for the verbs that choose some.

#include "core/engine/sampler.h"

namespace CLI {
class App;
}

namespace fovea {

void addSamplerOptions(CLI::App& command, SamplerOptions& options);
// Throws UsageError for values out of range.
void requireSampler(const SamplerOptions& options);

} // namespace fovea
