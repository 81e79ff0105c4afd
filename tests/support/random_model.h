#pragma once
// The model of most tests, and what they do with it.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>

#include <cmath>
#include <memory>

#include "core/cache/scalar_type.h"
#include "core/model/parameters.h"
#include "core/model/random_model.h"

namespace fovea::test {

using fovea::randomModel;
using fovea::RandomShape;

} // namespace fovea::test
