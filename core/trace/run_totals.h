#pragma once
// A run's steps added up.

#include "core/engine/run.h"

namespace fovea {

struct RunTotals {
    Traffic formula, counted; // bytes moved by all steps
    Held held;                // after the last step; zeros when there was none
    double seconds = 0;       // of all steps, prefill not included
    double attentionSeconds = 0;
    std::int64_t steps = 0, planned = 0;
};

inline RunTotals totalsOf(const Run& run) {
    RunTotals t;
    for (const StepRecord& step : run.steps) {
        t.formula += step.formula;
        t.counted += step.counted;
        t.seconds += step.seconds;
        t.attentionSeconds += step.attentionSeconds;
        t.planned += step.planned ? 1 : 0;
    }
    t.steps = static_cast<std::int64_t>(run.steps.size());
    if (t.steps > 0)
        t.held = run.steps.back().held;
    return t;
}

// Bytes over seconds in GB/s (10^9); 0 where no time was measured.
inline double gigabytesPerSecond(std::int64_t bytes, double seconds) {
    return seconds > 0 ? static_cast<double>(bytes) / seconds / 1e9 : 0;
}

} // namespace fovea
