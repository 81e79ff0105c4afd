#pragma once
// KIVI straight from the paper (kivi.h), in ATen.

#include "core/methods/quantise/rtn_truth.h"
#include "core/methods/store/kivi.h"

namespace fovea {

// What stands for the rows of T cached tokens, (T, G, d) fp32 of (T, G, d): the rounded ones as read from their codes,
// the newest as they are. Keys after RoPE. `scale` says in which precision a group's scale and least value stand.
at::Tensor kiviKeys(const at::Tensor& keys, const KiviParams& params, RtnScale scale = RtnScale::Exact);
at::Tensor kiviValues(const at::Tensor& values, const KiviParams& params, RtnScale scale = RtnScale::Exact);

} // namespace fovea
