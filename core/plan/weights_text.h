#pragma once
// The weights slot of a plan: its text, and what no kernel reads.
//
//     weights=rtn:bits=4,group=128,mode=asym,zero=clamped      weights=awq|gptq:bits=4,group=128

#include <optional>
#include <string>

#include "core/methods/quantise/rtn.h"
#include "core/methods/share/cla.h"
#include "core/plan/plan_words.h"

namespace fovea {

struct ModelSpec;

// Of weights=rtn, awq and gptq; nothing for another value. Throws PlanError.
std::optional<WeightCodes> parseWeightsMethod(const PlanWord& word);
// "weights=rtn:bits=3"; empty for the checkpoint's own.
std::string weightsText(const WeightCodes& weights);
std::optional<std::string> weightsRefusal(const WeightCodes& weights, const Share& share);

// What is to be said wherever results are shown of weights that were rounded twice: those of a file that holds blocks
// are decoded first. Nothing for others.
std::optional<std::string> roundedTwiceNote(const WeightCodes& weights, const ModelSpec& spec);

} // namespace fovea
