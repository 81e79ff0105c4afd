#pragma once
// Runs as a trace in Chrome's JSON format, which ui.perfetto.dev and chrome://tracing open. One process per
// run, so that A and B lie above each other; time starts at zero in each, prefill first.
//
// Spans     "prefill", "decode", and one per step with its numbers as arguments
// Counters  the unit is in the name: KV held (bytes), moved counted (bytes), bandwidth (GB/s), …; the
//           level of a step lasts as long as the step, that of what is held begins at its end

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/engine/run.h"

namespace fovea {

struct TracedRun {
    std::shared_ptr<const Run> run;
    std::string label;     // "A: dense"
    std::vector<float> kl; // per step against the baseline, nats; empty for the baseline or when not known
};

std::string chromeTrace(std::span<const TracedRun> runs);

} // namespace fovea
