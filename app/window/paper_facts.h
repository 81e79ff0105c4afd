#pragma once
// What the inspector's paper card says about a plan: the paper's own account beside what Fovea counted.

#include <cstdint>

#include "views/panels/paper_card.h"

namespace fovea {

struct AttentionPlan;
struct RunPair;

PaperFacts paperFacts(const AttentionPlan& plan, const RunPair& runs, std::int64_t query);

} // namespace fovea
