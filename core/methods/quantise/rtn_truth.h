#pragma once
// RTN straight from its formula (rtn.h), in ATen.

#include <ATen/core/Tensor.h>

#include "core/methods/quantise/rtn.h"

namespace fovea {

// In which precision a group's scale stands when codes are chosen: the formula's own, or the binary16 in which it is
// held. Only as held does zero=free bound its zeros.
enum class RtnScale : std::uint8_t { Exact, Held };

// What stands in that precision for `x` fp64, (…).
at::Tensor asHeld(const at::Tensor& x, RtnScale scale);
// What the codes of a group are read with, each (…, 1) in fp64: x̂ = (q − z)·s. In sym z is the middle.
struct RtnGroup {
    at::Tensor scale, zero;
};
// Of x (…, g) fp64, one group per row.
RtnGroup rtnGroup(const at::Tensor& x, const RtnParams& params, RtnScale scale);
// q (…, g) fp64, 0 … Q, of x (…, g) fp64.
at::Tensor rtnCodes(const at::Tensor& x, const RtnGroup& group, const RtnParams& params);

// x̂ (…, n) fp32 of x (…, n), groups along the last dimension, the last one shorter where g does not divide n.
at::Tensor rtnTruth(const at::Tensor& x, const RtnParams& params, RtnScale scale = RtnScale::Exact);

} // namespace fovea
