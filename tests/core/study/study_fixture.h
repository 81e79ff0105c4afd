#pragma once
// A study as it would have come out, made by hand: dense, and what each plan changed.

#include "core/study/study.h"

namespace fovea::test {

inline SweepRow studiedRow(const char* plan, double score, double change, double error, double weights,
                           double attention) {
    SweepRow row;
    row.plan = plan;
    row.score = {score, error};
    row.change = {change, error};
    row.weights = {weights, weights};
    row.moved = {attention, attention};
    return row;
}

inline SweepRow refusedRow(const char* plan, const char* why) {
    SweepRow row;
    row.plan = plan;
    row.refused = why;
    return row;
}

// Text 1.5 bits per character, recall 0.9 (near 1, far 0.8), repetition 4 of 256 characters: too few to count.
inline StudyResult studiedByHand() {
    StudyResult result;
    result.model = "/models/small";
    result.plans = {{RoundedTensors::Weights, "W8", "rtn", "weights=rtn:bits=8", 8, 0, 0},
                    {RoundedTensors::Weights, "W4", "rtn", "weights=rtn", 4, 0, 0},
                    {RoundedTensors::WeightsActivations, "W8A8", "rtn", "acts=nonsense", 8, 8, 0},
                    {RoundedTensors::Cache, "KV2", "rtn", "store=rtn:bits=2", 0, 0, 2}};
    const auto sweepOf = [](const char* task, const char* metric, bool higher, double high) {
        StudySweep sweep;
        sweep.task = sweep.table.arguments.task = task;
        sweep.table.arguments.metric = metric;
        sweep.table.arguments.higherBetter = higher;
        sweep.table.arguments.high = high;
        sweep.table.arguments.samples = 8;
        return sweep;
    };
    StudySweep text = sweepOf("text", "bits per character", false, 0),
               recall = sweepOf("recall", "accuracy", true, 1),
               copy = sweepOf("repetition", "characters reproduced", true, 256);
    const auto addRows = [&](const char* plan, double bits, double bitsError, double near, double far,
                             double farError, double weights, double attention) {
        text.table.rows.push_back(studiedRow(plan, 1.5 + bits, bits, bitsError, weights, attention));
        SweepRow row = studiedRow(plan, 0.9 + far / 2, far / 2, farError, weights, attention);
        row.parts = {{"up to 64 tokens back", 50, {1 + near, 0}, {near, 0}},
                     {"over 64 tokens back", 40, {0.8 + far, farError}, {far, farError}}};
        recall.table.rows.push_back(row);
        copy.table.rows.push_back(studiedRow(plan, 4, 0, 0, weights, attention));
    };
    addRows("dense", 0, 0, 0, 0, 0, 2000, 600);
    addRows("weights=rtn:bits=8", 0.003, 0.0015, 0, 0, 0, 1000, 600);
    addRows("weights=rtn", 0.015, 0.0075, 0, 0, 0.004, 600, 600);
    addRows("store=rtn:bits=2", 0.1, 0.01, 0, -0.6, 0.1, 2000, 150);
    for (StudySweep* sweep : {&text, &recall, &copy})
        sweep->table.rows.push_back(
            refusedRow("acts=nonsense", "unknown word \"acts\" in the plan; accepted: dense, …"));
    result.sweeps = {text, recall, copy};
    return result;
}

} // namespace fovea::test
