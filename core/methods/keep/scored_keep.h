#pragma once
// The keeps by which data decides who stays (H2O, Scissorhands, SnapKV), as one. Who leaves depends on what queries
// gave to tokens; how many stay does not: every KV head holds as many rows as the others, and formulas stay exact.

#include <cstdint>

#include "core/cache/traffic.h"

namespace fovea {

struct AttentionPlan;
struct StepShape;

// Does the plan's keep score tokens?
bool scoresTokens(const AttentionPlan& plan);
// Does it hear what every query gives to every token, so that reads have to report it? (SnapKV asks by itself, once.)
bool hearsReads(const AttentionPlan& plan);

// Rows that the query at p sees of a layer, its own included, in each KV head: of any plan, by its keep where `acts`,
// within the model's own window (0: none). `prompt`: tokens before the keep acted.
std::int64_t rowsSeen(const AttentionPlan& plan, int modelWindow, bool acts, std::int64_t prompt,
                      std::int64_t p);
// The most that any query from `prompt` to p sees.
std::int64_t mostRowsSeen(const AttentionPlan& plan, int modelWindow, std::int64_t prompt, std::int64_t p);

// Formula: bytes that one layer spends on scoring in the step of `shape`: what the read reports, and the method's own
// state. Nothing where the keep does not score. Derivation of the reports beside the code.
Traffic predictScoring(const AttentionPlan& plan, const StepShape& shape);
// Live bytes of one layer's scores when each KV head holds `rows`.
Traffic predictHeldScores(const AttentionPlan& plan, std::int64_t rows, const StepShape& shape);

} // namespace fovea
