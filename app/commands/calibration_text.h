#pragma once
// The text of --weights of `calibrate`: as in a plan, without the slot.

#include <string>
#include <string_view>

#include "core/calibrate/calibrate_weights.h"

namespace fovea {

std::string_view acceptedCalibrations();
// "gptq:bits=3,group=64", "awq", "smooth:alpha=0.8". Throws UsageError.
WeightCalibration parseCalibration(const std::string& text);

} // namespace fovea
