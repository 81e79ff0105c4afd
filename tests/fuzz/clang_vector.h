#pragma once
// Included before everything else in the fuzz build. libstdc++'s std::vector is constexpr in C++20, and clang
// then wants its element's type whole where ATen's headers only declare it (c10::IValue in ATen/core/List.h);
// g++ does not. Nothing here needs a constexpr vector.

#include <compare>
#include <initializer_list>
#include <memory>
#include <string>

#pragma push_macro("_GLIBCXX20_CONSTEXPR")
#undef _GLIBCXX20_CONSTEXPR
#define _GLIBCXX20_CONSTEXPR
#define __fill_a1                                                                                            \
    __fill_a1_of_bits // declared constexpr by a header before: std::fill over a vector<bool> will not link
#include <vector>
#undef __fill_a1
#pragma pop_macro("_GLIBCXX20_CONSTEXPR")
