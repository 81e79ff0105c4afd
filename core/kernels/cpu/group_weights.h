#pragma once
// What a group of query heads gave to rows, summed, from the logits that its read left behind.
//   reads   g·n fp32 logits, once (Scores)
//   writes  n weights, which stay in L1
//   work    n·g exponentials
// For a keep that ranks tokens by attention; called for spans of at most kWeightSpan rows.

#include <cstdint>

#include "core/cache/traffic.h"
#include "core/kernels/cpu/read_report.h"

namespace fovea::cpu {

inline constexpr std::int64_t kWeightSpan = 1024;

// weights[i - first] = Σ alpha·exp(logit - m)/l over the query heads of `kvHead`, for rows [first, last) of the report. A
// weight that is no number counts as 0.
void groupWeights(const ReadReport& report, int kvHead, int group, std::int64_t first, std::int64_t last,
                  float* weights, Traffic& moved);

}  // namespace fovea::cpu
