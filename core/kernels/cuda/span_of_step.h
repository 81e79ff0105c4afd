#pragma once
// A step as the kernels of attention want it, for the launchers in attend.cpp and attend_turned.cu.

#include "core/kernels/cuda/span_arguments.h"

namespace fovea::cuda {

// Over all slots, with nothing asked for beside what the step says.
SpanArguments spanArguments(const AttendAll& step);

} // namespace fovea::cuda
