#pragma once
// Numbers as a checkpoint or a cache holds them, and made-up ones.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/cache/element_type.h"

namespace fovea::cuda {

inline constexpr ElementType kElementTypes[] = {ElementType::F32, ElementType::F16, ElementType::BF16};

// `values` in `type`, as bytes, and what they are then.
std::vector<unsigned char> stored(ElementType type, const std::vector<float>& values);
std::vector<float> rounded(ElementType type, const std::vector<float>& values);

// Of a normal distribution.
std::vector<float> madeUp(std::size_t count, unsigned seed);

// How far `out` is from `truth` at worst; infinite where one is NaN and the other is not, or sizes differ.
double worstDifference(const std::vector<float>& out, const std::vector<double>& truth);
bool sameBits(const std::vector<float>& a, const std::vector<float>& b);

} // namespace fovea::cuda
