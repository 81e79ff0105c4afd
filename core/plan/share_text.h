#pragma once
// The share slot of a plan: its text, and which models it does not fit.

#include <optional>
#include <string>

#include "core/methods/share/cla.h"
#include "core/plan/plan_words.h"

namespace fovea {

// Of share=cla and share=layers; nothing for another value. Throws PlanError.
std::optional<Share> parseShareMethod(const PlanWord& word);
// "share=cla:3,pattern=keep-ends"; empty for the model's own.
std::string shareText(const Share& share);
std::optional<std::string> shareRefusal(const Share& share, const ModelSpec& spec);

// What is to be said wherever results of a converted model are shown; nothing where the model is as it was trained.
std::optional<std::string> conversionNote(const Share& share);

// The words of the switches, for the panel too.
std::string_view patternName(ClaParams::Pattern pattern);
std::string_view conversionName(KvConversion convert);

} // namespace fovea
