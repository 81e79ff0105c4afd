#pragma once
// What changes while a model is trained, as functions of how much of the training is done (0..1).

#include <cstdint>

namespace fovea {

// Linear warm-up over the first 2 %, then half a cosine down to a twentieth of the peak.
double learningRateAt(double done, double peak);

// 64 for the first third, then 128, 256, 512, …: short sequences are where copying is learnt soonest; the
// last twelfth goes to the full context. Never more than `context`.
std::int64_t sequenceAt(double done, std::int64_t context);

// Share of made-up sequences: two thirds until recall has set in, half after that.
double madeUpAt(double done);

} // namespace fovea
