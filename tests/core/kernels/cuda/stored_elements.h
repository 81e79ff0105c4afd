#pragma once
// Numbers as a checkpoint or a cache holds them, and made-up ones.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/cache/element_type.h"

namespace fovea::cuda {

inline constexpr ElementType kElementTypes[] = {ElementType::F32, ElementType::F16, ElementType::BF16};

// The nearest number that `type` holds.
float rounded(ElementType type, float x);
// One element as it lies in memory, 2 or 4 bytes at `at`.
void storeElement(ElementType type, float x, unsigned char* at);
float loadElement(ElementType type, const unsigned char* at);

// `values` in `type`, as bytes, and what they are then.
std::vector<unsigned char> stored(ElementType type, const std::vector<float>& values);
std::vector<float> rounded(ElementType type, const std::vector<float>& values);

// Of a normal distribution.
std::vector<float> madeUp(std::size_t count, unsigned seed);

// How far `out` is from `truth` at worst; infinite where one is NaN and the other is not, or sizes differ.
double worstDifference(const std::vector<float>& out, const std::vector<double>& truth);

// The same bytes, NaNs included.
template <class T>
bool sameBits(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

} // namespace fovea::cuda
