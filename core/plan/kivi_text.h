#pragma once
// The text of store=kivi.
//
//     kivi:bits=2,group=32,residual=128

#include <optional>
#include <string>

#include "core/methods/store/kivi.h"
#include "core/plan/plan_words.h"

namespace fovea {

// Throws PlanError.
KiviParams parseKivi(const PlanWord& word);
// "kivi:bits=4": what is not the default.
std::string kiviText(const KiviParams& kivi);
// Why `word`, which holds these, cannot run: parameters that no text gave.
std::optional<std::string> kiviRefusal(const std::string& word, const KiviParams& kivi);

} // namespace fovea
