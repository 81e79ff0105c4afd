#pragma once
// A small Run with round numbers, so that what a writer says of it can be checked by hand.

#include <memory>

#include "core/engine/run.h"

namespace fovea {

inline Traffic madeUpTraffic(std::int64_t unit) {
    Traffic t;
    for (int i = 0; i < kComponents; ++i)
        t[static_cast<Component>(i)] = unit * (i + 1);
    return t;
}

// Step i feeds position 4 + i, moves madeUpTraffic(100 + i) and takes i + 1 ms.
inline std::shared_ptr<const Run> madeUpRun(int steps, const char* plan = "read=sparq:r=8,k=16") {
    auto run = std::make_shared<Run>();
    run->spec.name = "made-up";
    run->plan = parsePlan(plan);
    run->prompt = "Once";
    run->promptTokens = 5;
    run->decodeFrom = 6;
    run->tokens = {1, 10, 11, 12, 13};
    run->backend = "cpu";
    run->threads = 2;
    run->prefillSeconds = 0.25;
    run->promptEvicted = 12;
    for (int i = 0; i < steps; ++i) {
        StepRecord step;
        step.position = 4 + i;
        step.fed = run->tokens.back();
        step.token = 20 + i;
        step.planned = step.position >= run->decodeFrom;
        step.formula = step.counted = madeUpTraffic(100 + i);
        step.held.formula[Component::Keys] = step.held.counted[Component::Keys] = 1000 + i;
        step.held.formula[Component::Values] = step.held.counted[Component::Values] = 2000;
        step.held.reserved = 4096;
        step.held.onDevice = 512 * i;
        step.liveSlots = 30 + i;
        step.evicted = 7 * i;
        step.seconds = 0.001 * (i + 1);
        step.attentionSeconds = step.seconds / 4;
        step.surprise = 0.5f;
        run->tokens.push_back(step.token);
        run->steps.push_back(step);
    }
    return run;
}

} // namespace fovea
