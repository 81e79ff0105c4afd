#pragma once
// The switches of rtn, which two slots of a plan take: store=rtn:bits=4,group=128,mode=asym,zero=clamped and
// weights=rtn:….

#include <optional>
#include <string>

#include "core/methods/quantise/rtn.h"
#include "core/plan/plan_words.h"

namespace fovea {

// Throws PlanError.
RtnParams parseRtn(const PlanWord& word);
// ":bits=3", what is not as usual.
std::string rtnSwitches(const RtnParams& rtn);
// "rtn:bits=3"
std::string rtnText(const RtnParams& rtn);
// Why no kernel reads `word`, a plan's with these parameters; or nothing.
std::optional<std::string> rtnRefusal(const std::string& word, const RtnParams& rtn);

} // namespace fovea
